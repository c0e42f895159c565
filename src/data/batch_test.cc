// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/batch.h>

#include <limits>
#include <random>

namespace penstock {
namespace {

using ::testing::ElementsAre;

BufferPool& pool() { return BufferPool::shared(); }

RecordBatch sample_batch() {
  RecordBatchBuilder builder(*make_schema({{"id", Type::kInt64},
                                           {"price", Type::kFloat64},
                                           {"paid", Type::kBool},
                                           {"country", Type::kUtf8},
                                           {"at", Type::kTimestamp}}),
                             pool());
  for (int i = 0; i < 5; ++i) {
    builder.column(0).append_int64(i);
    if (i == 1) {
      builder.column(1).append_null();
    } else {
      builder.column(1).append_float64(i * 0.5);
    }
    builder.column(2).append_bool(i % 2 == 0);
    if (i == 3) {
      builder.column(3).append_null();
    } else {
      builder.column(3).append_text(std::string(static_cast<std::size_t>(i), 'x'));
    }
    builder.column(4).append_int64(i * 1'000'000);
  }
  return builder.finish();
}

std::vector<std::string> rows_of(const RecordBatch& batch) {
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < batch.num_rows(); ++i) rows.push_back(batch.row_to_json(i));
  return rows;
}

// A null now and then; texts of many lengths.
void append_nth(ColumnBuilder& builder, std::size_t i) {
  if (i % 7 == 3) return builder.append_null();
  switch (builder.type()) {
    case Type::kInt64:
    case Type::kTimestamp: return builder.append_int64(static_cast<std::int64_t>(i));
    case Type::kFloat64: return builder.append_float64(static_cast<double>(i) / 8);
    case Type::kBool: return builder.append_bool(i % 3 == 0);
    case Type::kUtf8: return builder.append_text(std::string(i % 23, static_cast<char>('a' + i % 26)));
    case Type::kImage:
    case Type::kTensor: break;  // image_column_test.cc
  }
}

void expect_same(const Column& found, const Column& expected) {
  ASSERT_EQ(found.size(), expected.size());
  ASSERT_EQ(found.null_count(), expected.null_count());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found.is_null(i), expected.is_null(i)) << i;
    switch (found.type()) {
      case Type::kBool: ASSERT_EQ(get_bit(found.bits(), i), get_bit(expected.bits(), i)) << i; break;
      case Type::kUtf8: ASSERT_EQ(found.text(i), expected.text(i)) << i; break;
      default: ASSERT_EQ(found.int64s()[i], expected.int64s()[i]) << i;
    }
  }
}

TEST(ColumnBuilder, WritesTheArrowLayout) {
  ColumnBuilder builder(Type::kUtf8, pool());
  builder.append_text("ab");
  builder.append_null();
  builder.append_text("c");
  const Column column = builder.finish();
  EXPECT_THAT(std::span(column.offsets(), 4), ElementsAre(0, 2, 2, 3));
  EXPECT_EQ(std::string_view(column.bytes(), 3), "abc");
  EXPECT_EQ(column.validity()[0], 0b101);
  EXPECT_EQ(column.null_count(), 1U);
}

TEST(ColumnBuilder, HasNoValidityWithoutNulls) {
  ColumnBuilder builder(Type::kInt64, pool());
  builder.append_int64(1);
  EXPECT_EQ(builder.finish().validity(), nullptr);
}

TEST(ColumnBuilder, StartsAnewAfterFinish) {
  ColumnBuilder builder(Type::kUtf8, pool());
  builder.append_null();
  EXPECT_EQ(builder.finish().size(), 1U);
  builder.append_text("z");
  const Column second = builder.finish();
  EXPECT_EQ(second.null_count(), 0U);
  EXPECT_EQ(second.text(0), "z");
}

TEST(ColumnBuilder, ForgetsThePoppedValue) {
  ColumnBuilder builder(Type::kUtf8, pool());
  builder.append_text("keep");
  builder.append_null();
  builder.pop_back();
  builder.append_text("next");
  const Column column = builder.finish();
  EXPECT_EQ(column.null_count(), 0U);
  EXPECT_EQ(column.text(0), "keep");
  EXPECT_EQ(column.text(1), "next");
}

