// SPDX-License-Identifier: MIT
// json.read and json.write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <nlohmann/json.hpp>
#include <random>

#include "operators/io/io_test_files.h"
#include "operators/io/json/json_check.h"
#include "platform/file.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::HarnessOptions;
using testing::HarnessResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_operator;
using testing::run_source;
using testing::table;

class JsonTest : public testing::FolderTest {
 protected:
  // Reads `text` with the given schema, keeping what is rejected.
  HarnessResult read(std::string_view text, OptionValue::Table schema, Options options = {}) {
    options.set("path", put("in.jsonl", std::string(text))).set("schema", std::move(schema));
    return run_source("json.read", options, {.on_error = quarantine()});
  }
  HarnessResult infer(std::string_view text, Options options = {}) {
    options.set("path", put("in.jsonl", std::string(text)));
    return run_source("json.read", options, {.on_error = quarantine()});
  }
};
using JsonRead = JsonTest;
using JsonWrite = JsonTest;

TEST_F(JsonRead, TurnsKeysIntoTypedColumns) {
  const HarnessResult result = read(
      "{\"id\":1,\"x\":1.5,\"ok\":true,\"name\":\"\xC3\xB6\",\"at\":\"2024-01-31T10:20:30Z\"}\n"
      " { \"at\" : \"2024-01-31\" , \"name\" : \"a\\u00e9\\n\\\"\" , \"ok\" : false , \"x\" : 2 , \"id\" : -0 } \r\n"
      "{}\n"
      "{\"id\":null,\"x\":null,\"ok\":null,\"name\":null,\"at\":null}",
      {{"id", "int64"}, {"x", "float64"}, {"ok", "bool"}, {"name", "utf8"}, {"at", "timestamp"}});
  EXPECT_EQ(result.error(), "");
  EXPECT_THAT(result.reasons(), IsEmpty());
  EXPECT_THAT(
      result.rows(),
      ElementsAre("{\"id\":1,\"x\":1.5,\"ok\":true,\"name\":\"\xC3\xB6\",\"at\":\"2024-01-31T10:20:30Z\"}",
                  "{\"id\":0,\"x\":2.0,\"ok\":false,\"name\":\"a\xC3\xA9\\n\\\"\",\"at\":\"2024-01-31T00:00:00Z\"}",
                  R"({"id":null,"x":null,"ok":null,"name":null,"at":null})",
                  R"({"id":null,"x":null,"ok":null,"name":null,"at":null})"));
}

TEST_F(JsonRead, KeepsOtherValuesAsJsonTextInTextColumns) {
  const HarnessResult result = read(
      "{\"v\": {\"a\": [1, {}], \"b\":\"}\"} , \"w\":1}\n{\"v\":[ "
      "]}\n{\"v\":{}}\n{\"v\":1e999}\n{\"v\":true}\n{\"v\":[\"\\\"\"]}",
      {{"v", "utf8"}});
  EXPECT_THAT(result.reasons(), IsEmpty());
  EXPECT_THAT(result.rows(), ElementsAre(R"({"v":"{\"a\": [1, {}], \"b\":\"}\"}"})", R"({"v":"[ ]"})", R"({"v":"{}"})",
                                         R"({"v":"1e999"})", R"({"v":"true"})", R"({"v":"[\"\\\"\"]"})"));
}

TEST_F(JsonRead, RejectsValuesOfAnotherTypeWithColumnLineAndRaw) {
  const HarnessResult result = read(
      "{\"id\":\"1\"}\n{\"id\":1.0}\n{\"id\":true}\n{\"id\":99999999999999999999}\n{\"id\":[1]}\n{\"x\":\"a\"}\n{\"x\":"
      "1e999}\n"
      "{\"b\":1}\n{\"t\":5}\n{\"t\":\"soon\"}\n{\"t\":\"2024-02-30\"}\n{\"id\":7}\n",
      {{"id", "int64"}, {"x", "float64"}, {"b", "bool"}, {"t", "timestamp"}});
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":7,"x":null,"b":null,"t":null})"));
  EXPECT_THAT(
      result.reasons(),
      ElementsAre("expected int64, found a string: \"1\"", "expected int64, found a number: \"1.0\"",
                  "expected int64, found a bool: \"true\"", "out of the range of int64: \"99999999999999999999\"",
                  "expected int64, found an array: \"[1]\"", "expected float64, found a string: \"a\"",
                  "out of the range of float64: \"1e999\"", "expected bool, found a number: \"1\"",
                  "expected timestamp, found a number: \"5\"", "expected timestamp, found \"soon\"",
                  "out of the range of timestamp: \"2024-02-30\""));
  const Rejection& last = result.rejections.back();
  EXPECT_EQ(last.column, "t");
  EXPECT_EQ(last.line, 11U);
  EXPECT_EQ(last.record, 10U);
  EXPECT_EQ(last.file, folder_ + "/in.jsonl");
  EXPECT_EQ(last.raw, "{\"t\":\"2024-02-30\"}");
}

