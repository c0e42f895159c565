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
  return table({{"id", Type::kInt64}, {"amount", Type::kFloat64}, {"country", Type::kUtf8}},
               {{std::int64_t{1}, 5.0, std::string("DE")},
                {std::int64_t{2}, -1.0, std::string("FR")},
                {std::int64_t{3}, nullptr, std::string("DE")},
                {std::int64_t{0}, 7.0, nullptr},
                {std::int64_t{5}, -8.0, nullptr}});
}

TEST(Filter, KeepsTheRowsForWhichTheConditionIsTrue) {
  EXPECT_THAT(rows_for_any_batch_size("filter", {{"where", "amount > 0"}}, orders()),
              ElementsAre(R"({"id":1,"amount":5.0,"country":"DE"})", R"({"id":0,"amount":7.0,"country":null})"));
}

TEST(Filter, DropsTheOthersWithoutRejectingThem) {
  const auto result = run_operator("filter", {{"where", "amount > 0"}}, orders(), {.on_error = fail()});
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(result.rejections.size(), 0U);
}

TEST(Filter, SharesTheValuesWhenAllRowsStay) {
  const RecordBatch input = orders();
  const auto result = run_operator("filter", {{"where", "id >= 0"}}, input);
  EXPECT_EQ(result.batches.at(0).record_batch().column(0).int64s().data(), input.column(0).int64s().data());
}

TEST(Filter, EmitsNoBatchWithoutRows) {
  EXPECT_EQ(run_operator("filter", {{"where", "id > 100"}}, orders()).batches.size(), 0U);
}

TEST(Filter, AgreesWithALoop) {
  const RecordBatch input = random_table(2'000, 7);
  std::vector<std::string> expected;
  for (std::size_t row = 0; row < input.num_rows(); ++row) {
    const bool word = !input.column(0).is_null(row) && input.column(0).int64s()[row] < 7;
    if (word || input.column(3).is_null(row)) expected.push_back(input.row_to_json(row));
  }
  EXPECT_EQ(rows_for_any_batch_size("filter", {{"where", "word < 7 or text is null"}}, input), expected);
}

TEST(Filter, HandsRowsThatCannotBeEvaluatedToTheErrorPolicy) {
  const Options options = {{"where", "10 // id > 2"}};
  const auto result = run_operator("filter", options, orders(), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(HasSubstr("\"id\":1"), HasSubstr("\"id\":2"), HasSubstr("\"id\":3")));
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_EQ(result.rejections[0].record, 3U);
  EXPECT_EQ(result.rejections[0].raw, R"({"id":0,"amount":7.0,"country":null})");
  EXPECT_THAT(result.rejections[0].reason, HasSubstr("zero"));
  EXPECT_FALSE(run_operator("filter", options, orders(), {.on_error = fail()}).status);
}

TEST(Filter, RefusesAConditionThatIsNoBool) {
  OptionValue where("amount + 1");
  where.place = {"orders.toml", 9, 3};
  EXPECT_EQ(run_operator("filter", {{"where", where}}, orders()).error(),
            "orders.toml:9:3: a condition must be a bool, but \"amount + 1\" is a float64\n"
            "  try: compare it with something, for instance with > 0 or is not null");
}

TEST(Filter, ShowsWhereAConditionIsWrong) {
  EXPECT_THAT(run_operator("filter", {{"where", "amuont > 0"}}, orders()).error(),
              HasSubstr("  amuont > 0\n  ^^^^^^\n  try: did you mean \"amount\"?"));
}

Options rules() {
  return {{"rules", OptionValue::Table{{"positive", "amount > 0"}, {"known", "country is not null"}}}};
}

TEST(Validate, RejectsRowsWithAllRulesThatTheyBreak) {
  const auto result = run_operator("validate", rules(), orders(), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":1,"amount":5.0,"country":"DE"})"));
  EXPECT_THAT(result.reasons(),
              ElementsAre("rule \"positive\" is broken: amount > 0",
                          "rule \"positive\" is broken: amount > 0",  // a null is not greater than 0
                          "rule \"known\" is broken: country is not null",
                          "rule \"positive\" is broken: amount > 0; rule \"known\" is broken: country is not null"));
  EXPECT_EQ(result.rejections[0].raw, R"({"id":2,"amount":-1.0,"country":"FR"})");
  EXPECT_EQ(result.rejections[0].column, "amount");
  EXPECT_EQ(result.rejections[2].record, 3U);
}

TEST(Validate, FailsTheRunWithTheDefaultPolicy) {
  const auto result = run_operator("validate", rules(), orders());
  EXPECT_EQ(result.error(), "rule \"positive\" is broken: amount > 0 (record 1)");
}

TEST(Validate, LosesNoRow) {
  const RecordBatch input = random_table(1'000, 8);
  const Options options = {
      {"rules", OptionValue::Table{{"a", "word > 0"}, {"b", "text <> 'a'"}, {"c", "flag or id < 500"}}}};
  for (const std::size_t size : {1, 7, 1000}) {
    const auto result =
        run_operator("validate", options, testing::in_batches_of(input, size), {.on_error = quarantine()});
    ASSERT_EQ(result.error(), "");
    EXPECT_EQ(result.num_rows() + result.rejections.size(), 1'000U);
    const auto kept = run_operator("filter", {{"where", "word > 0 and text <> 'a' and (flag or id < 500)"}}, input);
    EXPECT_EQ(result.rows(), kept.rows());
  }
}

TEST(Validate, CountsARuleThatCannotBeEvaluatedAsBroken) {
  const Options options = {{"rules", OptionValue::Table{{"id", "10 // id > 0"}}}};
  const auto result = run_operator("validate", options, orders(), {.on_error = quarantine()});
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_THAT(result.rejections[0].reason, ::testing::StartsWith("rule \"id\" is broken: "));
  EXPECT_THAT(result.rejections[0].reason, HasSubstr("zero"));
}

TEST(Validate, NamesTheRuleThatIsWrong) {
  const Options options = {{"rules", OptionValue::Table{{"positive", "amount"}}}};
  EXPECT_THAT(run_operator("validate", options, orders()).error(),
              ::testing::StartsWith("positive: a condition must be"));
}

}  // namespace
}  // namespace penstock
