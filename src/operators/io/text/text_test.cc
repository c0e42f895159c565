// SPDX-License-Identifier: MIT
// text.read, text.write, regex and fields.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <random>

#include "operators/io/io_test_files.h"
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

class TextTest : public testing::FolderTest {};
using TextRead = TextTest;
using TextWrite = TextTest;

std::vector<std::string> lines_of(const HarnessResult& result) {
  std::vector<std::string> lines;
  for (const Batch& batch : result.batches) {
    const Column& column = batch.record_batch().column(0);
    for (std::size_t i = 0; i < column.size(); ++i) lines.emplace_back(column.text(i));
  }
  return lines;
}

const HarnessOptions kKeepErrors{.on_error = quarantine()};

TEST_F(TextRead, GivesARecordPerLine) {
  const HarnessResult result = run_source("text.read", {{"path", put("a", "one\n\ntwo\r\nlast")}, {"number", true}});
  EXPECT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"line":"one","number":1})", R"({"line":"","number":2})",
                                         R"({"line":"two","number":3})", R"({"line":"last","number":4})"));
}

TEST_F(TextRead, GivesARecordPerParagraphAndDropsBlankLines) {
  const HarnessResult result = run_source(
      "text.read", {{"path", put("a", "\n\na: 1\nb: 2\n \t\n\nc: 3")}, {"separator", "blank"}, {"number", true}});
  EXPECT_THAT(result.rows(), ElementsAre(R"({"line":"a: 1\nb: 2","number":3})", R"({"line":"c: 3","number":7})"));
}

TEST_F(TextRead, BeginsARecordWhereTheStartMatches) {
  const HarnessResult result = run_source(
      "text.read",
      {{"path", put("a", "before\n2024 one\n  more\n\n2024 two\n")}, {"start", R"(^\d{4} )"}, {"number", true}});
  EXPECT_THAT(result.rows(),
              ElementsAre(R"({"line":"before","number":1})", R"({"line":"2024 one\n  more\n","number":2})",
                          R"({"line":"2024 two","number":5})"));
}

TEST_F(TextRead, NeverJoinsLinesOfTwoFiles) {
  put("a.log", "x\ny");
  put("b.log", "z\n\nw");
  const HarnessResult result = run_source("text.read", {{"path", folder_ + "/*.log"}, {"separator", "blank"}});
  EXPECT_THAT(lines_of(result), ElementsAre("x\ny", "z", "w"));
  EXPECT_EQ(result.note, "2 files");
}

TEST_F(TextRead, RejectsInvalidUtf8WithItsPlace) {
  const std::string path = put("a",
                               "good\nb\xFF"
                               "d\n\xC3\xB6\n");
  const HarnessResult result = run_source("text.read", {{"path", path}}, kKeepErrors);
  EXPECT_THAT(lines_of(result), ElementsAre("good", "\xC3\xB6"));
  ASSERT_EQ(result.rejections.size(), 1U);
  const Rejection& rejection = result.rejections[0];
  EXPECT_EQ(rejection.reason, "invalid UTF-8");
  EXPECT_EQ(rejection.record, 1U);
  EXPECT_EQ(rejection.line, 2U);
  EXPECT_EQ(rejection.file, path);
  EXPECT_EQ(rejection.raw,
            "b\xFF"
            "d");
}

TEST_F(TextRead, ReplacesInvalidUtf8WhenAsked) {
  const HarnessResult result = run_source("text.read", {{"path", put("a",
                                                                     "b\xFF\xC3"
                                                                     "d\xE2\x82")},
                                                        {"invalid_utf8", "replace"}});
  EXPECT_THAT(lines_of(result), ElementsAre("b\uFFFD\uFFFD"
                                            "d\uFFFD\uFFFD"));
}

TEST_F(TextRead, RejectsRecordsThatAreTooLongAndGoesOn) {
  const HarnessResult lines =
      run_source("text.read", {{"path", put("a", "12345\n123456\n1\n")}, {"max_record_bytes", 5}}, kKeepErrors);
  EXPECT_THAT(lines_of(lines), ElementsAre("12345", "1"));
  EXPECT_THAT(lines.reasons(), ElementsAre("the record has 6 bytes, more than max_record_bytes = 5"));
  const HarnessResult paragraphs = run_source(
      "text.read",
      {{"path", put("b", "12\n34\n\n12\n345\n\n1\n123456\n\nx")}, {"separator", "blank"}, {"max_record_bytes", 5}},
      kKeepErrors);
  EXPECT_THAT(lines_of(paragraphs), ElementsAre("12\n34", "x"));
  EXPECT_THAT(paragraphs.reasons(), ElementsAre("the record has 6 bytes, more than max_record_bytes = 5",
                                                "the record has 8 bytes, more than max_record_bytes = 5"));
}