TEST_F(JsonRead, RejectsEveryLineThatIsNotAnObject) {
  const std::vector<std::string> broken = {"{",
                                           "}",
                                           "{\"id\":1",
                                           "{\"id\":1]",
                                           "{\"id\":}",
                                           "{\"id\"}",
                                           "{\"id\":1,}",
                                           "{,}",
                                           "{\"id\":1 \"x\":2}",
                                           "{\"id\":1}}",
                                           "{\"id\":1}{\"id\":2}",
                                           "{\"id\":1} x",
                                           "{id:1}",
                                           "{\"id\":1,,\"x\":2}",
                                           "{\"id\"::1}",
                                           "{\"s\":\"1\":2}",
                                           "{\"id\":1:2}",
                                           "{\"id\":01}",
                                           "{\"id\":+1}",
                                           "{\"id\":1.}",
                                           "{\"id\":.5}",
                                           "{\"id\":1e}",
                                           "{\"id\":-}",
                                           "{\"id\":nul}",
                                           "{\"id\":nulll}",
                                           "{\"id\":tru}",
                                           "{\"id\":NaN}",
                                           "{\"id\":0x1}",
                                           "{\"other\":tru}",
                                           "{\"other\":[1,]}",
                                           "{\"other\":[1,2}}",
                                           "{\"other\":{\"a\"}}",
                                           "{\"s\":\"open}",
                                           "{\"s\":\"a\"b\"}",
                                           "{\"s\":\"\\x\"}",
                                           "{\"s\":\"\\u12\"}",
                                           "{\"s\":\"\\ud800\"}",
                                           "{\"s\":\"tab\there\"}",
                                           "{\"s\":'a'}",
                                           "[1]",
                                           "\"text\"",
                                           "1",
                                           "null",
                                           "{\"s\":\"\xFF\"}",
                                           "{\"s\":\"\xC3\"}",
                                           std::string("{\"s\":\"\0\"}", 9),
                                           std::string("{\"id\":1\0}", 9),
                                           std::string("\0", 1),
                                           "// {}",
                                           "{\"a\\x\":1}",
                                           "{\"other\":\"\\x\"}",
                                           "{\"other\":[\"\\x\"]}"};
  std::string text;
  for (const std::string& line : broken) text += line + "\n{\"id\":3,\"s\":\"after\"}\n";
  const HarnessResult result = read(text, {{"id", "int64"}, {"s", "utf8"}});
  ASSERT_EQ(result.rejections.size(), broken.size());
  EXPECT_EQ(result.num_rows(), broken.size());
  for (const std::string& row : result.rows()) EXPECT_EQ(row, R"({"id":3,"s":"after"})");
  for (std::size_t i = 0; i < broken.size(); ++i) {
    EXPECT_EQ(result.rejections[i].raw, broken[i]);
    EXPECT_EQ(result.rejections[i].line, 2 * i + 1);
    EXPECT_THAT(result.rejections[i].reason,
                ::testing::AnyOf(HasSubstr("broken JSON"), HasSubstr("expected a JSON object")));
  }
}

TEST_F(JsonRead, RejectsKeysThatAreThereTwice) {
  const HarnessResult result =
      read("{\"a\":1,\"a\":1}\n{\"a\":1,\"\\u0061\":2}\n{\"a\":1,\"b\":2,\"b\":3}\n", {{"a", "int64"}});
  EXPECT_THAT(result.reasons(), ElementsAre("the key is there twice", "the key is there twice"));
  EXPECT_EQ(result.rejections[0].column, "a");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":1})"));
}

TEST_F(JsonRead, CountsUnknownKeysOrRejectsThem) {
  const std::string text = "{\"a\":1,\"b\":[2],\"c\":\"x\\n\"}\n{\"a\":2}\n";
  const HarnessResult ignored = read(text, {{"a", "int64"}});
  EXPECT_EQ(ignored.num_rows(), 2U);
  EXPECT_EQ(ignored.note, "2 values of keys without a column");
  const HarnessResult rejected = read(text, {{"a", "int64"}}, {{"unknown", "reject"}});
  EXPECT_THAT(rejected.rows(), ElementsAre(R"({"a":2})"));
  EXPECT_THAT(rejected.reasons(), ElementsAre("unknown key \"b\""));
}

