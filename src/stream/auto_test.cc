// SPDX-License-Identifier: MIT
// What the strategy `auto` decides, from work whose cost is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/stream.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using testing::around;
using testing::calling;
using testing::Calls;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::chrono::milliseconds kAWhile{2};

Calls waiting_per_batch() {
  Calls calls;
  calls.traits = {.stateless = true, .rows = RowEffect::kKeeps};
  calls.process = [](Batch batch, Emitter& out) {
    std::this_thread::sleep_for(kAWhile);
    out.emit(std::move(batch));
    return Status();
  };
  return calls;
}

std::vector<std::int64_t> numbers_below(std::int64_t count) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(i);
  return all;
}

RunOptions automatically(std::size_t batch_size) {
  RunOptions options;
  options.strategy = automatic;
  options.batch_size = batch_size;
  return options;
}

TEST(Auto, PlansToMeasureBeforeItDivides) {
  std::vector<std::int64_t> out;
  const Plan plan = around(1, calling(Calls()), out).plan(automatically(10)).value();
  EXPECT_TRUE(plan.adapting.on);
  EXPECT_THAT(plan.reason, HasSubstr("all begin in one thread"));
  ASSERT_EQ(plan.segments.size(), 3U);
  EXPECT_EQ(plan.segments[1].workers, 1U);
  EXPECT_GE(plan.segments[1].most_workers, 16U);
  EXPECT_THAT(plan.segments[1].reason, HasSubstr("can be shared"));
  EXPECT_EQ(plan.segments[2].most_workers, 1U);
  EXPECT_THAT(plan.to_text(), HasSubstr("1 thread, at most "));
}

TEST(Auto, TakesTheNumberOfWorkersAsALimit) {
  std::vector<std::int64_t> out;
  RunOptions options = automatically(10);
  options.strategy = automatic(3);
  EXPECT_EQ(around(1, calling(Calls()), out).plan(options)->segments[1].most_workers, 3U);
}

TEST(Auto, IsSerialWhereNothingCanBeDivided) {
  const Plan plan = testing::chain({{"source", testing::counting_source(1)}}).plan(automatically(10)).value();
  EXPECT_FALSE(plan.adapting.on);
  EXPECT_THAT(plan.reason, HasSubstr("nothing can be divided"));
}

TEST(Auto, LeavesItToTheUserWhereStepsSayWhereTheyRun) {
  std::vector<std::int64_t> out;
  const Pipeline pipeline = around(1, calling(Calls()), out, {.on = parallel(2)});
  const Plan plan = pipeline.plan(automatically(10)).value();
  EXPECT_FALSE(plan.adapting.on);
  EXPECT_THAT(plan.reason, HasSubstr("some steps say where they run"));
  EXPECT_EQ(plan.segments[1].workers, 2U);
}

TEST(Auto, GivesProcessesToStepsThatMayCrash) {
  std::vector<std::int64_t> out;
  const Pipeline pipeline = around(100, calling(Calls()), out, {.may_crash = true});
  const Report report = pipeline.run(automatically(5)).value();
  EXPECT_EQ(out, numbers_below(100));
  EXPECT_EQ(report.plan.segments[1].worker, "process");
  EXPECT_THAT(report.plan.reason, HasSubstr("may crash, so in worker processes: step"));
}

TEST(Auto, SaysWhenAStepThatMayCrashCannotRunInAProcess) {
  Pipeline pipeline("test");
  pipeline.add("source", calling(testing::counting_source(1)), {}, Pipeline::kNone);
  pipeline.add("keeping", calling(Calls()), {.may_crash = true});
  const Plan plan = pipeline.plan(automatically(5)).value();
  EXPECT_TRUE(plan.adapting.on);
  EXPECT_THAT(plan.reason, HasSubstr("may crash, but cannot run in a process: keeping"));
}

TEST(Auto, GivesManyWorkersToAStepThatWaits) {
  std::vector<std::int64_t> out;
  const Report report = around(200, calling(waiting_per_batch()), out).run(automatically(5)).value();
  EXPECT_EQ(out, numbers_below(200));
  EXPECT_GE(report.plan.segments[1].workers, 4U);
  EXPECT_EQ(report.plan.segments[0].workers, 1U);
  EXPECT_THAT(report.plan.reason, AllOf(HasSubstr("measured in one thread"), HasSubstr("times as fast")));
  EXPECT_THAT(report.plan.segments[1].reason, AllOf(HasSubstr("measured: "), HasSubstr("% of it waiting")));
}