TEST_F(TextRead, KeepsNulBytes) {
  EXPECT_THAT(lines_of(run_source("text.read", {{"path", put("a", std::string("a\0b\n", 4))}})),
              ElementsAre(std::string("a\0b", 3)));
}

TEST_F(TextRead, GivesNoBatchForAnEmptyFile) {
  const HarnessResult result = run_source("text.read", {{"path", put("a", "")}});
  EXPECT_EQ(result.error(), "");
  EXPECT_THAT(result.batches, IsEmpty());
}

TEST_F(TextRead, RefusesWrongOptionsAndFiles) {
  EXPECT_THAT(run_source("text.read", {{"path", folder_ + "/none"}}).error(),
              AllOf(HasSubstr("none"), HasSubstr("no such file")));
  EXPECT_THAT(run_source("text.read", {{"path", folder_}}).error(), HasSubstr("it is a folder"));
  EXPECT_THAT(run_source("text.read", {{"path", folder_ + "/*.none"}}).error(), HasSubstr("*.none"));
  EXPECT_THAT(run_source("text.read", {{"path", OptionValue::List{}}}).error(), HasSubstr("names no file"));
  EXPECT_THAT(run_source("text.read", {{"path", "x"}, {"start", "("}}).error(), HasSubstr("no regular expression"));
  EXPECT_THAT(run_source("text.read", {{"path", "x"}, {"start", "a"}, {"separator", "blank"}}).error(),
              HasSubstr("exclude"));
  EXPECT_THAT(run_source("text.read", {{"path", "x"}, {"max_record_bytes", 0}}).error(),
              HasSubstr("expected 1 to 1GiB"));
}

TEST_F(TextRead, GivesTheSameRecordsForEveryBatchSize) {
  std::mt19937 random(7);  // NOLINT: the same texts every time
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    static constexpr const char* kPieces[] = {"a", "b: ", "some text", "\n", "\n", "\n\n", "\xC3\xB6", "\r\n", "1"};
    text += i % 50 == 49 ? "\xFF" : kPieces[random() % 9];
  }
  const std::string path = put("a", text);
  for (const char* separator : {"line", "blank"}) {
    const Options options = {{"path", path}, {"separator", separator}, {"number", true}, {"max_record_bytes", 40}};
    const HarnessResult expected = run_source("text.read", options, kKeepErrors);
    ASSERT_GT(expected.num_rows(), 1000U);
    ASSERT_GT(expected.rejections.size(), 100U);
    for (const std::size_t size : {1, 7, 1000, 100'000}) {
      const HarnessResult result = run_source("text.read", options, {.batch_size = size, .on_error = quarantine()});
      EXPECT_EQ(result.rows(), expected.rows()) << separator << " " << size;
      ASSERT_EQ(result.rejections.size(), expected.rejections.size());
      EXPECT_EQ(result.rejections.back().record, expected.rejections.back().record);
      for (const Batch& batch : result.batches) EXPECT_LE(batch.num_records(), size);
    }
  }
}

TEST_F(TextRead, StopsWhenNobodyWantsMore) {
  const HarnessResult result =
      run_source("text.read", {{"path", put("a", "1\n2\n3\n4\n5\n")}}, {.batch_size = 2, .most_batches = 1});
  EXPECT_EQ(result.num_rows(), 2U);
}

TEST_F(TextWrite, WritesOneColumnAndPassesRecordsOn) {
  const std::string path = folder_ + "/deep/er/out.txt";
  const RecordBatch input =
      table({{"a", Type::kUtf8}, {"b", Type::kInt64}}, {{"x", 1L}, {nullptr, 2L}, {"\xC3\xB6", nullptr}});
  const HarnessResult result = run_operator("text.write", {{"path", path}, {"column", "a"}}, input);
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(read_file(path).value_or(""), "x\n\n\xC3\xB6\n");
  EXPECT_EQ(result.num_rows(), 3U);
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].records, 3U);
  EXPECT_EQ(result.outputs[0].size_bytes, 6U);
  ASSERT_TRUE(run_operator("text.write", {{"path", path}, {"column", "b"}, {"separator", ";"}}, input).status);
  EXPECT_EQ(read_file(path).value_or(""), "1;2;;");
}

TEST_F(TextWrite, LeavesNothingBehindWhenItIsAborted) {
  const std::string path = put("out.txt", "as it was");
  const RecordBatch input = table({{"a", Type::kUtf8}}, {{"x"}});
  run_operator("text.write", {{"path", path}}, input, {.commit = false});
  EXPECT_EQ(read_file(path).value_or(""), "as it was");
  EXPECT_THAT(names(), ElementsAre("out.txt"));
}