TEST_F(JsonRead, FindsColumnsWhateverTheOrderOfKeys) {
  const HarnessResult result = read("{\"c\":3,\"a\":1}\n{\"b\":2,\"c\":3,\"\\u0061\":1}\n{\"ab\":0,\"b\":2}",
                                    {{"a", "int64"}, {"b", "int64"}, {"c", "int64"}});
  EXPECT_THAT(result.rows(),
              ElementsAre(R"({"a":1,"b":null,"c":3})", R"({"a":1,"b":2,"c":3})", R"({"a":null,"b":2,"c":null})"));
}

TEST_F(JsonRead, InfersTypesFromASampleAndSaysSo) {
  const HarnessResult result = infer(
      "{\"i\":1,\"f\":1,\"b\":true,\"t\":\"2024-01-31\",\"s\":\"x\",\"mix\":1,\"obj\":{},\"nil\":null,\"big\":"
      "99999999999999999999}\n"
      "broken\n\n"
      "{\"i\":2,\"f\":1.5,\"mix\":\"a\",\"late\":null}\n{\"late\":3}");
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(),
            "i: int64, f: float64, b: bool, t: timestamp, s: utf8, mix: utf8, obj: utf8, nil: utf8, big: utf8, "
            "late: int64");
  EXPECT_THAT(result.note, HasSubstr("inferred from 3 records: i: int64, f: float64"));
  EXPECT_EQ(result.num_rows(), 3U);
  EXPECT_EQ(result.rejections.size(), 1U);
}

TEST_F(JsonRead, RejectsWhatDoesNotFitTheInferredType) {
  const HarnessResult result = infer("{\"a\":1}\n{\"a\":2}\n{\"a\":\"x\"}\n", {{"sample_rows", 2}});
  EXPECT_EQ(result.num_rows(), 2U);
  EXPECT_THAT(result.reasons(), ElementsAre("expected int64, found a string: \"x\""));
}

TEST_F(JsonRead, TakesGivenTypesOverInferredOnes) {
  const HarnessResult result =
      infer("{\"a\":1,\"b\":2}\n", {{"types", OptionValue::Table{{"b", "float64"}, {"late", "utf8"}}}});
  EXPECT_EQ(result.type.schema->to_text(), "a: int64, b: float64, late: utf8");
}

TEST_F(JsonRead, CannotInferFromNothing) {
  EXPECT_THAT(infer("").error(), AllOf(HasSubstr("cannot be inferred"), HasSubstr("schema")));
  EXPECT_THAT(infer("[\n1\n]\n").error(), HasSubstr("cannot be inferred"));
  EXPECT_EQ(read("", {{"a", "int64"}}).error(), "");
}

TEST_F(JsonRead, ReadsSeveralFilesAndCountsRecordsOverAll) {
  const std::string a = put("a", "{\"v\":1}\n\nbad");
  const std::string b = put("b", "\xEF\xBB\xBF{\"v\":2}\nworse\n");
  const HarnessResult result = run_source("json.read", {{"path", OptionValue::List{b, a}}}, {.on_error = quarantine()});
  EXPECT_THAT(result.rows(), ElementsAre(R"({"v":2})", R"({"v":1})"));
  ASSERT_EQ(result.rejections.size(), 2U);
  EXPECT_EQ(result.rejections[1].record, 3U);
  EXPECT_EQ(result.rejections[1].line, 3U);
  EXPECT_EQ(result.rejections[1].file, a);
  EXPECT_THAT(result.note, HasSubstr("2 files"));
}

TEST_F(JsonRead, RejectsLinesThatAreTooLong) {
  const HarnessResult result =
      read("{\"s\":\"" + std::string(5000, 'x') + "\"}\n{\"s\":\"y\"}\n", {{"s", "utf8"}}, {{"max_line_bytes", 4000}});
  EXPECT_THAT(result.rows(), ElementsAre(R"({"s":"y"})"));
  EXPECT_THAT(result.reasons(), ElementsAre("the line has 5008 bytes, more than max_line_bytes = 4000"));
  EXPECT_EQ(result.rejections[0].raw.size(), 1024U);
}