TEST(Auto, IsNotLedAstrayByBatchesThatTakeNoTime) {
  Calls calls = waiting_per_batch();
  calls.process = [](Batch batch, Emitter& out) {
    const bool is_even = batch.record_batch().column(0).int64s().front() % 10 == 0;
    if (is_even) std::this_thread::sleep_for(kAWhile / 2);
    out.emit(std::move(batch));
    return Status();
  };
  std::vector<std::int64_t> out;
  const Report report = around(1'000, calling(calls), out).run(automatically(5)).value();
  EXPECT_EQ(out, numbers_below(1'000));
  EXPECT_GE(report.plan.segments[1].workers, 2U) << report.plan.reason;
}

TEST(Auto, AddsNoWorkersWhileMemoryIsShort) {
  std::vector<std::int64_t> out;
  RunOptions options = automatically(RunOptions::kDefaultBatchSize);
  options.memory_limit = 1;  // one batch takes more
  const Report report = around(200, calling(waiting_per_batch()), out).run(options).value();
  EXPECT_EQ(out, numbers_below(200));
  EXPECT_EQ(report.plan.segments[1].workers, 1U);
  EXPECT_THAT(report.plan.reason,
              AllOf(HasSubstr("but memory is short ("), HasSubstr("of memory_limit were in flight")));
  EXPECT_EQ(report.plan.batch_size, 1U);
}

TEST(Auto, ShortensQueuesWhileMemoryIsShort) {
  // Twelve batches fill the memory; more than that would wait in queues of eight before steps that wait.
  constexpr std::int64_t kRows = 2048;
  Calls slow = waiting_per_batch();
  slow.traits = {.rows = RowEffect::kKeeps};
  RunOptions options = automatically(kRows);
  options.strategy = {"auto_at_once"};
  options.memory_limit = 12 * kRows * sizeof(std::int64_t);
  const Report report =
      testing::chain({{"source", testing::counting_source(kRows * 400)}, {"one", slow}, {"two", slow}})
          .run(options)
          .value();
  EXPECT_LT(report.plan.segments[1].queue_depth, 8U);
  options.queue_depth = 7;  // the user's own
  const Report kept = testing::chain({{"source", testing::counting_source(kRows * 400)}, {"one", slow}, {"two", slow}})
                          .run(options)
                          .value();
  EXPECT_EQ(kept.plan.segments[1].queue_depth, 7U);
}

TEST(Auto, GivesThreadsToStepsThatWaitAndCannotBeShared) {
  Calls in_order = waiting_per_batch();
  in_order.traits = {.rows = RowEffect::kKeeps};
  const Report report = testing::chain({{"source", testing::counting_source(50)}, {"one", in_order}, {"two", in_order}})
                            .run(automatically(5))
                            .value();
  EXPECT_THAT(report.plan.reason, HasSubstr("times as fast"));
  for (const PlanSegment& segment : report.plan.segments) {
    EXPECT_EQ(segment.workers, 1U);
  }
}

TEST(Auto, StaysInTheCallersThreadWithLittleWork) {
  std::set<std::thread::id> threads;
  Calls noting;
  noting.traits = {.rows = RowEffect::kKeeps};
  noting.process = [&](Batch batch, Emitter& out) {
    threads.insert(std::this_thread::get_id());
    out.emit(std::move(batch));
    return Status();
  };
  const Report report =
      testing::chain({{"source", testing::counting_source(50)}, {"noting", noting}}).run(automatically(5)).value();
  EXPECT_THAT(threads, ElementsAre(std::this_thread::get_id()));
  EXPECT_EQ(report.records_out, 50U);
}

// An operator that takes as long for one record as for many gets many.
TEST(Auto, FindsLargeBatchesWhereABatchCostsAsMuchAsARecord) {
  std::vector<std::int64_t> out;
  const Report report =
      around(60'000, calling(waiting_per_batch()), out).run(automatically(RunOptions::kDefaultBatchSize)).value();
  EXPECT_EQ(out, numbers_below(60'000));
  EXPECT_GE(report.plan.batch_size, 1024U);
  EXPECT_THAT(report.plan.reason, HasSubstr("times as fast"));
}

TEST(Auto, FindsSmallBatchesWhereARecordWaits) {
  const auto wait = [](const std::uint64_t& n) {
    std::this_thread::sleep_for(kAWhile);
    return n;
  };
  std::vector<std::uint64_t> out;
  const Pipeline pipeline =
      range(0, 300).map(wait, {.name = "wait", .stateless = true}).for_each([&out](const std::uint64_t& n) {
        out.push_back(n);
      });
  const Report report = pipeline.run(automatic).value();
  EXPECT_EQ(out.size(), 300U);
  EXPECT_LE(report.plan.batch_size, 16U);
  EXPECT_GE(report.plan.segments[1].workers, 4U);
}

// What a policy gives up with a batch must not depend on how fast it is.
TEST(Auto, KeepsTheBatchSizeWhereABatchMayBeRejectedAsAWhole) {
  std::vector<std::int64_t> out;
  std::size_t largest = 0;
  Calls noting;
  noting.process = [&largest](Batch batch, Emitter& to) {
    largest = std::max(largest, batch.num_records());
    to.emit(std::move(batch));
    return Status();
  };
  Pipeline pipeline("test");
  pipeline.add("source", calling(testing::counting_source(10'000)), {}, Pipeline::kNone);
  pipeline.add("step", calling(noting), {.on_error = skip()});
  ASSERT_TRUE(pipeline.run(automatic));
  EXPECT_EQ(largest, RunOptions::kDefaultBatchSize);
}

// Like Calls, but only so many can be made.
class ScarceFactory final : public OperatorFactory {
 public:
  ScarceFactory(Calls calls, int most) : factory_(calling(std::move(calls))), left_(most) {}
  Result<std::unique_ptr<Operator>> make() const override {
    if (left_-- > 0) return factory_->make();
    return Error(ErrorCode::kResourceExhausted, "there are no more of it");
  }

 private:
  const std::shared_ptr<const OperatorFactory> factory_;
  mutable std::atomic<int> left_;
};

TEST(Auto, EndsTheRunWhenAWorkerCannotBeMade) {
  for (const int most : {1, 2}) {  // one in the first thread; one more, and then none
    std::vector<std::int64_t> out;
    Calls plain;
    plain.traits = {.stateless = true, .rows = RowEffect::kKeeps};
    const Pipeline pipeline = around(100, std::make_shared<ScarceFactory>(plain, most), out);
    RunOptions options = automatically(5);
    options.strategy = {"auto_at_once"};
    EXPECT_THAT(testing::error_text(pipeline.run(options)), HasSubstr("there are no more of it"));
  }
}

}  // namespace
}  // namespace penstock
