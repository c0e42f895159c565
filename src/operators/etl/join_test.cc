// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "operators/etl/random_table.h"
#include "platform/file.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

class Join : public ::testing::Test {
 protected:
  // Writes a file for one test.
  std::string put(const std::string& name, const std::string& bytes) {
    const std::string path = ::testing::TempDir() + "penstock_join_" +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name() + "_" + name;
    EXPECT_TRUE(write_file(path, bytes));
    paths_.push_back(path);
    return path;
  }
  ~Join() override {
    for (const std::string& path : paths_) std::remove(path.c_str());
  }

 private:
  std::vector<std::string> paths_;
};

RecordBatch orders() {
  return table({{"id", Type::kInt64}, {"country", Type::kUtf8}}, {{std::int64_t{1}, std::string("DE")},
                                                                  {std::int64_t{2}, std::string("XX")},
                                                                  {std::int64_t{3}, nullptr},
                                                                  {std::int64_t{4}, std::string("FR")},
                                                                  {std::int64_t{5}, std::string("DE")}});
}

constexpr char kCountries[] = "code,name,people\nFR,France,68\nDE,Germany,84\n,Nowhere,0\nIT,Italy,\n";

TEST_F(Join, AddsTheColumnsOfTheTableAndNullsWithoutAMatch) {
  const Options options = {{"path", put("countries.csv", kCountries)}, {"on", OptionValue::Table{{"country", "code"}}}};
  EXPECT_THAT(rows_for_any_batch_size("join", options, orders()),
              ElementsAre(R"({"id":1,"country":"DE","name":"Germany","people":84})",
                          R"({"id":2,"country":"XX","name":null,"people":null})",
                          R"({"id":3,"country":null,"name":null,"people":null})",
                          R"({"id":4,"country":"FR","name":"France","people":68})",
                          R"({"id":5,"country":"DE","name":"Germany","people":84})"));
}

TEST_F(Join, DropsRowsWithoutAMatchWhenInner) {
  const Options options = {{"path", put("countries.csv", kCountries)},
                           {"on", OptionValue::Table{{"country", "code"}}},
                           {"columns", "people"},
                           {"how", "inner"}};
  EXPECT_THAT(rows_for_any_batch_size("join", options, orders()),
              ElementsAre(R"({"id":1,"country":"DE","people":84})", R"({"id":4,"country":"FR","people":68})",
                          R"({"id":5,"country":"DE","people":84})"));
}

TEST_F(Join, RejectsRowsWithoutAMatchWhenAsked) {
  const std::string path = put("countries.csv", kCountries);
  const Options options = {{"path", path}, {"on", OptionValue::Table{{"country", "code"}}}, {"missing", "reject"}};
  const auto result = run_operator("join", options, orders(), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 3U);
  ASSERT_EQ(result.rejections.size(), 2U);
  EXPECT_EQ(result.rejections[0].record, 1U);
  EXPECT_EQ(result.rejections[0].column, "country");
  EXPECT_EQ(result.rejections[0].reason, "no row of the table " + path + " has its key");
  EXPECT_EQ(result.rejections[0].raw, R"({"id":2,"country":"XX"})");
  EXPECT_FALSE(run_operator("join", options, orders()).status);
}

TEST_F(Join, PutsAPrefixInFrontOfNames) {
  const std::string path = put("t.csv", "country,id\nDE,7\n");
  const auto clash = run_operator("join", {{"path", path}, {"on", "country"}}, orders());
  EXPECT_EQ(clash.error(),
            "the input and the table " + path +
                " both have a column \"id\"\n  try: name the \"columns\" to take from the table, or give theirs a "
                "\"prefix\"");
  const auto result = run_operator("join", {{"path", path}, {"on", "country"}, {"prefix", "country_"}}, orders());
  EXPECT_EQ(result.type.schema->to_text(), "id: int64, country: utf8, country_id: int64");
}

