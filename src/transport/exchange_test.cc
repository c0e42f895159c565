// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <penstock/dictionary.h>
#include <penstock/exchange.h>

#include <string>
#include <thread>

#include "transport/transport_kit.h"

namespace penstock {
namespace {

using penstock::testing::Bell;
using penstock::testing::ChildProcess;
using ::testing::HasSubstr;

TransportOptions options_for(const std::string& name) {
  TransportOptions options;
  options.address = "exchange-test-" + std::to_string(::getpid()) + "-" + name;
  options.wait_for_readers = 1;
  return options;
}

RecordBatch numbers(std::int64_t first, std::size_t rows) {
  RecordBatchBuilder builder(make_schema({{"n", Type::kInt64}, {"text", Type::kUtf8}}).value(), BufferPool::shared());
  for (std::size_t i = 0; i < rows; ++i) {
    const std::int64_t n = first + static_cast<std::int64_t>(i);
    builder.column(0).append_int64(n);
    builder.column(1).append_text("row " + std::to_string(n));
  }
  return builder.finish();
}

TEST(Exchange, CarriesRecordBatchesFromOneProcessToAnother) {
  const TransportOptions options = options_for("batches");
  const Bell made;
  ChildProcess child([&] {
    Exchange sender = Exchange::create(options).value();
    made.say();
    for (std::int64_t i = 0; i < 100; ++i) {
      if (!sender.send(numbers(i * 10, 10))) return 1;
    }
    return sender.close() ? 0 : 1;
  });
  made.hear();
  Exchange receiver = Exchange::attach(options).value();
  std::int64_t expected = 0;
  while (true) {
    const Received received = receiver.receive().value();
    const auto* const batch = std::get_if<RecordBatch>(&received);
    if (batch == nullptr) break;
    for (std::size_t row = 0; row < batch->num_rows(); ++row, ++expected) {
      ASSERT_EQ(batch->column(0).int64s()[row], expected);
      ASSERT_EQ(batch->column(1).text(row), "row " + std::to_string(expected));
    }
  }
  EXPECT_EQ(expected, 1000);
  EXPECT_EQ(child.wait(), 0);
}

TEST(Exchange, LetsColumnsLiveLongerThanTheExchange) {
  const TransportOptions options = options_for("columns");
  Column kept;
  {
    Exchange sender = Exchange::create(options).value();
    Exchange receiver = Exchange::attach(options).value();
    ASSERT_TRUE(sender.send(numbers(7, 3)));
    kept = std::get<RecordBatch>(receiver.receive().value()).column(1);
    ASSERT_TRUE(sender.send(numbers(100, 3)));
    ASSERT_TRUE(sender.send(numbers(200, 3)));
  }
  std::thread([&] {
    EXPECT_EQ(kept.text(2), "row 9");
    kept = Column();
  }).join();
}

TEST(Exchange, CarriesTensorsFilledInPlace) {
  const TransportOptions options = options_for("tensors");
  Exchange sender = Exchange::create(options).value();
  Exchange receiver = Exchange::attach(options).value();
  const Tensor like = {TensorElement::kF32, {2, 3}};
  const std::span<std::byte> room = sender.begin(like).value();
  ASSERT_EQ(room.size(), 24U);
  auto* const elements = reinterpret_cast<float*>(room.data());
  for (int i = 0; i < 6; ++i) elements[i] = static_cast<float>(i) / 2;
  ASSERT_TRUE(sender.commit());
  ASSERT_TRUE(sender.send(Tensor{TensorElement::kU8, {0, 4}}));
  const Received first = receiver.receive().value();
  const auto& tensor = std::get<Tensor>(first);
  EXPECT_EQ(tensor.type, TensorElement::kF32);
  EXPECT_THAT(tensor.shape, ::testing::ElementsAre(2, 3));
  EXPECT_EQ(reinterpret_cast<const float*>(tensor.bytes.data())[5], 2.5F);
  EXPECT_TRUE(std::get<Tensor>(receiver.receive().value()).bytes.empty());
}

TEST(Exchange, RefusesShapesThatDoNotFit) {
  Exchange sender = Exchange::create(options_for("shapes")).value();
  const std::byte bytes[4] = {};
  EXPECT_THAT(sender.send(Tensor{TensorElement::kF32, {2}, bytes}).error().to_text(), HasSubstr("has 8 bytes, but 4"));
  EXPECT_EQ(sender.begin(Tensor{TensorElement::kF32, {-1}}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(sender.begin(Tensor{TensorElement::kF64, {std::int64_t{1} << 62}}).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(Blocks, HoldWhatAnExchangeSends) {
  const Buffer batch = to_block(numbers(3, 5));
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(batch.data()), batch.size());
  const Received back = from_block(bytes, std::make_shared<Buffer>(batch)).value();
  EXPECT_EQ(std::get<RecordBatch>(back).column(1).text(4), "row 7");
  const std::int16_t elements[] = {1, -2, 3, 4};
  const Buffer tensor = to_block(Tensor{TensorElement::kI16, {2, 2}, std::as_bytes(std::span(elements))}).value();
  const std::span<const std::byte> inside(reinterpret_cast<const std::byte*>(tensor.data()), tensor.size());
  const Received same = from_block(inside, std::make_shared<Buffer>(tensor)).value();
  EXPECT_EQ(reinterpret_cast<const std::int16_t*>(std::get<Tensor>(same).bytes.data())[1], -2);
  EXPECT_EQ(to_block(Tensor{TensorElement::kI16, {3}, std::as_bytes(std::span(elements))}).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(Blocks, AreRefusedWhenTheyAreNoneOrNotAligned) {
  const Buffer batch = to_block(numbers(3, 5));
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(batch.data()), batch.size());
  EXPECT_EQ(from_block(bytes.subspan(8), nullptr).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(from_block(bytes.first(64), nullptr).error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(from_block({}, nullptr).error().code(), ErrorCode::kDataLoss);
}

TEST(Exchange, IsNotThereBeforeItsSender) {
  EXPECT_EQ(Exchange::attach(options_for("nobody")).error().code(), ErrorCode::kNotFound);
}

TEST(Exchange, SaysWhenABlockIsNone) {
  const TransportOptions options = options_for("foreign");
  auto opened = TransportRegistry::global().open_writer("shm", options);
  const std::unique_ptr<StreamWriter> writer = std::move(opened).value();
  Exchange receiver = Exchange::attach(options).value();
  ASSERT_TRUE(writer->send(std::as_bytes(std::span("no block at all"))));
  EXPECT_EQ(receiver.receive().error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace penstock