TEST_F(JsonRead, ReadsLinesLongerThanItsBlocks) {
  const std::string text(2'000'000, 'x');
  const HarnessResult result = infer("{\"s\":\"" + text + "\"}\n{\"s\":\"y\"}\n");
  ASSERT_EQ(result.num_rows(), 2U);
  EXPECT_EQ(result.batches[0].record_batch().column(0).text(0), text);
}

TEST_F(JsonRead, RejectsValuesThatAreNestedTooDeep) {
  const auto nested = [](int depth) { return "{\"s\":" + std::string(depth, '[') + std::string(depth, ']') + "}\n"; };
  const HarnessResult result =
      read(nested(json::kMostDepth) + nested(json::kMostDepth + 1) + nested(100'000), {{"s", "utf8"}});
  EXPECT_EQ(result.num_rows(), 1U);
  EXPECT_EQ(result.rejections.size(), 2U);
}

TEST_F(JsonRead, EndsTheRunAtTheFirstBadRecordUnlessToldOtherwise) {
  const HarnessResult result = run_source("json.read", {{"path", put("a", "{\"v\":1}\nbad\n")}});
  EXPECT_THAT(result.error(), AllOf(HasSubstr("expected a JSON object, found \"bad\""), HasSubstr("a:2")));
}

TEST_F(JsonRead, RefusesWrongOptionsAndFiles) {
  EXPECT_THAT(run_source("json.read", {{"path", folder_ + "/none"}}).error(), HasSubstr("no such file"));
  EXPECT_THAT(read("{}", {}).error(), HasSubstr("names no column"));
  EXPECT_THAT(read("{}", {{"a", "int63"}}).error(), HasSubstr("int63"));
  EXPECT_THAT(read("{}", {{"a", 3}}).error(), HasSubstr("an integer"));
  EXPECT_THAT(read("{}", {{"a", "utf8"}}, {{"types", OptionValue::Table{{"a", "utf8"}}}}).error(),
              HasSubstr("exclude"));
  EXPECT_THAT(infer("{}", {{"max_line_bytes", 0}}).error(), HasSubstr("expected 1 to 1073741824"));
}

// Random objects, some of them damaged; nlohmann's parser says which are JSON.
TEST_F(JsonRead, AgreesWithAnotherParserForEveryBatchSize) {
  std::mt19937 random(11);  // NOLINT: the same texts every time
  std::string text;
  std::size_t good = 0;
  for (int i = 0; i < 3000; ++i) {
    nlohmann::ordered_json object;
    if (random() % 4 != 0) object["id"] = static_cast<std::int64_t>(random()) - 1'000'000'000;
    if (random() % 4 != 0) object["x"] = static_cast<double>(random()) / 7;
    if (random() % 4 != 0) object["s"] = std::string(random() % 40, "a\"\\\n\x01z"[random() % 6]);
    if (random() % 4 != 0) object["n"] = {{"k", {1, nullptr, "\xC3\xB6"}}};
    std::string line = object.is_null() ? "{}" : object.dump();
    if (random() % 3 == 0) line[random() % line.size()] = "{}[]\",:\\x"[random() % 9];
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    good += parsed.is_object() ? 1 : 0;
    text += line + "\n";
  }
  const Options options = {{"path", put("in.jsonl", std::string(text))},
                           {"schema", OptionValue::Table{{"id", "utf8"}, {"x", "utf8"}, {"s", "utf8"}, {"n", "utf8"}}}};
  const HarnessResult expected = run_source("json.read", options, {.on_error = quarantine()});
  std::size_t twice = 0;
  for (const std::string& reason : expected.reasons()) twice += reason == "the key is there twice" ? 1 : 0;
  EXPECT_EQ(expected.num_rows() + twice, good);
  EXPECT_EQ(expected.num_rows() + expected.rejections.size(), 3000U);
  for (const std::size_t size : {1, 7, 1000}) {
    const HarnessResult result = run_source("json.read", options, {.batch_size = size, .on_error = quarantine()});
    EXPECT_EQ(result.rows(), expected.rows()) << size;
    EXPECT_EQ(result.reasons(), expected.reasons()) << size;
  }
}

TEST(JsonCheck, KnowsNumbers) {
  for (const char* text : {"0", "-0", "10", "1.5", "-1e5", "1E+05", "0.0e-0"})
    EXPECT_TRUE(json::is_number(text)) << text;
  for (const char* text : {"", "-", "01", "+1", "1.", ".5", "1e", "1e+", "0x1", "1 ", "nan", "1.5.5"})
    EXPECT_FALSE(json::is_number(text)) << text;
  EXPECT_TRUE(json::is_integer("-12"));
  EXPECT_FALSE(json::is_integer("1e2"));
  EXPECT_FALSE(json::is_integer("1.0"));
}

TEST(JsonCheck, KnowsWhereAValueEnds) {
  EXPECT_EQ(json::value_length("[1,{\"a\":\"]\"}] , 2"), 13U);
  EXPECT_EQ(json::value_length("[1"), 0U);
  EXPECT_TRUE(json::is_value(" [ ] "));
  EXPECT_FALSE(json::is_value("[] []"));
}

RecordBatch sample_rows() {
  return table({{"id", Type::kInt64},
                {"x \"y\"", Type::kFloat64},
                {"ok", Type::kBool},
                {"s", Type::kUtf8},
                {"t", Type::kTimestamp}},
               {{std::int64_t{1}, 0.5, true, "a\"\n\xC3\xB6", std::int64_t{1'500'000}},
                {nullptr, nullptr, nullptr, nullptr, nullptr},
                {std::int64_t{-3}, -HUGE_VAL, false, "", std::int64_t{0}}});
}

TEST_F(JsonWrite, WritesAnObjectPerLine) {
  const std::string path = folder_ + "/new/out.jsonl";
  const HarnessResult result = run_operator("json.write", {{"path", path}}, sample_rows());
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(read_file(path).value_or(""),
            "{\"id\":1,\"x \\\"y\\\"\":0.5,\"ok\":true,\"s\":\"a\\\"\\n\xC3\xB6\",\"t\":\"1970-01-01T00:00:01.500Z\"}\n"
            "{\"id\":null,\"x \\\"y\\\"\":null,\"ok\":null,\"s\":null,\"t\":null}\n"
            "{\"id\":-3,\"x \\\"y\\\"\":\"-Infinity\",\"ok\":false,\"s\":\"\",\"t\":\"1970-01-01T00:00:00Z\"}\n");
  EXPECT_EQ(result.num_rows(), 3U);
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].path, path);
  EXPECT_EQ(result.outputs[0].records, 3U);
  EXPECT_EQ(result.outputs[0].size_bytes, read_file(path).value_or("").size());
}

