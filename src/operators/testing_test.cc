// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <algorithm>
#include <thread>

namespace penstock::testing {
namespace {

// Rejects negative numbers and hands on the batches that have none.
class Refuse final : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override { return input; }
  Status open(OperatorContext& context) override {
    errors_ = context.errors;
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    for (std::size_t i = 0; i < batch.num_records(); ++i) {
      if (batch.record_batch().column(0).int64s()[i] >= 0) continue;
      return errors_->reject({.record = i, .reason = "negative", .raw = batch.record_batch().row_to_json(i)});
    }
    out.emit(std::move(batch));
    return {};
  }
  void abort() noexcept override { aborted = true; }

  bool aborted = false;

 private:
  RowErrors* errors_ = nullptr;
};

RecordBatch numbers() {
  return table({{"n", Type::kInt64}}, {{std::int64_t{1}}, {nullptr}, {std::int64_t{-3}}, {std::int64_t{4}}});
}

TEST(OperatorHarness, KeepsBatchesAndRejections) {
  Refuse op;
  const RecordBatch batch = numbers();
  const HarnessResult result = run_operator(op, batch.schema_ptr(), in_batches_of(batch, 2), {.on_error = skip()});
  EXPECT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.rows(), (std::vector<std::string>{R"({"n":1})", R"({"n":null})"}));
  EXPECT_EQ(result.reasons(), std::vector<std::string>{"negative"});
  EXPECT_FALSE(op.aborted);
}

TEST(OperatorHarness, FailsAndAbortsAtTheFirstRejectionByDefault) {
  Refuse op;
  const HarnessResult result = run_operator(op, numbers());
  ASSERT_FALSE(result.status);
  EXPECT_EQ(result.status.error().message(), "negative");
  EXPECT_EQ(result.status.error().record(), 2);
  EXPECT_TRUE(op.aborted);
}

TEST(OperatorHarness, StopsWhenTheEmitterHasEnough) {
  Refuse op;
  const RecordBatch batch = numbers();
  const HarnessResult result = run_operator(op, batch.schema_ptr(), in_batches_of(batch, 1), {.most_batches = 1});
  EXPECT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.num_rows(), 1U);
}

Pipeline counting(NumberSourceOptions options, ErrorPolicy policy = {}) {
  Pipeline pipeline;
  pipeline.add("numbers", number_source(std::move(options)), {.on_error = std::move(policy)});
  pipeline.add("head", {{"n", 1'000'000}});
  return pipeline;
}

TEST(NumberSource, CountsInBatchesOfTheRun) {
  const Result<Report> report = counting({.records = 10}).run({.batch_size = 4});
  ASSERT_TRUE(report) << report.error().to_text();
  EXPECT_EQ(report->records_out, 10U);
  EXPECT_EQ(report->steps[1].batches, 3U);
}

TEST(NumberSource, FailsBehindItsLastRecord) {
  const RunOutcome outcome =
      counting({.records = 10, .end = Error(ErrorCode::kUnavailable, "the line went dead")}).run_to_outcome({});
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().to_text(), "numbers: the line went dead");
  EXPECT_EQ(outcome.report.records_in, 10U);
}

TEST(NumberSource, WaitsAtItsGate) {
  Gate gate;
  StopSignal stop;
  RunOutcome outcome;
  const Pipeline pipeline = counting({.records = 100, .gate = &gate, .gate_at = 20});
  std::thread run([&] { outcome = pipeline.run_to_outcome({.batch_size = 10, .stop = &stop}); });
  stop.request(StopSignal::State::kDrain);  // nothing more is read once it is through
  gate.open();
  run.join();
  ASSERT_TRUE(outcome.status) << outcome.status.error().to_text();
  EXPECT_LE(outcome.report.records_out, 30U);
}

}  // namespace
}  // namespace penstock::testing