TEST(ColumnBuilder, GrowsThroughManyValuesOfEveryType) {
  for (const Type type : {Type::kInt64, Type::kFloat64, Type::kBool, Type::kUtf8, Type::kTimestamp}) {
    ColumnBuilder from(type, pool());
    for (std::int64_t i = 0; i < 5000; ++i) {
      if (i % 7 == 3) {
        from.append_null();
      } else if (type == Type::kFloat64) {
        from.append_float64(static_cast<double>(i));
      } else if (type == Type::kBool) {
        from.append_bool(i % 3 == 0);
      } else if (type == Type::kUtf8) {
        from.append_text(std::to_string(i));
      } else {
        from.append_int64(i);
      }
    }
    const Column column = from.finish();
    ColumnBuilder copy(type, pool());
    for (std::size_t i = 0; i < column.size(); ++i) copy.append_from(column, i);
    const Column copied = copy.finish();
    ASSERT_EQ(copied.size(), 5000U);
    ASSERT_EQ(copied.null_count(), column.null_count());
    for (std::size_t i = 0; i < column.size(); ++i) {
      ASSERT_EQ(copied.is_null(i), i % 7 == 3) << to_string(type) << " row " << i;
      if (copied.is_null(i)) continue;
      const bool same = type == Type::kUtf8      ? copied.text(i) == std::to_string(i)
                        : type == Type::kBool    ? get_bit(copied.bits(), i) == (i % 3 == 0)
                        : type == Type::kFloat64 ? copied.float64s()[i] == static_cast<double>(i)
                                                 : copied.int64s()[i] == static_cast<std::int64_t>(i);
      ASSERT_TRUE(same) << to_string(type) << " row " << i;
    }
  }
}

TEST(RecordBatch, TakesRowsInTheGivenOrder) {
  const std::uint32_t rows[] = {4, 1, 1, 3};
  EXPECT_THAT(rows_of(sample_batch().take(rows, pool())),
              ElementsAre(R"({"id":4,"price":2.0,"paid":true,"country":"xxxx","at":"1970-01-01T00:00:04Z"})",
                          R"({"id":1,"price":null,"paid":false,"country":"x","at":"1970-01-01T00:00:01Z"})",
                          R"({"id":1,"price":null,"paid":false,"country":"x","at":"1970-01-01T00:00:01Z"})",
                          R"({"id":3,"price":1.5,"paid":false,"country":null,"at":"1970-01-01T00:00:03Z"})"));
}

// In runs of many lengths, and so scattered that there are none.
TEST(Column, TakesTheSameRowsInRunsAndOneByOne) {
  std::mt19937 random(7);
  for (const Type type : {Type::kInt64, Type::kFloat64, Type::kBool, Type::kUtf8, Type::kTimestamp}) {
    ColumnBuilder builder(type, pool());
    for (std::size_t i = 0; i < 700; ++i) append_nth(builder, i);
    const Column column = builder.finish();
    for (const std::uint32_t longest : {1U, 5U, 40U, 700U}) {
      std::vector<std::uint32_t> rows;
      while (rows.size() < 900) {
        const auto begin = static_cast<std::uint32_t>(random() % column.size());
        const auto size = std::min<std::uint32_t>(1 + static_cast<std::uint32_t>(random()) % longest, 700 - begin);
        for (std::uint32_t i = 0; i < size; ++i) rows.push_back(begin + i);
      }
      ColumnBuilder expected(type, pool());
      for (const std::uint32_t row : rows) expected.append_from(column, row);
      expect_same(column.take(rows, pool()), expected.finish());
    }
  }
}

TEST(RecordBatch, SharesTheBuffersWhenAllRowsAreTaken) {
  const RecordBatch batch = sample_batch();
  const std::uint32_t rows[] = {0, 1, 2, 3, 4};
  EXPECT_EQ(batch.take(rows, pool()).column(0).int64s().data(), batch.column(0).int64s().data());
}

TEST(RecordBatch, CountsTheNullsOfItsHead) {
  const RecordBatch head = sample_batch().head(1);
  EXPECT_EQ(head.num_rows(), 1U);
  EXPECT_EQ(head.column(1).null_count(), 0U);
  EXPECT_EQ(head.column(1).validity(), nullptr);
}

TEST(RowToJson, EscapesTextAndNamesWhatJsonCannotHold) {
  RecordBatchBuilder builder(*make_schema({{"t", Type::kUtf8}, {"x", Type::kFloat64}}), pool());
  builder.column(0).append_text("a\"\\\n\x01\xC3\xA9\xFF");
  builder.column(1).append_float64(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(builder.finish().row_to_json(0), "{\"t\":\"a\\\"\\\\\\n\\u0001\xC3\xA9\\ufffd\",\"x\":\"NaN\"}");
}

TEST(Schema, NamesTheNearestColumn) {
  const Schema schema({{"country", Type::kUtf8}, {"amount", Type::kFloat64}});
  const Result<std::size_t> found = schema.find("contry");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(), "no column \"contry\"; the columns are: country, amount");
  EXPECT_EQ(found.error().hint(), "did you mean \"country\"?");
}

TEST(Schema, RefusesTwoColumnsOfOneName) {
  EXPECT_EQ(make_schema({{"a", Type::kInt64}, {"b", Type::kInt64}, {"a", Type::kInt64}}).error().message(),
            "columns 1 and 3 have the same name: \"a\"");
}

TEST(Batch, HoldsTypedRecords) {
  auto records = std::make_unique<TypedRecords<int>>();
  records->records = {1, 2, 3};
  Batch batch(std::move(records));
  EXPECT_EQ(batch.num_records(), 3U);
  EXPECT_FALSE(batch.is_record_batch());
  EXPECT_THAT(batch.records<int>(), ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace penstock