TEST_F(Join, RefusesAKeyTwiceUnlessTheFirstCounts) {
  const std::string path = put("t.csv", "country,rate\nDE,1\nFR,2\nDE,3\n");
  const auto result = run_operator("join", {{"path", path}, {"on", "country"}}, orders());
  EXPECT_EQ(result.error(),
            "the table " + path +
                " has two rows with the key {\"country\":\"DE\"}\n  try: remove one, or set duplicates = \"first\"");
  const auto first = run_operator("join", {{"path", path}, {"on", "country"}, {"duplicates", "first"}}, orders());
  EXPECT_EQ(first.rows().at(0), R"({"id":1,"country":"DE","rate":1})");
}

TEST_F(Join, RefusesKeysOfDifferentTypes) {
  const std::string path = put("t.csv", "id,rate\nA1,1\n");
  EXPECT_THAT(run_operator("join", {{"path", path}, {"on", "id"}}, orders()).error(),
              HasSubstr("column \"id\" is int64 in the input, but \"id\" is utf8 in the table " + path));
}

TEST_F(Join, HandsOptionsToTheReader) {
  const std::string path = put("t.txt", "country;rate\nDE;1\n");
  EXPECT_THAT(run_operator("join", {{"path", path}, {"on", "country"}}, orders()).error(),
              HasSubstr("format = \"csv\""));
  const auto result = run_operator(
      "join", {{"path", path}, {"on", "country"}, {"format", "csv"}, {"read", OptionValue::Table{{"delimiter", ";"}}}},
      orders());
  EXPECT_EQ(result.rows().at(0), R"({"id":1,"country":"DE","rate":1})");
  EXPECT_EQ(result.note, "1 row from " + path + " by csv.read");
}

TEST_F(Join, PointsAtMissingFilesColumnsAndBadRows) {
  EXPECT_THAT(run_operator("join", {{"path", "/nowhere/t.csv"}, {"on", "country"}}, orders()).error(),
              HasSubstr("/nowhere/t.csv"));
  const std::string path = put("t.csv", "country,rate\nDE,1\nFR\n");
  EXPECT_THAT(run_operator("join", {{"path", path}, {"on", "country"}}, orders()).error(), HasSubstr(path + ":3"));
  EXPECT_THAT(
      run_operator("join", {{"path", path}, {"on", OptionValue::Table{{"country", "cuontry"}}}}, orders()).error(),
      HasSubstr("\"country\""));
  EXPECT_THAT(run_operator("join", {{"path", path}, {"on", 7}}, orders()).error(), HasSubstr("must name columns"));
}

TEST_F(Join, FailsWhenTheTableIsLargerThanTheMemoryLimit) {
  std::string text = "id,name\n";
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i) + ",name of " + std::to_string(i) + "\n";
  BufferPool pool(MemoryBudget(std::size_t{256} << 10));
  const auto result = run_operator("join", {{"path", put("t.csv", text)}, {"on", "id"}}, orders(), {.pool = &pool});
  ASSERT_FALSE(result.status);
  EXPECT_EQ(result.status.error().code(), ErrorCode::kResourceExhausted);
}

TEST_F(Join, AgreesWithAMapOverTwoColumns) {
  const RecordBatch input = random_table(1'000, 21);
  std::string text = "word,flag,value\n";
  std::map<std::pair<std::int64_t, bool>, int> values;
  for (const std::int64_t word : {std::int64_t{-1}, std::int64_t{7}, INT64_MAX}) {
    for (const bool flag : {false, true}) {
      if (word == 7 && flag) continue;
      const int value = static_cast<int>(values.size());
      values[{word, flag}] = value;
      text += std::to_string(word) + (flag ? ",true," : ",false,") + std::to_string(value) + "\n";
    }
  }
  std::vector<std::string> expected;
  for (std::size_t row = 0; row < input.num_rows(); ++row) {
    const auto found = values.find({input.column(0).int64s()[row], get_bit(input.column(2).bits(), row)});
    const bool match = !input.column(0).is_null(row) && !input.column(2).is_null(row) && found != values.end();
    std::string json = input.row_to_json(row);
    json.insert(json.size() - 1, ",\"value\":" + (match ? std::to_string(found->second) : "null"));
    expected.push_back(json);
  }
  EXPECT_EQ(
      rows_for_any_batch_size("join", {{"path", put("t.csv", text)}, {"on", OptionValue::List{"word", "flag"}}}, input),
      expected);
}

}  // namespace
}  // namespace penstock