TEST_F(JsonWrite, WritesOneArrayWhenAsked) {
  const std::string path = folder_ + "/out.json";
  const RecordBatch three = table({{"v", Type::kInt64}}, {{std::int64_t{1}}, {std::int64_t{2}}, {std::int64_t{3}}});
  for (const std::size_t size : {1, 2, 3}) {
    run_operator("json.write", {{"path", path}, {"format", "array"}}, testing::in_batches_of(three, size));
    EXPECT_EQ(read_file(path).value_or(""), "[\n{\"v\":1},\n{\"v\":2},\n{\"v\":3}\n]\n") << size;
  }
  run_operator("json.write", {{"path", path}, {"format", "array"}}, table({{"v", Type::kInt64}}, {}));
  EXPECT_EQ(read_file(path).value_or(""), "[]\n");
}

TEST_F(JsonWrite, IsReadBackAsItWas) {
  const std::string path = folder_ + "/out.jsonl";
  ASSERT_TRUE(run_operator("json.write", {{"path", path}}, sample_rows()).status);
  const HarnessResult result =
      run_source("json.read", {{"path", path}, {"types", OptionValue::Table{{"x \"y\"", "float64"}}}});
  EXPECT_EQ(result.error(), "");
  ASSERT_EQ(result.batches.size(), 1U);
  EXPECT_EQ(*result.type.schema, sample_rows().schema());
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(result.batches[0].record_batch().row_to_json(i), sample_rows().row_to_json(i));
}

TEST_F(JsonWrite, LeavesNothingBehindWhenItIsAborted) {
  const std::string path = put("out.jsonl", "as it was");
  run_operator("json.write", {{"path", path}}, sample_rows(), {.commit = false});
  EXPECT_EQ(read_file(path).value_or(""), "as it was");
  EXPECT_THAT(names(), ElementsAre("out.jsonl"));
}

TEST_F(JsonWrite, ReportsADiskThatIsFull) {
  const HarnessResult result = run_operator("json.write", {{"path", "/dev/full"}}, sample_rows());
  EXPECT_THAT(result.error(), AllOf(HasSubstr("/dev/full"), HasSubstr("no space")));
}

}  // namespace
}  // namespace penstock
