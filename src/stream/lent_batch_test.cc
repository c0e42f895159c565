// SPDX-License-Identifier: MIT
// Batches described to another process: the same values, no copy where memory is shared, nothing believed.
#include "stream/lent_batch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

constexpr std::int64_t kRows = 2'000;

SchemaPtr all_types() {
  static const auto schema =
      std::make_shared<const Schema>(std::vector<Field>{{"n", Type::kInt64},
                                                        {"x", Type::kFloat64},
                                                        {"b", Type::kBool},
                                                        {"t", Type::kUtf8},
                                                        {"when", Type::kTimestamp},
                                                        {"photo", Type::kImage},
                                                        {"vector", Type::kTensor, {TensorElement::kF32, {3}}}});
  return schema;
}

RecordBatch sample(BufferPool& pool, std::int64_t rows = kRows) {
  RecordBatchBuilder builder(all_types(), pool);
  for (std::int64_t i = 0; i < rows; ++i) {
    builder.column(0).append_int64(i);
    i % 3 == 0 ? builder.column(1).append_null() : builder.column(1).append_float64(0.5 * static_cast<double>(i));
    builder.column(2).append_bool(i % 2 == 0);
    i % 7 == 0 ? builder.column(3).append_null() : builder.column(3).append_text("text " + std::to_string(i) + "é");
    builder.column(4).append_int64(i * 1'000'000);
    if (i % 5 == 0) {
      builder.column(5).append_null();
      builder.column(6).append_null();
    } else {
      std::memset(builder.column(5).append_image(1, static_cast<std::uint32_t>(i % 4), 3), static_cast<int>(i % 251),
                  static_cast<std::size_t>(i % 4) * 3);
      const float elements[] = {static_cast<float>(i), 1, 2};
      std::memcpy(builder.column(6).append_tensor().data(), elements, sizeof elements);
    }
  }
  return builder.finish();
}

std::string rows_of(const RecordBatch& batch) {
  std::string text;
  for (std::size_t row = 0; row < batch.num_rows(); ++row) {
    text += batch.row_to_json(row) + "\n";
    if (batch.num_columns() > 5) text += batch.column(5).text(row);
  }
  return text;
}

/// Shared memory and its pool, and a description in aligned memory.
class LentBatchTest : public ::testing::Test {
 protected:
  std::span<std::byte> describe(const RecordBatch& batch, const SharedBlocks* memory,
                                const RecordBatch* input = nullptr) {
    const LentBatch lent(batch, memory, input);
    description_ = BufferPool::shared().allocate(lent.size_bytes());
    const std::span<std::byte> room(reinterpret_cast<std::byte*>(description_.mutable_data()), lent.size_bytes());
    lent.write(room);
    return room;
  }
  LentSource source(BufferPool* pool = nullptr) {
    LentSource source;
    source.lent = [this](const BlockPlace& place) -> const std::byte* {
      const bool inside = place.offset <= kKnown && place.size <= kKnown - place.offset;
      return inside ? shared_->data() + place.offset : nullptr;
    };
    source.pool = pool;
    return source;
  }

  static constexpr std::uint64_t kKnown = std::uint64_t{1} << 20;  // bytes of the memory that exist
  const std::shared_ptr<SharedBlocks> shared_ = SharedBlocks::create("penstock-test").value();
  BufferPool pool_{MemoryBudget(), shared_};
  Buffer description_;
};

TEST_F(LentBatchTest, IsReadWhereItLies) {
  const RecordBatch batch = sample(pool_);
  LentSource from = source();
  const Result<RecordBatch> same = read_lent_batch(describe(batch, shared_.get()), all_types(), from);
  ASSERT_TRUE(same) << testing::error_text(same);
  EXPECT_EQ(rows_of(*same), rows_of(batch));
  EXPECT_EQ(same->column(0).int64s().data(), batch.column(0).int64s().data());
  EXPECT_EQ(same->column(3).bytes(), batch.column(3).bytes());
  EXPECT_GT(from.lent_bytes, 2 * kRows * sizeof(std::int64_t));
}

TEST_F(LentBatchTest, IsCopiedWhereItLiesElsewhere) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, kRows}) {
    const RecordBatch batch = sample(BufferPool::shared(), rows);
    LentSource from = source(&BufferPool::shared());
    const Result<RecordBatch> same = read_lent_batch(describe(batch, shared_.get()), all_types(), from);
    ASSERT_TRUE(same) << testing::error_text(same);
    EXPECT_EQ(rows_of(*same), rows_of(batch));
    EXPECT_EQ(from.lent_bytes, 0U);
  }
}

TEST_F(LentBatchTest, NamesColumnsOfItsInput) {
  const RecordBatch input = sample(pool_);
  const RecordBatch first = input.head(100);
  LentSource from = source(&pool_);
  from.input = &input;
  const Result<RecordBatch> same = read_lent_batch(describe(first, nullptr, &input), all_types(), from);
  ASSERT_TRUE(same) << testing::error_text(same);
  EXPECT_EQ(rows_of(*same), rows_of(first));
  for (std::size_t i = 0; i < input.num_columns(); ++i) EXPECT_EQ(same->column(i).bits(), input.column(i).bits());
}

TEST_F(LentBatchTest, IsNoLongerChangedFromOutsideWhereThatCouldLeadAstray) {
  const RecordBatch batch = sample(pool_);
  LentSource from = source(&BufferPool::shared());
  const Result<RecordBatch> checked = read_lent_batch(describe(batch, shared_.get()), all_types(), from);
  ASSERT_TRUE(checked);
  EXPECT_NE(checked->column(3).offsets(), batch.column(3).offsets());
  EXPECT_NE(checked->column(1).validity(), batch.column(1).validity());
  EXPECT_EQ(checked->column(0).int64s().data(), batch.column(0).int64s().data());
}

TEST_F(LentBatchTest, OfOtherColumnsIsRefused) {
  LentSource from = source(&pool_);
  const Result<RecordBatch> other =
      read_lent_batch(describe(sample(pool_), shared_.get()), testing::one_column(), from);
  EXPECT_EQ(other.error().code(), ErrorCode::kDataLoss);
}

TEST_F(LentBatchTest, WhateverIsSaidNothingElseIsRead) {
  const RecordBatch input = sample(pool_, 50);
  const RecordBatch batch = sample(pool_);
  const std::span<std::byte> room = describe(batch, shared_.get(), &input);
  const std::vector<std::byte> whole(room.begin(), room.end());
  std::srand(5);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::copy(whole.begin(), whole.end(), room.begin());
    for (int change = 0; change <= i % 3; ++change) {
      // Mostly in the words at its beginning, where everything stands that matters.
      const std::size_t reach = i % 4 == 0 ? room.size() : std::min<std::size_t>(room.size(), 512);
      room[static_cast<std::size_t>(std::rand()) % reach] = static_cast<std::byte>(std::rand());
    }
    LentSource from = source(&BufferPool::shared());
    from.input = &input;
    const Result<RecordBatch> read =
        read_lent_batch(room.first(room.size() - static_cast<std::size_t>(i % 5) * 8), all_types(), from);
    // Reading all of it stays inside of what exists: the sanitizers look.
    if (read && i % 16 == 0) {
      EXPECT_EQ(rows_of(*read).empty(), read->num_rows() == 0);
    }
    refused += read ? 0 : 1;
  }
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace penstock