TEST_F(TextWrite, AsksWhichColumnWhenThereAreSeveral) {
  const RecordBatch input = table({{"a", Type::kUtf8}, {"b", Type::kInt64}}, {});
  EXPECT_THAT(run_operator("text.write", {{"path", folder_ + "/x"}}, input).error(),
              AllOf(HasSubstr("there are 2"), HasSubstr("option \"column\"")));
  EXPECT_THAT(run_operator("text.write", {{"path", folder_ + "/x"}, {"column", "c"}}, input).error(),
              HasSubstr("\"c\""));
}

TEST_F(TextWrite, ReportsAFolderThatCannotBeMade) {
  const std::string file = put("file", "");
  const RecordBatch input = table({{"a", Type::kUtf8}}, {});
  EXPECT_THAT(run_operator("text.write", {{"path", file + "/x"}}, input).error(), HasSubstr(file));
}

RecordBatch lines(const std::vector<std::string>& texts) {
  std::vector<std::vector<testing::Value>> rows;
  std::int64_t id = 0;
  for (const std::string& text : texts)
    rows.push_back({++id, text == "null" ? testing::Value() : testing::Value(text)});
  return table({{"id", Type::kInt64}, {"line", Type::kUtf8}}, rows);
}

TEST(Regex, TurnsNamedGroupsIntoTypedColumns) {
  const HarnessResult result = run_operator("regex",
                                            {{"pattern", R"(^(?P<level>\w+) (\d+)(?: (?P<took>\S+)ms)?)"},
                                             {"types", OptionValue::Table{{"took", "float64"}}}},
                                            lines({"INFO 1 2.5ms", "WARN 22", "ERR 3 4ms and more"}));
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(), "id: int64, level: utf8, took: float64");
  EXPECT_THAT(result.rows(),
              ElementsAre(R"({"id":1,"level":"INFO","took":2.5})", R"({"id":2,"level":"WARN","took":null})",
                          R"({"id":3,"level":"ERR","took":4.0})"));
}

TEST(Regex, ReadsTheAccessLogOfTheGuide) {
  const HarnessResult result = run_operator(
      "regex",
      {{"pattern",
        R"x(^(?P<host>\S+) \S+ \S+ \[(?P<when>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+|-))x"},
       {"types", OptionValue::Table{{"status", "int64"}, {"bytes", "int64"}}},
       {"null_values", OptionValue::List{"-"}}},
      lines({R"(10.0.0.1 - ann [31/Jan/2024:10:20:30 +0000] "GET /a HTTP/1.1" 304 - "-" "curl")"}));
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":1,"host":"10.0.0.1","when":"31/Jan/2024:10:20:30 +0000",)"
                                         R"("request":"GET /a HTTP/1.1","status":304,"bytes":null})"));
}

TEST(Regex, RejectsRecordsThatDoNotMatchOrAreOfAnotherType) {
  const HarnessResult result = run_operator(
      "regex", {{"pattern", R"(^(?P<name>\w+)=(?P<value>\S+)$)"}, {"types", OptionValue::Table{{"value", "int64"}}}},
      lines({"a=1", "nothing", "b=x", "null", "c=99999999999999999999", "d=2"}), kKeepErrors);
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":1,"name":"a","value":1})", R"({"id":6,"name":"d","value":2})"));
  EXPECT_THAT(result.reasons(),
              ElementsAre("the pattern does not match: \"nothing\"", "expected int64, found \"x\"",
                          "null, expected a text", "out of the range of int64: \"99999999999999999999\""));
  EXPECT_EQ(result.rejections[1].record, 2U);
  EXPECT_EQ(result.rejections[1].column, "value");
  EXPECT_EQ(result.rejections[1].raw, R"({"id":3,"line":"b=x"})");
}

TEST(Regex, SetsNullsInsteadWhenAsked) {
  const HarnessResult result = run_operator("regex",
                                            {{"pattern", R"((?P<bytes>\d+|-)$)"},
                                             {"types", OptionValue::Table{{"bytes", "int64"}}},
                                             {"null_values", "-"},
                                             {"unmatched", "null"},
                                             {"keep", true}},
                                            lines({"12", "-", "x", "null"}));
  EXPECT_THAT(result.rows(),
              ElementsAre(R"({"id":1,"line":"12","bytes":12})", R"({"id":2,"line":"-","bytes":null})",
                          R"({"id":3,"line":"x","bytes":null})", R"({"id":4,"line":null,"bytes":null})"));
}

