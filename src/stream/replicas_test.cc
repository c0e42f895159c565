// SPDX-License-Identifier: MIT
// Segments with several workers: order, numbers of rejected records, the first error, merged results, memory.
#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <numeric>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::around;
using testing::calling;
using testing::calling_each;
using testing::Calls;
using testing::counting_source;
using ::testing::ElementsAre;
using testing::error_text;
using testing::Gate;
using ::testing::HasSubstr;
using testing::keeping_sink;
using testing::numbers;
using testing::TemporaryFolder;

RunOptions in_parallel(std::uint32_t workers, std::size_t batch_size) {
  RunOptions options;
  options.strategy = parallel(workers);
  options.batch_size = batch_size;
  return options;
}

TEST(Replicas, WorkSideBySide) {
  // Each of four workers waits until all four have a batch: only possible when they work at once.
  std::atomic<int> inside{0};
  Gate all_inside;
  Calls calls;
  calls.process = [&](Batch batch, Emitter& out) {
    if (inside.fetch_add(1) == 3) all_inside.open();
    all_inside.wait();
    out.emit(std::move(batch));
    return Status();
  };
  std::vector<std::int64_t> out;
  const Pipeline pipeline = around(4, calling(calls), out);
  ASSERT_TRUE(pipeline.run(in_parallel(4, 1)));
  EXPECT_THAT(out, ElementsAre(0, 1, 2, 3));
}

TEST(Replicas, GiveBatchesBackInOrder) {
  // The batch that comes first ends last.
  Gate second_done;
  Calls calls;
  calls.process = [&](Batch batch, Emitter& out) {
    const bool first = batch.record_batch().column(0).int64s()[0] == 0;
    if (first) second_done.wait();
    out.emit(std::move(batch));
    if (!first) second_done.open();
    return Status();
  };
  std::vector<std::int64_t> out;
  ASSERT_TRUE(around(100, calling(calls), out).run(in_parallel(3, 10)));
  std::vector<std::int64_t> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(out, expected);
}

TEST(Replicas, EndWithTheErrorOfTheFirstBatchThatFails) {
  // The second batch fails first; what the run ends with is still the first batch's error, as in `serial`.
  Gate second_failed;
  Calls calls;
  calls.process = [&](Batch batch, Emitter&) -> Status {
    const std::int64_t first = batch.record_batch().column(0).int64s()[0];
    if (first == 0) second_failed.wait();
    if (first == 10) second_failed.open();
    return Error(ErrorCode::kDataLoss, fmt::format("batch {} is broken", first));
  };
  std::vector<std::int64_t> out;
  const Result<Report> report = around(100, calling(calls), out).run(in_parallel(2, 10));
  EXPECT_THAT(error_text(report), HasSubstr("batch 0 is broken"));
  EXPECT_THAT(out, ElementsAre());
}

// Rejects every multiple of 10.
Calls rejects_tens() {
  Calls calls;
  const auto context = std::make_shared<OperatorContext*>();
  calls.traits.rows = RowEffect::kDrops;
  calls.open = [context](OperatorContext& given) {
    *context = &given;
    return Status();
  };
  calls.process = [context](Batch batch, Emitter& out) -> Status {
    std::vector<std::uint32_t> rest;
    const auto values = batch.record_batch().column(0).int64s();
    for (std::uint32_t row = 0; row < values.size(); ++row) {
      if (values[row] % 10 != 0) {
        rest.push_back(row);
      } else {
        PENSTOCK_TRY(
            (*context)->errors->reject({.record = row, .reason = "a ten", .raw = std::to_string(values[row])}));
      }
    }
    out.emit(batch.record_batch().take(rest, *(*context)->pool));
    return {};
  };
  return calls;
}

TEST(Replicas, NumberRejectedRecordsAsOneWorkerDoes) {
  const TemporaryFolder folder;
  std::vector<std::int64_t> out;
  Pipeline pipeline("test");
  const StepOptions step = {.on_error = quarantine(folder.file("bad.jsonl")), .stateless = true};
  pipeline.add("source", calling(counting_source(1000)), {}, Pipeline::kNone);
  pipeline.add("first", calling_each(rejects_tens), step);
  pipeline.add("second", calling_each(rejects_tens), step);  // gets only what the first let through
  pipeline.add("sink", calling(keeping_sink(out)));
  ASSERT_TRUE(pipeline.run(serial));
  const std::string expected = testing::read_text(folder.file("bad.jsonl"));
  for (const std::uint32_t workers : {2U, 5U}) {
    const Result<Report> report = pipeline.run(in_parallel(workers, 7));
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(testing::read_text(folder.file("bad.jsonl")), expected);
    EXPECT_EQ(report->steps[1].records_in, 1000U);
    EXPECT_EQ(report->steps[1].records_rejected, 100U);
    EXPECT_EQ(report->steps[2].records_in, 900U);
  }
}

