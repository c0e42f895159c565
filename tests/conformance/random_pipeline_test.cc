// SPDX-License-Identifier: MIT
// Pipelines made by chance do the same under every strategy as under `serial`. PENSTOCK_RANDOM_SEED=N starts at another
// seed, PENSTOCK_LONG_TESTS=1 tries ten times as many.
#include "random_pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <penstock/pipeline_file.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/thorough.h"
#include "data/random.h"
#include "stream/stream_kit.h"

namespace penstock::conformance {
namespace {

constexpr int kPipelines = testing::kSanitized ? 60 : 500;

/// What is the same under every strategy.
struct Outcome {
  bool done = false;
  std::string error;  // for messages
  std::map<std::string, std::string> files;
  std::string counts;
};

std::string counts_of(const Report& report) {
  std::string text;
  for (const StepReport& step : report.steps) {
    text += fmt::format("{}: {} in, {} out, {} rejected ({})\n", step.name, step.records_in, step.records_out,
                        step.records_rejected, step.first_rejection);
  }
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

Outcome run(const std::string& toml, const std::string& artifacts, RunOptions options) {
  std::filesystem::remove_all(artifacts);
  std::filesystem::create_directory(artifacts);
  Outcome outcome;
  const Result<PipelineFile> file = parse_pipeline_file(replaced(toml, "{artifacts}", artifacts), "random.toml");
  if (!file) {
    outcome.error = file.error().to_text();
    ADD_FAILURE() << "the generator made a file that is wrong: " << outcome.error;
    return outcome;
  }
  Pipeline pipeline("random");
  for (const FileStep& step : file->stages.at(0).steps)
    pipeline.add(step.op, step.options, {.name = step.name, .on_error = step.on_error}, step.input);
  options.artifacts = artifacts;
  options.max_errors = file->run.max_errors;
  const Result<Report> report = pipeline.run(options);
  outcome.done = report.has_value();
  outcome.error = testing::error_text(report);
  if (report) outcome.counts = counts_of(*report);
  for (const auto& entry : std::filesystem::directory_iterator(artifacts))
    outcome.files[entry.path().filename().string()] = testing::read_text(entry.path().string());
  return outcome;
}

RunOptions random_options(const std::string& strategy, std::uint64_t seed) {
  Random random(seed, 23, strategy.size());
  RunOptions options;
  const auto pick = [&](std::initializer_list<std::uint32_t> from) {
    return from.begin()[random.integer(0, static_cast<std::int64_t>(from.size()) - 1)];
  };
  options.strategy = {strategy, pick({0, 1, 2, 5})};
  options.batch_size = pick({1, 3, 64, 1000});
  options.queue_depth = pick({1, 2, 8});
  return options;
}

TEST(RandomPipelines, DoTheSameUnderEveryStrategy) {
  const testing::TemporaryFolder folder;
  const std::string inputs = folder.file("in");
  const std::string artifacts = folder.file("out");
  std::filesystem::create_directory(inputs);
  write_random_inputs(inputs);
  const char* const begin = std::getenv("PENSTOCK_RANDOM_SEED");
  const std::uint64_t first = begin == nullptr ? 1 : std::strtoull(begin, nullptr, 10);
  const int count = testing::is_thorough() ? 10 * kPipelines : kPipelines;
  int done = 0;
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(count); ++seed) {
    const std::string pipeline = random_pipeline(seed, inputs);
    RunOptions plain;
    plain.batch_size = 100;
    const Outcome expected = run(pipeline, artifacts, plain);
    done += expected.done ? 1 : 0;
    for (const StrategyInfo& strategy : testing::every_strategy()) {
      const RunOptions options = random_options(strategy.name, seed);
      SCOPED_TRACE(fmt::format("seed {}: strategy {}, workers {}, batch_size {}, queue_depth {}\n{}", seed,
                               strategy.name, options.strategy.workers, options.batch_size, options.queue_depth,
                               pipeline));
      const Outcome outcome = run(pipeline, artifacts, options);
      ASSERT_EQ(outcome.done, expected.done) << outcome.error << expected.error;
      ASSERT_EQ(outcome.files, expected.files);
      ASSERT_EQ(outcome.counts, expected.counts);
    }
  }
  // Most come to their end, and some do not.
  EXPECT_GT(done, count / 2);
  EXPECT_LT(done, count);
}

}  // namespace
}  // namespace penstock::conformance
