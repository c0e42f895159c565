// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

TEST(Distinct, KeepsTheFirstRowOfEachKeyInOrder) {
  const RecordBatch input = table({{"key", Type::kUtf8}, {"id", Type::kInt64}}, {{std::string("b"), std::int64_t{1}},
                                                                                 {std::string("a"), std::int64_t{2}},
                                                                                 {std::string("b"), std::int64_t{3}},
                                                                                 {nullptr, std::int64_t{4}},
                                                                                 {std::string(), std::int64_t{5}},
                                                                                 {nullptr, std::int64_t{6}}});
  EXPECT_THAT(
      rows_for_any_batch_size("distinct", {{"by", "key"}}, input),
      ElementsAre(R"({"key":"b","id":1})", R"({"key":"a","id":2})", R"({"key":null,"id":4})", R"({"key":"","id":5})"));
}

TEST(Distinct, ComparesAllColumnsWhenNoneIsNamed) {
  const RecordBatch input = table(
      {{"a", Type::kInt64}, {"b", Type::kInt64}},
      {{std::int64_t{1}, std::int64_t{2}}, {std::int64_t{2}, std::int64_t{1}}, {std::int64_t{1}, std::int64_t{2}}});
  EXPECT_EQ(rows_for_any_batch_size("distinct", {}, input).size(), 2U);
}

TEST(Distinct, TakesNegativeZeroAsZeroAndAllNanAsOne) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const RecordBatch input = table({{"x", Type::kFloat64}}, {{0.0}, {-0.0}, {nan}, {-nan}});
  EXPECT_EQ(rows_for_any_batch_size("distinct", {}, input).size(), 2U);
}

// What makes two values of one column equal, as text.
std::string canonical(const Column& column, std::size_t row) {
  if (column.is_null(row)) return "null";
  switch (column.type()) {
    case Type::kBool: return get_bit(column.bits(), row) ? "t" : "f";
    case Type::kFloat64: {
      const double value = column.float64s()[row];
      return value != value ? "nan" : value == 0 ? "0" : std::to_string(std::bit_cast<std::int64_t>(value));
    }
    case Type::kUtf8: return "'" + std::string(column.text(row));
    default: return std::to_string(column.int64s()[row]);
  }
}

TEST(Distinct, AgreesWithASetForEveryChoiceOfColumns) {
  const RecordBatch input = random_table(600, 2);
  for (unsigned choice = 1; choice < 32; ++choice) {
    OptionValue::List by;
    std::set<std::vector<std::string>> seen;
    std::vector<std::string> expected;
    for (std::size_t column = 0; column < 5; ++column) {
      if ((choice >> column & 1) != 0) by.push_back(input.schema()[column].name);
    }
    for (std::size_t row = 0; row < input.num_rows(); ++row) {
      std::vector<std::string> key;
      for (std::size_t column = 0; column < 5; ++column) {
        if ((choice >> column & 1) != 0) key.push_back(canonical(input.column(column), row));
      }
      if (seen.insert(key).second) expected.push_back(input.row_to_json(row));
    }
    EXPECT_EQ(rows_for_any_batch_size("distinct", {{"by", by}}, input), expected) << OptionValue(by).to_text();
  }
}

TEST(Distinct, RemembersManyKeys) {
  std::vector<std::vector<testing::Value>> rows;
  for (std::int64_t i = 0; i < 20'000; ++i) rows.push_back({i * 1'000'003 % 10'007, "k" + std::to_string(i % 10'007)});
  const RecordBatch input = table({{"n", Type::kInt64}, {"t", Type::kUtf8}}, rows);
  for (const char* by : {"n", "t"}) {
    EXPECT_EQ(run_operator("distinct", {{"by", by}}, input).num_rows(), 10'007U) << by;
  }
}

TEST(Distinct, FailsWhenTheKeysAlonePassTheMemoryLimit) {
  std::vector<std::vector<testing::Value>> rows;
  for (std::int64_t i = 0; i < 10'000; ++i) rows.push_back({i});
  const RecordBatch input = table({{"n", Type::kInt64}}, rows);
  BufferPool pool(MemoryBudget(100'000));
  const auto result = run_operator("distinct", {{"by", "n"}}, testing::in_batches_of(input, 1000), {.pool = &pool});
  ASSERT_FALSE(result.status);
  EXPECT_EQ(result.status.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_FALSE(result.status.error().retryable());
  EXPECT_THAT(result.error(),
              ::testing::MatchesRegex("the distinct keys take 0.[1-9] MiB, more than the memory limit of 0.1 "
                                      "MiB\n  try: raise memory_limit, or name fewer columns in \"by\""));
}

TEST(Distinct, ChargesTheBudgetAndGivesItBack) {
  BufferPool pool(MemoryBudget(1'000'000));
  EXPECT_TRUE(run_operator("distinct", {{"by", "id"}}, random_table(1000, 3), {.pool = &pool}).status);
  EXPECT_GT(pool.budget().peak(), 1000U * 8);
  EXPECT_EQ(pool.budget().used(), 0U);
}

TEST(Distinct, RefusesAColumnTwice) {
  EXPECT_EQ(run_operator("distinct", {{"by", OptionValue::List{"id", "id"}}}, random_table(1, 3)).error(),
            "column \"id\" is named twice");
}

TEST(Distinct, RefusesImagesAsKeysAlsoWhenItTakesAllColumns) {
  RecordBatchBuilder builder(make_schema({{"n", Type::kInt64}, {"photo", Type::kImage}}).value(), BufferPool::shared());
  builder.column(0).append_int64(1);
  builder.column(1).append_image(1, 1, 3);
  const RecordBatch photos = builder.finish();
  EXPECT_NE(testing::run_operator("distinct", {}, photos).error().find("of type image, which cannot be a key"),
            std::string::npos);
  EXPECT_EQ(testing::run_operator("distinct", {{"by", OptionValue::List{"n"}}}, photos).error(), "");
}

}  // namespace
}  // namespace penstock