TEST(Replicas, FailAtTheFirstRejectedRecord) {
  std::vector<std::int64_t> out;
  for (const std::uint32_t workers : {1U, 2U, 5U}) {
    const Result<Report> report = around(1000, calling_each(rejects_tens), out).run(in_parallel(workers, 7));
    EXPECT_THAT(error_text(report), testing::error_text(around(1000, calling_each(rejects_tens), out).run(serial)));
  }
}

TEST(Replicas, PassOnMoreBatchesThanFitIntoMemoryAtOnce) {
  // One batch becomes very many; they leave as they come when it is their turn.
  Calls calls;
  calls.process = [](Batch batch, Emitter& out) {
    const std::int64_t first = batch.record_batch().column(0).int64s()[0];
    for (std::int64_t i = 0; i < 1000; ++i) out.emit(numbers(first * 1000 + i, first * 1000 + i + 1));
    return Status();
  };
  std::vector<std::int64_t> out;
  RunOptions options = in_parallel(3, 1);
  options.queue_depth = 1;
  ASSERT_TRUE(around(20, calling(calls), out).run(options));
  std::vector<std::int64_t> expected(20'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(out, expected);
}

TEST(Replicas, MergeWhatTheirOperatorsGathered) {
  // A sum, gathered in parts.
  struct Summing final : Operator {
    Result<StreamType> bind(const StreamType& input) override { return input; }
    OperatorTraits traits() const override { return {.mergeable = true}; }
    Status process(Batch batch, Emitter&) override {
      for (const std::int64_t value : batch.record_batch().column(0).int64s()) sum += value;
      return {};
    }
    Status merge(Operator& other) override {
      sum += static_cast<Summing&>(other).sum;
      return {};
    }
    Status finish(Emitter& out) override {
      out.emit(numbers(sum, sum + 1));
      return {};
    }
    std::int64_t sum = 0;
  };
  struct Factory final : OperatorFactory {
    Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<Summing>(); }
  };
  for (const std::uint32_t workers : {1U, 2U, 7U}) {
    std::vector<std::int64_t> out;
    Pipeline pipeline("test");
    pipeline.add("source", calling(counting_source(1001)), {}, Pipeline::kNone);
    pipeline.add("sum", std::make_shared<Factory>());
    pipeline.add("sink", calling(keeping_sink(out)));
    ASSERT_TRUE(pipeline.run(in_parallel(workers, 10)));
    EXPECT_THAT(out, ElementsAre(500'500));
  }
}

TEST(Replicas, EndEarlyWhenNobodyWantsMore) {
  std::vector<std::int64_t> out;
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(std::numeric_limits<std::int64_t>::max())), {}, Pipeline::kNone);
  Calls pass;
  pass.traits.rows = RowEffect::kChanges;  // so that what follows may have a segment of its own
  pipeline.add("pass", calling(pass), {.stateless = true});
  pipeline.add("head", {{"n", 23}});
  pipeline.add("sink", calling(keeping_sink(out)));
  ASSERT_TRUE(pipeline.run(in_parallel(3, 10)));
  EXPECT_EQ(out.size(), 23U);
}

TEST(Replicas, LeaveAStepAloneThatMayNotLookAtARecordTooMany) {
  std::vector<std::int64_t> kept;
  std::vector<std::int64_t> out;
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(100)), {}, Pipeline::kNone);
  Calls keeping = keeping_sink(kept);
  const auto keep = keeping.process;
  keeping.process = [keep](Batch batch, Emitter& to) {
    Batch same = batch.copy();
    const Status status = keep(std::move(batch), to);
    to.emit(std::move(same));
    return status;
  };
  pipeline.add("keep", calling(keeping));  // sees every record, so what follows may have a segment of its own
  Calls pass;
  pass.traits.rows = RowEffect::kKeeps;
  pipeline.add("pass", calling(pass), {.stateless = true});
  pipeline.add("head", {{"n", 23}});
  pipeline.add("sink", calling(keeping_sink(out)));
  const Result<Report> report = pipeline.run(in_parallel(3, 10));
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(out.size(), 23U);
  EXPECT_EQ(kept.size(), 100U);
}

TEST(Replicas, AreForOperatorsThatLookAtNothingButTheirBatch) {
  int seen = 0;
  const auto plain = range(0, 10).map([](std::uint64_t n) { return n + 1; }, {.name = "plain"});
  EXPECT_EQ(plain.pipeline().plan({.strategy = parallel(4)})->segments[1].workers, 4U);
  const auto counting = range(0, 10).map([&seen](std::uint64_t n) { return n + static_cast<std::uint64_t>(++seen); });
  EXPECT_EQ(counting.pipeline().plan({.strategy = parallel(4)})->segments[1].workers, 1U);
  const auto promised =
      range(0, 10).map([&seen](std::uint64_t n) { return n + static_cast<std::uint64_t>(seen); }, {.stateless = true});
  EXPECT_EQ(promised.pipeline().plan({.strategy = parallel(4)})->segments[1].workers, 4U);
}

}  // namespace
}  // namespace penstock