TEST(Regex, RefusesWrongOptions) {
  const RecordBatch input = lines({});
  EXPECT_THAT(run_operator("regex", {{"pattern", "(?P<a>"}}, input).error(), HasSubstr("no regular expression"));
  EXPECT_THAT(run_operator("regex", {{"pattern", "(a)"}}, input).error(), HasSubstr("no named group"));
  EXPECT_THAT(run_operator("regex", {{"pattern", "(?P<id>a)"}}, input).error(), HasSubstr("\"id\""));
  EXPECT_THAT(run_operator("regex", {{"pattern", "(?P<a>a)"}, {"column", "lin"}}, input).error(), HasSubstr("line"));
  EXPECT_THAT(run_operator("regex", {{"pattern", "(?P<a>a)"}, {"column", "id"}}, input).error(),
              HasSubstr("expected utf8"));
  EXPECT_THAT(
      run_operator("regex", {{"pattern", "(?P<took>a)"}, {"types", OptionValue::Table{{"tok", "int64"}}}}, input)
          .error(),
      AllOf(HasSubstr("\"tok\""), HasSubstr("took")));
  EXPECT_THAT(
      run_operator("regex", {{"pattern", "(?P<a>a)"}, {"types", OptionValue::Table{{"a", "int63"}}}}, input).error(),
      HasSubstr("int63"));
}

constexpr const char* kPackage =
    "Package: zlib1g\nInstalled-Size: 168\nDescription: compression library\n a real one\n .\n  indented \nTag: a, b\n "
    "c\n";

TEST(Fields, TurnsWantedKeysIntoColumns) {
  const HarnessResult result = run_operator(
      "fields",
      {{"keys",
        OptionValue::Table{
            {"package", "package"}, {"size", "Installed-Size"}, {"text", "Description"}, {"home", "Homepage"}}},
       {"types", OptionValue::Table{{"size", "int64"}}}},
      lines({kPackage, "Description:\n x\nPackage:\nUnknown: y\n z"}));
  EXPECT_EQ(result.error(), "");
  EXPECT_THAT(
      result.rows(),
      ElementsAre(
          R"({"id":1,"package":"zlib1g","size":168,"text":"compression library\na real one\n\n indented","home":null})",
          R"({"id":2,"package":"","size":null,"text":"x","home":null})"));
}

TEST(Fields, JoinsContinuationLinesAsAsked) {
  const HarnessResult result =
      run_operator("fields", {{"keys", OptionValue::List{"Tag"}}, {"join", " "}}, lines({kPackage}));
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":1,"Tag":"a, b c"})"));
}

TEST(Fields, RejectsWhatIsNoParagraphOfFields) {
  const HarnessResult result =
      run_operator("fields", {{"keys", OptionValue::List{"A"}}, {"types", OptionValue::Table{{"A", "bool"}}}},
                   lines({"A: yes", "A: yes\nno field", " A: no", "A: 1\na: 1", "A: maybe", "null", ": x",
                          "A: no\n\nB: 1", "A: no\r\nB: 1\r"}),
                   kKeepErrors);
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":1,"A":true})", R"({"id":9,"A":false})"));
  EXPECT_THAT(result.reasons(),
              ElementsAre("line 2 of the record is no \"Key: value\": \"no field\"",
                          "line 1 of the record continues nothing: \" A: no\"",
                          "key \"A\" is there twice, again in line 2 of the record", "expected bool, found \"maybe\"",
                          "null, expected a paragraph of \"Key: value\" lines",
                          "line 1 of the record is no \"Key: value\": \": x\"",
                          "line 2 of the record is no \"Key: value\": \"\""));
}

TEST(Fields, RefusesWrongKeys) {
  const RecordBatch input = lines({});
  EXPECT_THAT(run_operator("fields", {{"keys", OptionValue::List{}}}, input).error(), HasSubstr("empty"));
  EXPECT_THAT(run_operator("fields", {{"keys", 3}}, input).error(), HasSubstr("an integer"));
  EXPECT_THAT(run_operator("fields", {{"keys", OptionValue::List{"A", "a"}}}, input).error(), HasSubstr("twice"));
}

TEST(SplitColumn, GivesTheSameRowsForEveryBatchSize) {
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i)
    texts.push_back(i % 7 == 3 ? "bad" : "k" + std::to_string(i) + ": " + std::to_string(i * 3));
  const RecordBatch all = lines(texts);
  const Options options = {{"pattern", R"(^(?P<key>\w+): (?P<value>\d+)$)"},
                           {"types", OptionValue::Table{{"value", "int64"}}}};
  const std::vector<std::string> expected = run_operator("regex", options, all, kKeepErrors).rows();
  ASSERT_GT(expected.size(), 400U);
  for (const std::size_t size : {1, 7, 64}) {
    EXPECT_EQ(run_operator("regex", options, testing::in_batches_of(all, size), kKeepErrors).rows(), expected) << size;
  }
}

}  // namespace
}  // namespace penstock
