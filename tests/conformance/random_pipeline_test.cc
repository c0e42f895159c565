// SPDX-License-Identifier: MIT
// Pipelines made by chance do the same under every strategy as under `serial`, where their steps are put by chance
// under `hybrid`, with delays by chance. PENSTOCK_RANDOM_SEED=N starts at another seed, PENSTOCK_LONG_TESTS=1 tries ten
// times as many.
#include "random_pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <penstock/pipeline_file.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

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
  bool in_processes = false;  // not the same
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

/// Every fifth pipeline has steps that pass batches on, and take their time with some of them.
std::optional<StepOptions> random_delay(std::uint64_t seed, std::size_t step) {
  Random random(seed, 29, step);
  if (seed % 5 != 0 || random.integer(0, 2) != 0) return std::nullopt;
  return StepOptions{.name = fmt::format("delay_{}", step), .stateless = true};
}

std::shared_ptr<const OperatorFactory> delaying() {
  return testing::calling_each([] {
    testing::Calls calls;
    calls.traits.rows = RowEffect::kKeeps;
    calls.process = [random = std::make_shared<Random>(Random(31, 0, 0))](Batch batch, Emitter& out) {
      if (random->integer(0, 7) == 0) std::this_thread::sleep_for(std::chrono::microseconds(random->integer(0, 300)));
      out.emit(std::move(batch));
      return Status();
    };
    return calls;
  });
}

/// The steps of a file, at the places of `on`, if there are any.
Pipeline pipeline_of(const PipelineFile& file, std::uint64_t seed, const std::vector<Strategy>& on) {
  Pipeline pipeline("random");
  std::vector<Pipeline::StepId> ids;  // of the file's steps; delays come behind them
  const auto place = [&] { return pipeline.steps().size() < on.size() ? on[pipeline.steps().size()] : Strategy{}; };
  for (const FileStep& step : file.stages.at(0).steps) {
    const Pipeline::StepId input = step.input < ids.size() ? ids[step.input] : step.input;
    ids.push_back(
        pipeline.add(step.op, step.options, {.name = step.name, .on_error = step.on_error, .on = place()}, input));
    if (std::optional<StepOptions> delay = random_delay(seed, ids.size())) {
      delay->on = place();
      ids.back() = pipeline.add("delay", delaying(), std::move(*delay), ids.back());
    }
  }
  return pipeline;
}

/// A place for each step, by chance; none for those that cannot run where chance would have them.
std::vector<Strategy> random_places(const PipelineFile& file, std::uint64_t seed) {
  Random random(seed, 37, 0);
  const std::vector<Strategy> places = {{}, serial, threads, parallel(2), parallel(3), processes(1), processes(2)};
  std::vector<Strategy> on(pipeline_of(file, seed, {}).steps().size());
  for (Strategy& place : on)
    place = places[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(places.size()) - 1))];
  for (std::size_t tries = 0; tries < on.size(); ++tries) {
    const Pipeline pipeline = pipeline_of(file, seed, on);
    const Result<Plan> plan = pipeline.plan({.strategy = hybrid});
    if (plan) break;
    for (std::size_t i = 0; i < on.size(); ++i) {
      if (pipeline.steps()[i].name == plan.error().where()) on[i] = {};
    }
  }
  return on;
}

Outcome run(const std::string& toml, std::uint64_t seed, const std::string& artifacts, RunOptions options) {
  std::filesystem::remove_all(artifacts);
  std::filesystem::create_directory(artifacts);
  Outcome outcome;
  const Result<PipelineFile> file = parse_pipeline_file(replaced(toml, "{artifacts}", artifacts), "random.toml");
  if (!file) {
    outcome.error = file.error().to_text();
    ADD_FAILURE() << "the generator made a file that is wrong: " << outcome.error;
    return outcome;
  }
  const bool by_hand = options.strategy.name == hybrid.name;
  const Pipeline pipeline = pipeline_of(*file, seed, by_hand ? random_places(*file, seed) : std::vector<Strategy>());
  options.artifacts = artifacts;
  options.max_errors = file->run.max_errors;
  const Result<Report> report = pipeline.run(options);
  outcome.done = report.has_value();
  outcome.error = testing::error_text(report);
  if (report) {
    outcome.counts = counts_of(*report);
    for (const PlanSegment& segment : report->plan.segments) outcome.in_processes |= segment.worker == "process";
  }
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
  int by_hand_in_processes = 0;
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(count); ++seed) {
    const std::string pipeline = random_pipeline(seed, inputs);
    RunOptions plain;
    plain.batch_size = 100;
    const Outcome expected = run(pipeline, seed, artifacts, plain);
    done += expected.done ? 1 : 0;
    for (const StrategyInfo& strategy : testing::every_strategy()) {
      const RunOptions options = random_options(strategy.name, seed);
      SCOPED_TRACE(fmt::format("seed {}: strategy {}, workers {}, batch_size {}, queue_depth {}\n{}", seed,
                               strategy.name, options.strategy.workers, options.batch_size, options.queue_depth,
                               pipeline));
      const Outcome outcome = run(pipeline, seed, artifacts, options);
      ASSERT_EQ(outcome.done, expected.done) << outcome.error << expected.error;
      ASSERT_EQ(outcome.files, expected.files);
      ASSERT_EQ(outcome.counts, expected.counts);
      by_hand_in_processes += strategy.name == hybrid.name && outcome.in_processes ? 1 : 0;
    }
  }
  // Most come to their end, and some do not.
  EXPECT_GT(done, count / 2);
  EXPECT_LT(done, count);
  EXPECT_GT(by_hand_in_processes, count / 20);
}

}  // namespace
}  // namespace penstock::conformance
