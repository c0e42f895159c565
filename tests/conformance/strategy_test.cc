// SPDX-License-Identifier: MIT
// Every strategy writes the same bytes and counts the same records, whatever the batch size, the number of workers and
// the depth of the channels.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "sample_run.h"

namespace penstock::conformance {

void PrintTo(const SamplePipeline& sample, std::ostream* out) { *out << sample.name; }

namespace {

class EveryStrategy : public ::testing::TestWithParam<SamplePipeline> {
 protected:
  /// Runs the sample into an empty folder.
  void run(const RunOptions& options, Outcome& outcome) { folders_.run(GetParam(), options, outcome); }
  /// What is there after a run, but for what may stay.
  Files left_behind() const {
    Files files = files_in(at_.out);
    files.erase(GetParam().stays);
    return files;
  }

  SampleFolders folders_;
  const Folders& at_ = folders_.at();
};

TEST(EveryStrategyIsTried, ThatOfTheExampleToo) {
  std::vector<std::string> names;
  for (const StrategyInfo& strategy : all_strategies()) names.push_back(strategy.name);
  EXPECT_THAT(names, ::testing::Contains("pairs"));
}

/// The matrix: every strategy, several batch sizes and numbers of workers; the fewest workers have the shortest
/// channels.
std::vector<RunOptions> every_way_to_run() {
  struct Room {
    std::uint32_t workers;
    std::size_t queue_depth;
  };
  std::vector<RunOptions> ways;
  for (const StrategyInfo& strategy : all_strategies()) {
    for (const std::size_t batch_size : {1U, 7U, 1'000U, 10'000U}) {
      for (const Room room : {Room{1, 1}, Room{2, 10}, Room{5, 2}}) {
        RunOptions& way = ways.emplace_back();
        way.strategy = {strategy.name, room.workers};
        way.batch_size = batch_size;
        way.queue_depth = room.queue_depth;
      }
    }
  }
  return ways;
}

TEST_P(EveryStrategy, WritesTheSameBytesWithAnyBatchSizeAndAnyWorkers) {
  RunOptions plain;
  plain.strategy = serial;
  plain.batch_size = 1000;
  Outcome expected;
  run(plain, expected);
  if (HasFatalFailure()) return;
  ASSERT_FALSE(expected.files.empty());
  for (const auto& [name, bytes] : expected.files) EXPECT_EQ(name.find(".part"), std::string::npos);
  for (const RunOptions& way : every_way_to_run()) {
    SCOPED_TRACE(fmt::format("strategy {}({}), batch_size {}, queue_depth {}", way.strategy.name, way.strategy.workers,
                             way.batch_size, way.queue_depth));
    Outcome outcome;
    run(way, outcome);
    if (HasFatalFailure()) return;
    expect_same_files(outcome.files, expected.files);
    if (HasFatalFailure()) return;
    if (!GetParam().ends_early) {
      EXPECT_EQ(outcome.totals, expected.totals);
    }
  }
}

TEST_P(EveryStrategy, LeavesNothingWhenItIsCancelled) {
  for (const StrategyInfo& strategy : all_strategies()) {
    SCOPED_TRACE(strategy.name);
    StopSignal stop;
    stop.request(StopSignal::State::kCancel);
    folders_.empty_outputs();
    Result<std::vector<Pipeline>> pipelines = GetParam().make(at_);
    ASSERT_TRUE(pipelines) << pipelines.error().to_text();
    RunOptions options;
    options.strategy = {strategy.name};
    options.artifacts = at_.out;
    options.stop = &stop;
    const Result<Report> report = pipelines->front().run(options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), ErrorCode::kCancelled);
    EXPECT_TRUE(left_behind().empty());
  }
}

TEST_P(EveryStrategy, LeavesNothingWhenMoreRecordsAreRejectedThanAllowed) {
  Outcome all;
  run({}, all);
  if (HasFatalFailure()) return;
  for (const StrategyInfo& strategy : all_strategies()) {
    SCOPED_TRACE(strategy.name);
    folders_.empty_outputs();
    Result<std::vector<Pipeline>> pipelines = GetParam().make(at_);
    ASSERT_TRUE(pipelines);
    RunOptions options;
    options.strategy = {strategy.name};
    options.artifacts = at_.out;
    options.max_errors = 0;
    const bool done = pipelines->front().run(options).has_value();
    // How many records are rejected before an early end depends on the batch size.
    if (!GetParam().ends_early) {
      EXPECT_EQ(done, all.rejected == 0);
    }
    EXPECT_EQ(left_behind().empty(), !done);
  }
}

INSTANTIATE_TEST_SUITE_P(Samples, EveryStrategy, ::testing::ValuesIn(sample_pipelines()),
                         [](const auto& sample) { return sample.param.name; });

}  // namespace
}  // namespace penstock::conformance
