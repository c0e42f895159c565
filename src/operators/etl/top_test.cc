// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

RecordBatch scores() {
  return table({{"score", Type::kFloat64}, {"name", Type::kUtf8}}, {{1.0, std::string("a")},
                                                                    {3.0, std::string("b")},
                                                                    {nullptr, std::string("c")},
                                                                    {3.0, std::string("d")},
                                                                    {-2.0, std::string("e")}});
}

TEST(Top, KeepsTheLargestFirstAndOfEqualsTheEarlier) {
  EXPECT_THAT(rows_for_any_batch_size("top", {{"by", "score"}, {"n", 3}}, scores()),
              ElementsAre(R"({"score":3.0,"name":"b"})", R"({"score":3.0,"name":"d"})", R"({"score":1.0,"name":"a"})"));
}

TEST(Top, KeepsTheSmallestFirstWhenAscending) {
  EXPECT_THAT(rows_for_any_batch_size("top", {{"by", "score"}, {"n", 2}, {"order", "ascending"}}, scores()),
              ElementsAre(R"({"score":-2.0,"name":"e"})", R"({"score":1.0,"name":"a"})"));
}

TEST(Top, PutsNullsLastInEitherOrder) {
  for (const char* order : {"ascending", "descending"}) {
    const auto rows = rows_for_any_batch_size("top", {{"by", "score"}, {"order", order}}, scores());
    EXPECT_EQ(rows.back(), R"({"score":null,"name":"c"})") << order;
  }
}

TEST(Top, ComparesTextsByTheirBytes) {
  const RecordBatch input = table({{"t", Type::kUtf8}}, {{std::string("b")}, {std::string("B")}, {std::string("ba")}});
  EXPECT_THAT(rows_for_any_batch_size("top", {{"by", "t"}}, input),
              ElementsAre(R"({"t":"ba"})", R"({"t":"b"})", R"({"t":"B"})"));
}

// Less in ascending order with nulls last.
bool before(const Column& column, std::size_t a, std::size_t b, bool descending, bool& equal) {
  equal = false;
  if (column.is_null(a) || column.is_null(b)) {
    equal = column.is_null(a) && column.is_null(b);
    return !equal && column.is_null(b);
  }
  int order = 0;
  if (column.type() == Type::kUtf8) {
    order = column.text(a).compare(column.text(b));
  } else if (column.type() == Type::kFloat64) {
    const double x = column.float64s()[a];
    const double y = column.float64s()[b];
    order = std::isnan(x) || std::isnan(y) ? std::isnan(x) - std::isnan(y) : (x > y) - (x < y);
  } else if (column.type() == Type::kBool) {
    order = get_bit(column.bits(), a) - get_bit(column.bits(), b);
  } else {
    const auto values = column.int64s();
    order = (values[a] > values[b]) - (values[a] < values[b]);
  }
  equal = order == 0;
  return descending ? order > 0 : order < 0;
}

TEST(Top, AgreesWithAStableSort) {
  const RecordBatch input = random_table(700, 5);
  const std::vector<std::vector<std::size_t>> choices = {{0}, {1}, {2}, {3}, {4}, {3, 1}, {2, 4, 0}};
  for (const auto& columns : choices) {
    for (const bool descending : {false, true}) {
      std::vector<std::size_t> order(input.num_rows());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        for (const std::size_t column : columns) {
          bool equal = false;
          const bool less = before(input.column(column), a, b, descending, equal);
          if (!equal) return less;
        }
        return false;
      });
      OptionValue::List by;
      for (const std::size_t column : columns) by.push_back(input.schema()[column].name);
      for (const int n : {0, 1, 150, 699, 5000}) {
        std::vector<std::string> expected;
        for (std::size_t i = 0; i < std::min<std::size_t>(n, order.size()); ++i)
          expected.push_back(input.row_to_json(order[i]));
        const Options options = {{"by", by}, {"n", n}, {"order", descending ? "descending" : "ascending"}};
        EXPECT_EQ(rows_for_any_batch_size("top", options, input), expected) << OptionValue(by).to_text() << ' ' << n;
      }
    }
  }
}

TEST(Top, HoldsABoundedNumberOfRowsHoweverLongTheInput) {
  std::vector<std::vector<testing::Value>> rows;
  for (std::int64_t i = 0; i < 50'000; ++i) rows.push_back({i});  // the worst case: every row is better than the last
  const RecordBatch input = table({{"n", Type::kInt64}}, rows);
  BufferPool pool(MemoryBudget(200'000));
  const auto result =
      run_operator("top", {{"by", "n"}, {"n", 2}}, testing::in_batches_of(input, 1000), {.pool = &pool});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"n":49999})", R"({"n":49998})"));
}

TEST(Top, FailsWhenItsRowsAlonePassTheMemoryLimit) {
  BufferPool pool(MemoryBudget(50'000));
  const auto result = run_operator("top", {{"by", "id"}, {"n", 2'000}}, random_table(2'000, 5), {.pool = &pool});
  ASSERT_FALSE(result.status);
  EXPECT_EQ(result.status.error().code(), ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace penstock
