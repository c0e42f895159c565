// SPDX-License-Identifier: MIT
#include "sample_run.h"

#include <fmt/format.h>

#include <filesystem>

namespace penstock::conformance {
namespace {

std::string totals_of(const Report& report) {
  std::string text = fmt::format("{} in, {} out, {} rejected, {} dropped", report.records_in, report.records_out,
                                 report.records_rejected, report.records_dropped);
  for (const StepReport& step : report.steps) {
    text += fmt::format("\n{}: {} in, {} out, {} rejected ({}), {} retries, {} fallbacks", step.name, step.records_in,
                        step.records_out, step.records_rejected, step.first_rejection, step.retries, step.fallbacks);
  }
  return text;
}

}  // namespace

Files files_in(const std::string& folder) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[std::filesystem::relative(entry.path(), folder).string()] = testing::read_text(entry.path().string());
    }
  }
  return files;
}

SampleFolders::SampleFolders() {
  std::filesystem::create_directory(at_.in);
  write_sample_inputs(at_.in);
}

void SampleFolders::empty_outputs() const {
  std::filesystem::remove_all(at_.out);
  std::filesystem::create_directory(at_.out);
}

void SampleFolders::run(const SamplePipeline& sample, RunOptions options, Outcome& outcome) const {
  empty_outputs();
  options.artifacts = at_.out;
  Result<std::vector<Pipeline>> pipelines = sample.make(at_);
  ASSERT_TRUE(pipelines) << pipelines.error().to_text();
  for (const Pipeline& pipeline : *pipelines) {
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << report.error().to_text();
    EXPECT_EQ(report->records_in, report->records_out + report->records_rejected + report->records_dropped);
    outcome.totals.push_back(totals_of(*report));
    for (const StepReport& step : report->steps)
      outcome.rejected += &pipeline == &pipelines->front() ? step.records_rejected : 0;
  }
  outcome.files = files_in(at_.out);
}

void expect_same_files(const Files& files, const Files& expected) {
  ASSERT_EQ(files.size(), expected.size());
  for (const auto& [name, bytes] : expected) {
    ASSERT_EQ(files.count(name), 1U) << name;
    ASSERT_TRUE(files.at(name) == bytes) << name << " differs: " << files.at(name).size() << " bytes instead of "
                                         << bytes.size();
  }
}

}  // namespace penstock::conformance
