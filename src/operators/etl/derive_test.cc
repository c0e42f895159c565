// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

RecordBatch orders() {
  return table({{"amount", Type::kFloat64}, {"quantity", Type::kInt64}, {"country", Type::kUtf8}},
               {{2.5, std::int64_t{4}, std::string("de")},
                {3.0, std::int64_t{0}, nullptr},
                {nullptr, std::int64_t{1}, nullptr}});
}

Options set(OptionValue::Table table) { return {{"set", std::move(table)}}; }

TEST(Derive, AddsColumnsAndReplacesThemInTheirPlace) {
  const auto result =
      run_operator("derive", set({{"total", "amount * quantity"}, {"country", "upper(country)"}}), orders());
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(), "amount: float64, quantity: int64, country: utf8, total: float64");
  EXPECT_EQ(result.rows().at(0), R"({"amount":2.5,"quantity":4,"country":"DE","total":10.0})");
  EXPECT_EQ(result.rows().at(2), R"({"amount":null,"quantity":1,"country":null,"total":null})");
}

TEST(Derive, LetsLaterColumnsSeeEarlierOnesAlsoWhenTheTypeChanges) {
  const auto result = run_operator(
      "derive", set({{"amount", "quantity + 1"}, {"twice", "amount * 2"}, {"more", "twice + amount"}}), orders());
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.rows().at(0), R"({"amount":5,"quantity":4,"country":"de","twice":10,"more":15})");
}

TEST(Derive, HandsRowsThatFailAsTheyCameToTheErrorPolicy) {
  const Options options = set({{"country", "'x'"}, {"share", "10 // quantity"}});
  const auto result = run_operator("derive", options, orders(), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 2U);
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_EQ(result.rejections[0].record, 1U);
  EXPECT_EQ(result.rejections[0].raw, R"({"amount":3.0,"quantity":0,"country":null})");
  EXPECT_THAT(result.rejections[0].reason, HasSubstr("zero"));
  const auto failed = run_operator("derive", options, orders());
  EXPECT_EQ(failed.status.error().record(), 1);
}

TEST(Derive, RejectsARowOnceHoweverManyExpressionsFail) {
  const Options options = set({{"a", "10 // quantity"}, {"b", "20 // quantity"}});
  EXPECT_EQ(run_operator("derive", options, orders(), {.on_error = skip()}).rejections.size(), 1U);
}

TEST(Derive, GivesTheSameRowsForAnyBatchSize) {
  const RecordBatch input = random_table(500, 9);
  const auto rows = rows_for_any_batch_size(
      "derive", set({{"next", "id + 1"}, {"label", "concat(text, '-', utf8(next))"}, {"big", "real > 1"}}), input);
  EXPECT_EQ(rows.size(), 500U);
}

TEST(Derive, NamesTheColumnWhoseExpressionIsWrong) {
  OptionValue text("amuont * 2");
  text.place = {"orders.toml", 5, 20};
  EXPECT_THAT(
      run_operator("derive", set({{"total", text}}), orders()).error(),
      ::testing::AllOf(::testing::StartsWith("orders.toml:5:20/total: "), HasSubstr("did you mean \"amount\"?")));
}

}  // namespace
}  // namespace penstock
