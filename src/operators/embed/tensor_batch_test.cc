// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <cstring>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::Gate;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;

constexpr std::uint32_t kTensorBytes = 3 * sizeof(float);

/// {id: i, tensor: [i, i, i]}; the tensor of every fifth row is null.
RecordBatch tensors(std::size_t count) {
  RecordBatchBuilder builder(
      *make_schema({{"id", Type::kInt64}, {"tensor", Type::kTensor, {TensorElement::kF32, {3}}}}),
      BufferPool::shared());
  for (std::size_t i = 0; i < count; ++i) {
    builder.column(0).append_int64(static_cast<std::int64_t>(i));
    if (i % 5 == 4) {
      builder.column(1).append_null();
      continue;
    }
    const std::vector<float> values(3, static_cast<float>(i));
    std::memcpy(builder.column(1).append_tensor().data(), values.data(), kTensorBytes);
  }
  return builder.finish();
}

std::vector<std::size_t> sizes(const HarnessResult& result) {
  std::vector<std::size_t> sizes;
  for (const Batch& batch : result.batches) sizes.push_back(batch.num_records());
  return sizes;
}

TEST(TensorBatch, GathersAndCutsToSoManyRows) {
  const RecordBatch input = tensors(25);
  std::vector<std::string> expected;
  for (std::size_t row = 0; row < 25; ++row) expected.push_back(input.row_to_json(row));
  for (const std::size_t size : {1U, 4U, 10U, 25U}) {
    const HarnessResult result = run_operator("tensor.batch", {{"rows", 10}}, in_batches_of(input, size));
    ASSERT_EQ(result.error(), "");
    EXPECT_THAT(sizes(result), ElementsAre(10, 10, 5)) << size;
    EXPECT_EQ(result.rows(), expected) << size;
  }
}

TEST(TensorBatch, PassesFullBatchesOnAsTheyAre) {
  const RecordBatch input = tensors(8);
  const HarnessResult result = run_operator("tensor.batch", {{"rows", 8}}, input);
  ASSERT_EQ(sizes(result), std::vector<std::size_t>{8});
  EXPECT_EQ(result.batches[0].record_batch().column(1).tensor(0).data(), input.column(1).tensor(0).data());
}

TEST(TensorBatch, HoldsNoMoreBytesThanItShould) {
  const std::size_t of_row = sizeof(std::int64_t) + kTensorBytes;
  const auto bytes = static_cast<std::int64_t>(3 * of_row);
  EXPECT_THAT(sizes(run_operator("tensor.batch", {{"bytes", bytes}}, tensors(8))), ElementsAre(3, 3, 2));
  EXPECT_THAT(sizes(run_operator("tensor.batch", {{"bytes", 1}}, tensors(3))), ElementsAre(1, 1, 1));
}

TEST(TensorBatch, SavesWhatItHasGathered) {
  const auto make = [] { return *Registry::global().make("tensor.batch", {{"rows", 100}}); };
  const RecordBatch input = tensors(7);
  const StopSignal stop;
  testing::CollectingErrors errors;
  OperatorContext context{.name = "op", .pool = &BufferPool::shared(), .errors = &errors, .stop = &stop};
  testing::CollectingEmitter out;
  const auto first = make();
  ASSERT_TRUE(first->bind(StreamType::of_schema(input.schema_ptr())));
  ASSERT_TRUE(first->open(context));
  ASSERT_TRUE(first->process(RecordBatch(input), out));
  StateWriter saved;
  ASSERT_TRUE(first->save(saved));
  const auto second = make();
  ASSERT_TRUE(second->bind(StreamType::of_schema(input.schema_ptr())));
  ASSERT_TRUE(second->open(context));
  StateReader reader(saved.bytes());
  ASSERT_TRUE(second->restore(reader));
  for (Operator* const op : {first.get(), second.get()}) ASSERT_TRUE(op->finish(out));
  ASSERT_EQ(out.batches.size(), 2U);
  for (const Batch& batch : out.batches) {
    ASSERT_EQ(batch.num_records(), 7U);
    for (std::size_t row = 0; row < 7; ++row) EXPECT_EQ(batch.record_batch().row_to_json(row), input.row_to_json(row));
  }
}

// The source stands at the gate until a batch has left that is not full.
TEST(TensorBatch, LetsNoRowWaitLongerThanTheLatency) {
  Gate gate;
  std::size_t first = 0;
  Pipeline pipeline("test");
  pipeline.add("numbers", testing::number_source({.records = 10, .gate = &gate, .gate_at = 3}));
  pipeline.add("tensor.batch", {{"rows", 1000}, {"latency", "1ms"}});
  testing::Calls watch;
  watch.process = [&](Batch batch, Emitter& out) -> Status {
    if (first == 0) first = batch.num_records();
    gate.open();
    out.emit(std::move(batch));
    return {};
  };
  pipeline.add("watch", testing::calling(watch));
  pipeline.add("collect");
  RunOptions options;
  options.strategy = {"threads"};
  options.batch_size = 3;
  const auto report = pipeline.run(options);
  ASSERT_TRUE(report) << testing::error_text(report);
  EXPECT_EQ(first, 3U);
  EXPECT_EQ(report->steps[1].records_out, 10U);
}

TEST(TensorBatch, SaysWhatIsWrong) {
  const auto error_of = [](Options options) { return run_operator("tensor.batch", options, tensors(1)).error(); };
  EXPECT_THAT(error_of({{"rows", 0}}), HasSubstr("option \"rows\" is 0, and must be from 1 to 1000000"));
  EXPECT_THAT(error_of({{"bytes", "2GiB"}}), HasSubstr("option \"bytes\" is 2147483648"));
}

}  // namespace
}  // namespace penstock
