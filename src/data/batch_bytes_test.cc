// SPDX-License-Identifier: MIT
#include "data/batch_bytes.h"

#include <gmock/gmock.h>

#include <cstring>
#include <limits>
#include <string>

namespace penstock {
namespace {

using ::testing::HasSubstr;

/// A block as a reader gets it: aligned, of exactly its size, on the heap so that reading too far is seen.
class Block {
 public:
  explicit Block(std::size_t size)
      : bytes_(static_cast<std::byte*>(std::aligned_alloc(64, (size + 63) / 64 * 64)), size) {}
  explicit Block(std::span<const std::byte> from) : Block(from.size()) {
    std::copy(from.begin(), from.end(), bytes_.begin());
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { std::free(bytes_.data()); }
  std::span<std::byte> bytes() const { return bytes_; }
  template <class T>
  void put(std::size_t offset, T value) const {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }

 private:
  std::span<std::byte> bytes_;
};

RecordBatch sample(std::size_t rows) {
  const SchemaPtr schema = make_schema({{"id", Type::kInt64},
                                        {"name", Type::kUtf8},
                                        {"ok", Type::kBool},
                                        {"x", Type::kFloat64},
                                        {"at", Type::kTimestamp}})
                               .value();
  RecordBatchBuilder builder(schema, BufferPool::shared());
  for (std::size_t i = 0; i < rows; ++i) {
    builder.column(0).append_int64(static_cast<std::int64_t>(i) - 5);
    i % 3 == 1 ? builder.column(1).append_null() : builder.column(1).append_text(std::string(i % 20, 'a') + "ä");
    i % 5 == 2 ? builder.column(2).append_null() : builder.column(2).append_bool(i % 2 == 0);
    builder.column(3).append_float64(static_cast<double>(i) / 3);
    i % 7 == 0 ? builder.column(4).append_null()
               : builder.column(4).append_int64(static_cast<std::int64_t>(i) * 1'000'000);
  }
  return builder.finish();
}

std::string text_of(const RecordBatch& batch) {
  std::string text = batch.schema().to_text() + "\n";
  for (std::size_t i = 0; i < batch.num_rows(); ++i) text += batch.row_to_json(i) + "\n";
  return text;
}

TEST(BatchBytes, GivesTheSameBatchBack) {
  for (const std::size_t rows : {0UL, 1UL, 7UL, 8UL, 9UL, 63UL, 64UL, 65UL, 1000UL}) {
    const RecordBatch batch = sample(rows);
    const Block block(encoded_size(batch));
    EXPECT_EQ(encode_batch(batch, block.bytes()), block.bytes().size());
    const Result<RecordBatch> back = decode_batch(block.bytes(), nullptr);
    ASSERT_TRUE(back) << back.error().to_text();
    EXPECT_EQ(text_of(*back), text_of(batch));
  }
}

TEST(BatchBytes, GivesBatchesWithoutColumnsBack) {
  const RecordBatch batch(make_schema({}).value(), {}, 42);
  const Block block(encoded_size(batch));
  (void)encode_batch(batch, block.bytes());
  EXPECT_EQ(decode_batch(block.bytes(), nullptr)->num_rows(), 42U);
}

TEST(BatchBytes, HoldsTheBlockAsLongAsAColumnLives) {
  const RecordBatch batch = sample(10);
  const Block block(encoded_size(batch));
  (void)encode_batch(batch, block.bytes());
  const auto keeper = std::make_shared<int>(0);
  Column column = decode_batch(block.bytes(), keeper)->column(1);
  EXPECT_GT(keeper.use_count(), 1);
  const auto* const text = reinterpret_cast<const std::byte*>(column.bytes());
  EXPECT_TRUE(text >= block.bytes().data() && text < block.bytes().data() + block.bytes().size());
  column = Column();
  EXPECT_EQ(keeper.use_count(), 1);
}

TEST(BatchBytes, IsTheSameForTheSameBatch) {
  const RecordBatch batch = sample(100);
  const Block one(encoded_size(batch));
  const Block two(encoded_size(batch));
  std::fill(one.bytes().begin(), one.bytes().end(), std::byte{0xAA});
  (void)encode_batch(batch, one.bytes());
  (void)encode_batch(batch, two.bytes());
  EXPECT_TRUE(std::equal(one.bytes().begin(), one.bytes().end(), two.bytes().begin()));
}

std::string why_not(const Block& block) {
  const Result<RecordBatch> back = decode_batch(block.bytes(), nullptr);
  return back ? "it is accepted" : back.error().to_text();
}

// Offsets as in docs/formats/batch.md: the header has 64 bytes, then 64 for each column.
TEST(BatchBytes, SaysWhatIsWrongWithADamagedBlock) {
  const RecordBatch batch = sample(20);
  const Block good(encoded_size(batch));
  (void)encode_batch(batch, good.bytes());
  constexpr std::size_t kSecond = 128;
  const auto damage = [&](std::size_t offset, auto value) {
    const Block block(good.bytes());
    block.put(offset, value);
    return why_not(block);
  };
  EXPECT_THAT(why_not(Block(good.bytes().first(10))), HasSubstr("its header alone"));
  EXPECT_THAT(why_not(Block(good.bytes().first(640))), HasSubstr("and says"));
  EXPECT_THAT(damage(0, 0U), HasSubstr("does not begin as blocks do"));
  EXPECT_THAT(damage(4, std::uint16_t{2}), HasSubstr("version 2"));
  EXPECT_THAT(damage(6, std::uint16_t{2}), HasSubstr("no record batch"));
  EXPECT_THAT(damage(16, std::numeric_limits<std::uint64_t>::max()), HasSubstr("do not fit into it"));
  EXPECT_THAT(damage(16, std::uint64_t{21}), HasSubstr("bytes of values for 21 rows"));
  EXPECT_THAT(damage(24, std::numeric_limits<std::uint32_t>::max()), HasSubstr("do not fit into it"));
  EXPECT_THAT(damage(kSecond, std::numeric_limits<std::uint32_t>::max()), HasSubstr("outside of it"));
  EXPECT_THAT(damage(kSecond + 8, 9U), HasSubstr("type 9"));
  EXPECT_THAT(damage(kSecond + 16, std::uint64_t{3}), HasSubstr("nulls and says 3"));
  EXPECT_THAT(damage(kSecond + 32, std::uint64_t{1}), HasSubstr("not aligned"));
  EXPECT_THAT(damage(kSecond + 32, std::uint64_t{1} << 63), HasSubstr("outside of it"));
  EXPECT_THAT(damage(kSecond + 56, std::uint64_t{1}), HasSubstr("do not fit its values"));
}

TEST(BatchBytes, ChecksTextsUnlessTheyAreTrusted) {
  const RecordBatch batch = sample(1);
  const Block block(encoded_size(batch));
  (void)encode_batch(batch, block.bytes());
  const std::string_view all(reinterpret_cast<const char*>(block.bytes().data()), block.bytes().size());
  block.put(all.find("ä"), '\xFF');
  EXPECT_THAT(why_not(block), HasSubstr("row 0 of column \"name\" is not UTF-8"));
  EXPECT_TRUE(decode_batch(block.bytes(), nullptr, {.texts_are_utf8 = true}));
}

TEST(TensorBytes, GivesTheSameTensorBack) {
  const TensorLayout layout = {10, 4, {2, 3, 5}, 120};
  const Block block(encoded_size(layout));
  const std::span<std::byte> elements = encode_tensor(layout, block.bytes());
  std::fill(elements.begin(), elements.end(), std::byte{7});
  const Result<TensorBlock> back = decode_tensor(block.bytes());
  ASSERT_TRUE(back) << back.error().to_text();
  EXPECT_EQ(back->layout.shape, layout.shape);
  EXPECT_EQ(back->elements.data(), elements.data());
  EXPECT_EQ(back->elements.size(), 120U);
  EXPECT_EQ(block_kind(block.bytes()).value(), BlockKind::kTensor);
}

TEST(TensorBytes, RefusesShapesThatDoNotFit) {
  const TensorLayout layout = {10, 4, {2, 3, 5}, 120};
  const auto damage = [&](std::size_t offset, auto value) {
    const Block block(encoded_size(layout));
    (void)encode_tensor(layout, block.bytes());
    block.put(offset, value);
    const Result<TensorBlock> back = decode_tensor(block.bytes());
    return back ? "it is accepted" : back.error().to_text();
  };
  EXPECT_THAT(damage(64, std::int64_t{3}), HasSubstr("does not fit its elements"));
  EXPECT_THAT(damage(64, std::int64_t{-2}), HasSubstr("does not fit its elements"));
  EXPECT_THAT(damage(64, std::numeric_limits<std::int64_t>::max()), HasSubstr("does not fit its elements"));
  EXPECT_THAT(damage(16, std::uint64_t{1} << 60), HasSubstr("outside of it"));
  EXPECT_THAT(damage(24, 33U), HasSubstr("its shape cannot be"));
}

}  // namespace
}  // namespace penstock
