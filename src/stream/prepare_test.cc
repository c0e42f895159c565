// SPDX-License-Identifier: MIT
// What the workers of a segment do ahead for the operator that their batches go to.
#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "platform/clock.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::Calls;
using testing::counting_source;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::keeping_sink;

// Prepares the sum of a batch, and keeps what it found prepared, in the order of the batches.
class Summing final : public Operator {
 public:
  struct Seen {
    std::vector<std::int64_t> sums = {};      // of the batches, by `process` itself
    std::vector<std::int64_t> prepared = {};  // as it found them; -1 for none
    std::atomic<int> calls = 0;               // of prepare
    std::atomic<int> calls_when_open = 0;
    std::function<void()> while_preparing = {};
  };
  explicit Summing(Seen& seen) : seen_(seen) {}

  Result<StreamType> bind(const StreamType& input) override { return input; }
  OperatorTraits traits() const override { return {.prepares = true, .effects = true, .rows = RowEffect::kKeeps}; }
  Status open(OperatorContext&) override {
    open_ = true;
    return {};
  }
  Buffer prepare(const Batch& batch, BufferPool& pool) override {
    seen_.calls.fetch_add(1);
    if (open_) seen_.calls_when_open.fetch_add(1);
    if (seen_.while_preparing) seen_.while_preparing();
    const std::int64_t sum = sum_of(batch);
    Buffer made = pool.allocate(sizeof sum);
    std::memcpy(made.mutable_data(), &sum, sizeof sum);
    made.set_size(sizeof sum);
    return made;
  }
  Status process(Batch batch, Emitter& out) override {
    std::int64_t prepared = -1;
    if (batch.prepared) std::memcpy(&prepared, batch.prepared.data(), sizeof prepared);
    seen_.prepared.push_back(prepared);
    seen_.sums.push_back(sum_of(batch));
    out.emit(std::move(batch));
    return {};
  }

 private:
  static std::int64_t sum_of(const Batch& batch) {
    const auto values = batch.record_batch().column(0).int64s();
    return std::accumulate(values.begin(), values.end(), std::int64_t{0});
  }
  Seen& seen_;
  bool open_ = false;
};

class SummingFactory final : public OperatorFactory {
 public:
  explicit SummingFactory(Summing::Seen& seen) : seen_(seen) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<Summing>(seen_); }

 private:
  Summing::Seen& seen_;
};

// 0 … 999 -> a step that workers may share -> Summing.
Pipeline summed(Summing::Seen& seen, StepOptions of_sink = {}) {
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(1'000)), {}, Pipeline::kNone);
  StepOptions shared;
  shared.stateless = true;
  pipeline.add("step", calling(Calls{}), shared);
  pipeline.add("sum", std::make_shared<SummingFactory>(seen), std::move(of_sink));
  return pipeline;
}

RunOptions with(Strategy strategy) {
  RunOptions options;
  options.strategy = std::move(strategy);
  options.batch_size = 7;
  return options;
}

TEST(Prepare, IsDoneByTheWorkersThatABatchComesFrom) {
  Summing::Seen seen;
  ASSERT_TRUE(summed(seen).run(with(parallel(3))));
  EXPECT_EQ(seen.prepared, seen.sums);
  EXPECT_EQ(seen.calls, 143);
  EXPECT_EQ(std::accumulate(seen.sums.begin(), seen.sums.end(), 0), 499'500);
}

TEST(Prepare, IsDoneByInstancesThatWereNeverOpened) {
  Summing::Seen seen;
  ASSERT_TRUE(summed(seen).run(with(parallel(3))));
  EXPECT_EQ(seen.calls_when_open, 0);
}

TEST(Prepare, IsDoneByWorkersThatComeLater) {
  Summing::Seen seen;
  ASSERT_TRUE(summed(seen).run(with({"auto_at_once"})));
  EXPECT_EQ(seen.prepared, seen.sums);
}

TEST(Prepare, IsLeftOutWhereNoWorkersShareTheBatches) {
  for (const Strategy& strategy : {serial, threads, parallel(1), processes(2)}) {
    Summing::Seen seen;
    ASSERT_TRUE(summed(seen).run(with(strategy)));
    EXPECT_EQ(seen.calls, 0);
    EXPECT_THAT(seen.prepared, Each(-1));
    EXPECT_EQ(seen.sums.size(), 143U);
  }
}

TEST(Prepare, IsLeftOutForOneOfSeveralConsumers) {
  Summing::Seen seen;
  std::vector<std::int64_t> copy;
  Pipeline pipeline = summed(seen);
  pipeline.add("copy", calling(keeping_sink(copy)), {}, 1);
  ASSERT_TRUE(pipeline.run(with(parallel(3))));
  EXPECT_EQ(seen.calls, 0);
  EXPECT_EQ(seen.sums.size(), 143U);
  EXPECT_EQ(copy.size(), 1'000U);
}

TEST(Prepare, ThatFailsLeavesTheWorkToTheOperator) {
  Summing::Seen seen;
  seen.while_preparing = [] { throw std::runtime_error("no"); };
  ASSERT_TRUE(summed(seen).run(with(parallel(3))));
  EXPECT_EQ(seen.calls, 143);
  EXPECT_THAT(seen.prepared, Each(-1));
}

TEST(Prepare, CountsAsTimeOfTheOperator) {
  Summing::Seen seen;
  seen.while_preparing = [] {
    for (const std::int64_t begin = now_ns(); now_ns() - begin < 100'000;) {
    }
  };
  RunOptions options = with(parallel(3));
  options.metrics = true;
  const Result<Report> report = summed(seen).run(options);
  ASSERT_TRUE(report);
  EXPECT_GE(report->steps[2].busy_seconds, 143 * 100e-6);
}

TEST(Prepare, IsSaidInThePlan) {
  Summing::Seen seen;
  const Result<Plan> plan = summed(seen).plan(with(parallel(3)));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->to_text(), HasSubstr("it needs the batches in order; the workers before prepare them"));
}

}  // namespace
}  // namespace penstock
