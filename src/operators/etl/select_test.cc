// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::run_operator;
using testing::table;

RecordBatch orders() {
  return table({{"id", Type::kInt64}, {"country", Type::kUtf8}, {"amount", Type::kFloat64}},
               {{std::int64_t{1}, std::string("DE"), 2.5}, {std::int64_t{2}, nullptr, nullptr}});
}

OptionValue::List list(std::initializer_list<const char*> texts) {
  return OptionValue::List(texts.begin(), texts.end());
}

TEST(Select, KeepsTheColumnsInTheOrderGiven) {
  const auto result = run_operator("select", {{"columns", list({"amount", "id"})}}, orders());
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(), "amount: float64, id: int64");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"amount":2.5,"id":1})", R"({"amount":null,"id":2})"));
}

TEST(Select, SharesTheValues) {
  const RecordBatch input = orders();
  const auto result = run_operator("select", {{"columns", "amount"}}, input);
  EXPECT_EQ(result.batches.at(0).record_batch().column(0).float64s().data(), input.column(2).float64s().data());
}

TEST(Select, PointsAtAnUnknownColumn) {
  OptionValue name("amuont");
  name.place = {"orders.toml", 7, 12};
  const auto result = run_operator("select", {{"columns", OptionValue::List{name}}}, orders());
  EXPECT_EQ(result.status.error().where(), "orders.toml:7:12");
  EXPECT_THAT(result.error(), ::testing::HasSubstr("\"amount\""));
}

TEST(Select, RefusesAColumnTwice) {
  EXPECT_EQ(run_operator("select", {{"columns", list({"id", "id"})}}, orders()).status.error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(Select, NeedsRecordBatches) {
  const auto op = Registry::global().make("select", {{"columns", "id"}});
  ASSERT_TRUE(op);
  const auto bound = (*op)->bind({.key = record_key<int>(), .record_name = "Order"});
  EXPECT_EQ(bound.error().message(), "this operator works on record batches, but its input is typed records of Order");
  EXPECT_EQ((*op)->bind({}).error().hint(), "put a source such as csv.read in front");
}

TEST(Rename, GivesOtherNamesAndKeepsOrderAndValues) {
  const auto result =
      run_operator("rename", {{"columns", OptionValue::Table{{"country", "land"}, {"amount", "total"}}}}, orders());
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(), "id: int64, land: utf8, total: float64");
  EXPECT_THAT(result.rows(),
              ElementsAre(R"({"id":1,"land":"DE","total":2.5})", R"({"id":2,"land":null,"total":null})"));
}

TEST(Rename, SwapsTwoNames) {
  const auto result =
      run_operator("rename", {{"columns", OptionValue::Table{{"id", "amount"}, {"amount", "id"}}}}, orders());
  EXPECT_EQ(result.type.schema->to_text(), "amount: int64, country: utf8, id: float64");
}

TEST(Rename, RefusesANameThatIsTakenAndAValueThatIsNoText) {
  EXPECT_EQ(run_operator("rename", {{"columns", OptionValue::Table{{"id", "amount"}}}}, orders()).status.error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      run_operator("rename", {{"columns", OptionValue::Table{{"id", 3}}}}, orders()).error(),
      "the new name of column \"id\" must be a text, but is an integer: 3\n  try: write columns = { old = \"new\" }");
}

}  // namespace
}  // namespace penstock
