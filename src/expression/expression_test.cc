// SPDX-License-Identifier: MIT
// What expressions mean: values, nulls, failures of rows, selection.
#include "expression/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expression/expression_fixture.h"

namespace penstock::expression {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Expression, ComputesWithNumbers) {
  expect_values({
      {"quantity + 1", "5 null 1"},
      {"1 - quantity", "-3 null 1"},
      {"quantity * id", "4 null 0"},
      {"amount * quantity", "50.0 null -0.0"},
      {"amount + 1", "13.5 null -6.25"},
      {"id / 2", "0.5 1.0 1.5"},
      {"amount / 0", "inf null -inf"},
      {"-id", "-1 -2 -3"},
      {"-amount", "-12.5 null 7.25"},
      {"+id", "1 2 3"},
      {"id // 2", "0 1 1"},
      {"-id // 2", "-1 -1 -2"},
      {"-id % 2", "1 0 1"},
      {"id % -2", "-1 0 -1"},
      {"amount // 2", "6.0 null -4.0"},
      {"amount % 2", "0.5 null 0.75"},
      {"\"unit price\" * 2", "1.0 3.0 5.0"},
      {"`unit price` * 2", "1.0 3.0 5.0"},
  });
}

TEST(Expression, BindsAsUsual) {
  expect_values({
      {"1 + id * 2", "3 5 7"},
      {"(1 + id) * 2", "4 6 8"},
      {"10 - id - 1", "8 7 6"},
      {"- id + 5", "4 3 2"},
      {"id = 1 or id = 2 and paid", "true null false"},
      {"not id = 1 and true", "false true true"},
      {"not (id = 1 or id = 2)", "false false true"},
      {"'a' || 'b' = 'ab'", "true true true"},
      {"id between 1 and 2 and paid", "true null false"},
      {"id - 1 between 0 and 1", "true true false"},
      {"- -id", "1 2 3"},
      {"id --1", "2 3 4"},
  });
}

// Only what is nested counts against the limit of nesting, and nothing recurses along a chain.
TEST(Expression, LongChainsAreNotNested) {
  const auto repeated = [](std::string_view first, std::string_view next, int times) {
    std::string text(first);
    for (int i = 1; i < times; ++i) text += next;
    return text;
  };
  EXPECT_EQ(values(repeated("id", " + id", 5000)), "5000 10000 15000");
  EXPECT_EQ(values(repeated("id", " + 1 - 1", 5000)), "1 2 3");
  EXPECT_EQ(values(repeated("amount", " * 1", 5000)), "12.5 null -7.25");
  EXPECT_EQ(values(repeated("1", " + 1", 5000) + " + id"), "5001 5002 5003");
  EXPECT_EQ(values(repeated("paid", " or id = 0", 5000)), "true null false");
  EXPECT_EQ(values(repeated("paid", " and id > 0", 5000)), "true null false");
  EXPECT_EQ(values("length(" + repeated("country", " || 'ab'", 5000) + ")"), "10000 null 10000");
  EXPECT_EQ(values(repeated("id", " + 2 * 3 // 4", 5000)), "5000 5001 5002");
  EXPECT_EQ(values(repeated("id", " + id", 100'000)), "100000 200000 300000");
}

TEST(Expression, AChainFailsWhereItsPartFails) {
  EXPECT_EQ(failures_of("id + 1 // quantity - 1"), "2: 1 // 0 divides by zero, in 1 // quantity\n");
  EXPECT_EQ(failures_of("(id * 10 // quantity + 1)"), "2: 30 // 0 divides by zero, in id * 10 // quantity\n");
}

TEST(Expression, ComparesValuesOfOneType) {
  expect_values({
      {"id = 2", "false true false"},
      {"id == 2", "false true false"},
      {"id <> 2", "true false true"},
      {"id != 2", "true false true"},
      {"id < 2", "true false false"},
      {"id <= 2", "true true false"},
      {"2 < id", "false false true"},
      {"2 <= id", "false true true"},
      {"id > 1.5", "false true true"},
      {"amount > quantity", "true null false"},
      {"country = 'de'", "true null false"},
      {"'de' = country", "true null false"},
      {"country < 'a'", "false null true"},
      {"country >= note", "true null false"},
      {"paid = true", "true null false"},
      {"paid <> paid", "false null false"},
      {"at > timestamp('2000-01-01')", "true null false"},
      {"float64('nan') = float64('nan')", "false false false"},
      {"amount < float64('nan')", "false null false"},
  });
}

TEST(Expression, KnowsThreeTruthValues) {
  expect_values({
      {"paid and true", "true null false"},
      {"paid and false", "false false false"},
      {"paid and null", "null null false"},
      {"paid or true", "true true true"},
      {"paid or false", "true null false"},
      {"paid or null", "true null null"},
      {"not paid", "false null true"},
      {"null and paid", "null null false"},
      {"null = null", "null null null"},
      {"paid is null", "false true false"},
      {"paid is not null", "true false true"},
      {"id is null", "false false false"},
      {"null is null", "true true true"},
      {"quantity in (4, 5)", "true null false"},
      {"quantity in (4, null)", "true null null"},
      {"quantity not in (4, 5)", "false null true"},
      {"country in ('de', 'at', 'ch', 'li', 'lu')", "true null false"},
      {"country not in ('de', 'at', 'ch', 'li', 'lu')", "false null true"},
      {"country in ('de', note)", "true null false"},
      {"quantity between 0 and 3", "false null true"},
      {"quantity not between 0 and 3", "true null false"},
      {"2 between id and quantity", "true null false"},
  });
}

TEST(Expression, ChoosesPerRow) {
  expect_values({
      {"case when id = 1 then 'one' when id = 2 then 'two' else 'many' end", "'one' 'two' 'many'"},
      {"case when id = 1 then 1 end", "1 null null"},
      {"case when paid then 1 when not paid then 2 else 3.5 end", "1.0 3.5 2.0"},
      {"CASE WHEN paid THEN at END", "2024-02-29T13:14:15.500Z null null"},
      {"case when paid then paid else id = 2 end", "true true false"},
      {"if(paid, country, note)", "'de' null 'x'"},
      {"if(true, id, 0)", "1 2 3"},
      {"if(null, id, 0)", "0 0 0"},
      {"coalesce(quantity, -1)", "4 -1 0"},
      {"coalesce(quantity, amount, id)", "4.0 2.0 0.0"},
      {"coalesce(country, note, '?')", "'de' '?' 'FR'"},
      {"coalesce(null, id)", "1 2 3"},
      {"coalesce(paid, null)", "true null false"},
      {"nullif(id, 2)", "1 null 3"},
      {"nullif(country, 'FR')", "'de' null null"},
      {"nullif(quantity, null)", "4 null 0"},
  });
}

TEST(Expression, JoinsTextsThatAreEmpty) {
  expect_values({
      {"substr(note, 99)", "'' null ''"},
      {"substr(note, 99) || substr(country, 99)", "'' null ''"},
      {"upper('') || country", "'de' null 'FR'"},
      {"concat('', '')", "'' '' ''"},
      {"replace(country, 'de', '')", "'' null 'FR'"},
      {"if(paid, '', country)", "'' null 'FR'"},
  });
}

TEST(Expression, FailsRowsThatHaveNoValue) {
  EXPECT_EQ(failures_of("id // quantity"), "2: 3 // 0 divides by zero, in id // quantity\n");
  EXPECT_EQ(failures_of("id % quantity"), "2: 3 % 0 divides by zero, in id % quantity\n");
  EXPECT_EQ(failures_of("id / quantity"), "2: 3 / 0 divides by zero, in id / quantity\n");
  EXPECT_EQ(failures_of("1 + int64(country)"),
            "0: \"de\" is no int64, in int64(country)\n2: \"FR\" is no int64, in int64(country)\n");
  EXPECT_EQ(failures_of("int64('9223372036854775807') + quantity"),
            "0: 9223372036854775807 + 4 overflows int64, in int64('9223372036854775807') + quantity\n");
  EXPECT_EQ(failures_of("-9223372036854775808 - id").substr(0, 48), "0: -9223372036854775808 - 1 overflows int64, in ");
}

TEST(Expression, OverflowOfIntegersIsNeverSilent) {
  expect_values({
      {"9223372036854775807 + id", "! ! !"},
      {"9223372036854775806 + id", "9223372036854775807 ! !"},
      {"-9223372036854775807 - id", "-9223372036854775808 ! !"},
      {"4611686018427387904 * id", "4611686018427387904 ! !"},
      {"(-9223372036854775807 - if(id = 1, 1, 0)) // -1", "! 9223372036854775807 9223372036854775807"},
      {"(-9223372036854775807 - if(id = 1, 1, 0)) % -1", "0 0 0"},
      {"-(-9223372036854775807 - if(id = 1, 1, 0))", "! 9223372036854775807 9223372036854775807"},
      {"abs(-9223372036854775807 - if(id = 1, 1, 0))", "! 9223372036854775807 9223372036854775807"},
      {"int64(9223372036854775807.0 * id)", "! ! !"},
      {"int64(amount / 0)", "! null !"},
  });
}

TEST(Expression, IgnoresFailuresWhereTheValueIsNotNeeded) {
  expect_values({
      {"quantity <> 0 and id // quantity >= 0", "true null false"},
      {"quantity = 0 or id // quantity >= 0", "true null true"},
      {"id // quantity >= 0 and quantity <> 0", "true null !"},
      {"if(quantity = 0, 0, id // quantity)", "0 null 0"},
      {"case when quantity = 0 then -1 when id // quantity = 0 then 1 end", "1 null -1"},
      {"case when id // quantity = 0 then 1 else 2 end", "1 2 !"},
      {"coalesce(quantity, id // (id - 2))", "4 ! 0"},
      {"coalesce(id // quantity, 5)", "0 5 !"},
      {"try(id // quantity)", "0 null null"},
      {"try(coalesce(id // quantity, 5))", "0 5 null"},
      {"coalesce(try(int64(note)), 0)", "0 0 0"},
  });
}

TEST(Expression, FailsEveryRowWhenWhatFailsIsTheSameForAll) {
  expect_values({
      {"int64(coalesce('a', country))", "! ! !"},
      {"int64(utf8(id is null))", "! ! !"},
      {"if(paid, int64(utf8(id is null)), id)", "! 2 3"},
  });
}

TEST(Expression, KeepsTheFirstFailureOfARow) {
  EXPECT_EQ(failures_of("int64(country) + id // quantity"),
            "0: \"de\" is no int64, in int64(country)\n2: \"FR\" is no int64, in int64(country)\n");
}

TEST(Expression, SharesFailuresAmongTheExpressionsOfAnOperator) {
  RowFailures failures;
  const RecordBatch batch = orders();
  for (const char* const text : {"id // quantity", "int64(country)"}) {
    Expression::compile(text, order_schema())->evaluate(batch, BufferPool::shared(), failures);
  }
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures.all()[0].row, 0U);
  EXPECT_EQ(failures.all()[1].reason, "3 // 0 divides by zero, in id // quantity");
  EXPECT_FALSE(failures.contains(1));
}

TEST(Expression, SelectsRowsThatAreTrue) {
  const auto selected = [](std::string_view text) {
    std::vector<std::uint32_t> rows = {7};
    RowFailures failures;
    Expression::compile(text, order_schema())->select(orders(), BufferPool::shared(), rows, failures);
    return rows;
  };
  EXPECT_THAT(selected("amount > 0"), ElementsAre(0));
  EXPECT_THAT(selected("amount is null or amount < 0"), ElementsAre(1, 2));
  EXPECT_THAT(selected("true"), ElementsAre(0, 1, 2));
  EXPECT_THAT(selected("bool(null)"), ElementsAre());
  EXPECT_THAT(selected("id // quantity >= 0 or true"), ElementsAre(0, 1));
}

TEST(Expression, SelectsAcrossWordsOfTheBitmap) {
  RecordBatchBuilder builder(*make_schema({{"n", Type::kInt64}}), BufferPool::shared());
  for (int i = 0; i < 200; ++i) builder.column(0).append_int64(i);
  const RecordBatch batch = builder.finish();
  std::vector<std::uint32_t> rows;
  RowFailures failures;
  Expression::compile("n % 63 = 0", batch.schema_ptr())->select(batch, BufferPool::shared(), rows, failures);
  EXPECT_THAT(rows, ElementsAre(0, 63, 126, 189));
}

TEST(Expression, SelectsTheOthers) {
  const auto others = [](std::string_view text) {
    std::vector<std::uint32_t> rows = {7};
    RowFailures failures;
    Expression::compile(text, order_schema())->select_others(orders(), BufferPool::shared(), rows, failures);
    return std::pair(rows, failures.size());
  };
  EXPECT_THAT(others("amount > 0").first, ElementsAre(1, 2));
  EXPECT_THAT(others("true").first, ElementsAre());
  EXPECT_THAT(others("bool(null)").first, ElementsAre(0, 1, 2));
  EXPECT_EQ(others("id // quantity >= 0 or true"), std::pair(std::vector<std::uint32_t>{2}, std::size_t{1}));
}

TEST(Expression, SelectsWholeWordsOfTheBitmapAndTheirOthers) {
  RecordBatchBuilder builder(*make_schema({{"n", Type::kInt64}}), BufferPool::shared());
  for (int i = 0; i < 200; ++i) builder.column(0).append_int64(i);
  const RecordBatch batch = builder.finish();
  const Expression most = *Expression::compile("n <> 130", batch.schema_ptr());
  std::vector<std::uint32_t> rows;
  RowFailures failures;
  most.select(batch, BufferPool::shared(), rows, failures);
  ASSERT_EQ(rows.size(), 199U);
  for (std::uint32_t i = 0; i < 199; ++i) EXPECT_EQ(rows[i], i < 130 ? i : i + 1);
  most.select_others(batch, BufferPool::shared(), rows, failures);
  EXPECT_THAT(rows, ElementsAre(130));
}

TEST(Expression, KnowsItsTypeColumnsAndText) {
  const Result<Expression> expression = Expression::compile("quantity * amount + quantity", order_schema());
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->type(), Type::kFloat64);
  EXPECT_THAT(expression->columns(), ElementsAre(1, 2));
  EXPECT_EQ(expression->text(), "quantity * amount + quantity");
  EXPECT_EQ(Expression::compile("id is null", order_schema())->type(), Type::kBool);
  EXPECT_EQ(Expression::compile("timestamp(null)", order_schema())->type(), Type::kTimestamp);
}

TEST(Expression, ReturnsAColumnWithoutACopy) {
  const RecordBatch batch = orders();
  RowFailures failures;
  const Column column = Expression::compile("amount", order_schema())->evaluate(batch, BufferPool::shared(), failures);
  EXPECT_EQ(column.float64s().data(), batch.column(1).float64s().data());
}

TEST(Expression, WorksOnAnEmptyBatch) {
  for (const char* const text : {"id + 1", "1", "'x'", "country || 'x'", "if(paid, 1, 2)", "coalesce(country, '')",
                                 "paid and true", "at is null", "country in ('a', 'b', 'c', 'd')", "try(1 // id)"}) {
    RowFailures failures;
    const Column column =
        Expression::compile(text, order_schema())->evaluate(orders().head(0), BufferPool::shared(), failures);
    EXPECT_EQ(column.size(), 0U) << text;
    EXPECT_TRUE(failures.empty()) << text;
  }
}

TEST(Expression, LeavesZerosUnderNulls) {
  RowFailures failures;
  const auto column = [&](const char* text) {
    return Expression::compile(text, order_schema())->evaluate(orders(), BufferPool::shared(), failures);
  };
  EXPECT_EQ(column("quantity + 7").int64s()[1], 0);
  EXPECT_EQ(column("amount + 7").float64s()[1], 0.0);
  EXPECT_FALSE(get_bit(column("not paid").bits(), 1));
  EXPECT_EQ(column("9223372036854775807 + id").int64s()[0], 0);
  EXPECT_EQ(column("country || 'x'").text(1), "");
}

TEST(Expression, RefusesTextsWithoutBound) {
  std::string text = "note";
  for (int i = 0; i < 12; ++i) text = "replace(replace(" + text + ", 'x', 'xxxxxxxx'), 'y', 'z')";
  EXPECT_THAT(failures_of(text), HasSubstr("bytes is longer than the 67108864 that are allowed"));
}

}  // namespace
}  // namespace penstock::expression
