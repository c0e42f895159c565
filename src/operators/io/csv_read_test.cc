// SPDX-License-Identifier: MIT
#include "operators/io/csv_read.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>
#include <sys/stat.h>

#include <random>
#include <thread>

#include "base/thorough.h"
#include "operators/io/csv/reference_read.h"
#include "operators/io/io_test_files.h"
#include "platform/file_modes_hold.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessOptions;
using testing::HarnessResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_source;

const HarnessOptions kSkip = {.on_error = skip()};

class CsvReadTest : public testing::FolderTest {
 protected:
  /// Reads `text` as one file.
  HarnessResult read(const std::string& text, Options options = {}, const HarnessOptions& how = kSkip) const {
    options.set("path", put("a.csv", text));
    return run_source("csv.read", options, how);
  }
  /// A file of 1,000 good rows of "id,name" with `line` as row 500.
  static std::string with_line(const std::string& line) {
    std::string text = "id,name\n";
    for (int i = 0; i < 1000; ++i)
      text += i == 500 ? line + "\n" : std::to_string(i) + ",\"n, " + std::to_string(i) + "\"\n";
    return text;
  }
};

// ---- Values --------------------------------------------------------------------------------------------------------

TEST_F(CsvReadTest, InfersTypesAndSaysSo) {
  const HarnessResult result = read(
      "id,price,at,ok,zip,empty,name\n"
      "1,2.5,2024-01-31T10:20:30Z,true,01234,,Ann\n"
      "-2,3,2024-02-01,FALSE,99999,,\"B, C\"\n");
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.type.schema->to_text(),
            "id: int64, price: float64, at: timestamp, ok: bool, zip: utf8, empty: utf8, name: utf8");
  EXPECT_THAT(
      result.rows(),
      ElementsAre(
          R"({"id":1,"price":2.5,"at":"2024-01-31T10:20:30Z","ok":true,"zip":"01234","empty":null,"name":"Ann"})",
          R"({"id":-2,"price":3.0,"at":"2024-02-01T00:00:00Z","ok":false,"zip":"99999","empty":null,"name":"B, C"})"));
  EXPECT_THAT(result.note, HasSubstr("types of all inferred from 2 rows of"));
}

TEST_F(CsvReadTest, GivenTypesWinAndUnknownOnesAreNamed) {
  EXPECT_THAT(read("a,b\n1,2\n", {{"types", OptionValue::Table{{"b", "utf8"}}}}).rows(),
              ElementsAre(R"({"a":1,"b":"2"})"));
  EXPECT_THAT(read("name,b\n1,2\n", {{"types", OptionValue::Table{{"nmae", "utf8"}}}}).error(),
              HasSubstr("no column \"nmae\"; the columns are: name, b\n  try: did you mean \"name\"?"));
  EXPECT_THAT(read("a,b\n1,2\n", {{"types", OptionValue::Table{{"a", "nubmer"}}}}).error(),
              HasSubstr("unknown type: \"nubmer\""));
}

TEST_F(CsvReadTest, TypesHaveOneNameEach) {
  const auto with_type = [this](const char* type) {
    return read("a\n1\n", {{"types", OptionValue::Table{{"a", type}}}}).error();
  };
  for (const char* const type : {"int64", "float64", "bool", "utf8"}) EXPECT_EQ(with_type(type), "") << type;
  EXPECT_EQ(read("a\n2024-01-31\n", {{"types", OptionValue::Table{{"a", "timestamp"}}}}).error(), "");
  EXPECT_THAT(with_type("integer"), HasSubstr("unknown type: \"integer\"\n  try: did you mean \"int64\"?"));
  EXPECT_THAT(with_type("double"), HasSubstr("did you mean \"float64\"?"));
  EXPECT_THAT(with_type("boolean"), HasSubstr("did you mean \"bool\"?"));
  EXPECT_THAT(with_type("string"), HasSubstr("did you mean \"utf8\"?"));
  EXPECT_THAT(with_type("date"), HasSubstr("did you mean \"timestamp\"?"));
  EXPECT_THAT(with_type("Int64"), HasSubstr("did you mean \"int64\"?"));
  EXPECT_THAT(with_type("blob"), HasSubstr("known: int64, float64, bool, utf8, timestamp"));
}

TEST_F(CsvReadTest, LargeIntegersAndTextsStayTexts) {
  const HarnessResult result = read("a,b,c\n99999999999999999999,y,1e5\n1,n,2\n");
  EXPECT_EQ(result.type.schema->to_text(), "a: utf8, b: utf8, c: float64");
}

TEST_F(CsvReadTest, ReadsNoTypesWithoutASample) {
  EXPECT_EQ(read("a\n1\n", {{"sample_rows", 0}}).type.schema->to_text(), "a: utf8");
}

TEST_F(CsvReadTest, UnquotesTextsOfEveryLength) {
  const std::string long_text(100, 'x');
  const HarnessResult result = read("a,b\n\"say \"\"hi\"\"\",\"" + long_text + "\"\"" + long_text + "\"\r\n" +
                                    long_text + ",\"line\r\nbreak\"\r\n\"\",\"\"\r\n");
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":"say \"hi\"","b":")" + long_text + R"(\")" + long_text + R"("})",
                                         R"({"a":")" + long_text + R"(","b":"line\r\nbreak"})", R"({"a":"","b":""})"));
}

TEST_F(CsvReadTest, ReadsQuotedNumbers) {
  EXPECT_THAT(read("a,b\n\"1\",\"2.5\"\n").rows(), ElementsAre(R"({"a":1,"b":2.5})"));
}

TEST_F(CsvReadTest, TakesOnlyUnquotedNullValuesAsNull) {
  const Options nulls = {{"null_values", OptionValue::List{"", "NA"}}};
  const HarnessResult result = read("a,b\nNA,NA\n1,\"NA\"\n,\n", nulls);
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":null,"b":null})", R"({"a":1,"b":"NA"})", R"({"a":null,"b":null})"));
}

TEST_F(CsvReadTest, KeepsEmptyTextsWhenTheyAreNoNullValue) {
  EXPECT_THAT(read("a,b\nx,\n", {{"null_values", OptionValue::List{}}}).rows(), ElementsAre(R"({"a":"x","b":""})"));
}

TEST_F(CsvReadTest, TrimsUnquotedCellsOnRequest) {
  EXPECT_THAT(read("a, b \n 1\t,  x\n2,\"  y\"\n", {{"trim", true}}).rows(),
              ElementsAre(R"({"a":1,"b":"x"})", R"({"a":2,"b":"  y"})"));
}

TEST_F(CsvReadTest, TakesOtherDelimitersAndNoQuotes) {
  EXPECT_THAT(read("a\tb\n\"1\t2\n", {{"delimiter", "tab"}, {"quote", ""}}).rows(),
              ElementsAre(R"({"a":"\"1","b":2})"));
  EXPECT_THAT(read("a;b\n1;'2;3'\n", {{"delimiter", ";"}, {"quote", "'"}}).rows(), ElementsAre(R"({"a":1,"b":"2;3"})"));
  EXPECT_THAT(read("a\n1\n", {{"delimiter", "::"}}).error(), HasSubstr("must be one byte or \"tab\", but is \"::\""));
  EXPECT_THAT(read("a\n1\n", {{"delimiter", "\""}}).error(), HasSubstr("delimiter and quote cannot both be"));
}

// ---- Columns -------------------------------------------------------------------------------------------------------

TEST_F(CsvReadTest, ReadsOnlyTheColumnsAskedForInThatOrder) {
  const HarnessResult result = read("a,b,c\n1,bad\xFF,3\n2,x,4\n", {{"columns", OptionValue::List{"c", "a"}}});
  EXPECT_THAT(result.rows(), ElementsAre(R"({"c":3,"a":1})", R"({"c":4,"a":2})"));
  EXPECT_THAT(read("a,b\n1,2\n", {{"columns", OptionValue::List{"d"}}}).error(),
              HasSubstr("no column \"d\"; the columns are: a, b"));
}

TEST_F(CsvReadTest, NamesColumnsOfFilesWithoutHeader) {
  EXPECT_THAT(read("1,x\n", {{"header", false}}).rows(), ElementsAre(R"({"column_1":1,"column_2":"x"})"));
  EXPECT_THAT(read("1,x\n", {{"header", false}, {"names", OptionValue::List{"n", "t"}}}).rows(),
              ElementsAre(R"({"n":1,"t":"x"})"));
  EXPECT_THAT(read("a,b\n1,x\n", {{"names", OptionValue::List{"n", "t"}}}).rows(), ElementsAre(R"({"n":1,"t":"x"})"));
  EXPECT_THAT(read("a,b\n", {{"names", OptionValue::List{"n"}}}).error(),
              HasSubstr("names has 1 names, but the header"));
}

TEST_F(CsvReadTest, RefusesHeadersWithTheSameNameTwiceOrNone) {
  EXPECT_THAT(read("a,b,a\n1,2,3\n").error(), HasSubstr("a.csv:1: columns 1 and 3 have the same name: \"a\""));
  EXPECT_THAT(read("a,,c\n1,2,3\n").error(), HasSubstr("a.csv:1: column 2 has no name"));
  EXPECT_THAT(read("a,\"b\"x\n1,2\n").error(),
              HasSubstr("a.csv:1: the header is not usable: text follows a closing quote"));
  EXPECT_THAT(read("a,b\xFF\n1,2\n").error(), HasSubstr("a name in the header is not valid UTF-8"));
}

// ---- The nine defects ----------------------------------------------------------------------------------------------

TEST_F(CsvReadTest, UnclosedQuoteCostsItsLineOnly) {
  const HarnessResult result = read(with_line("500,\"never closed"));
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.num_rows(), 999U);
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_EQ(result.rejections[0].raw, "500,\"never closed");
  EXPECT_EQ(result.rejections[0].line, 502U);
  EXPECT_EQ(result.rejections[0].record, 500U);
}

TEST_F(CsvReadTest, UnclosedQuoteAtTheEndCostsItsLineOnly) {
  const HarnessResult result = read("id,name\n1,a\n2,\"b\n3,c\n4,d");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"id":1,"name":"a"})", R"({"id":3,"name":"c"})", R"({"id":4,"name":"d"})"));
  EXPECT_THAT(result.reasons(), ElementsAre(HasSubstr("a quoted cell does not end")));
}

TEST_F(CsvReadTest, QuoteInsideAnUnquotedCellIsDataAndCounted) {
  const HarnessResult result = read(with_line("500,12\" monitor"));
  EXPECT_EQ(result.num_rows(), 1000U);
  EXPECT_EQ(result.rows()[500], R"({"id":500,"name":"12\" monitor"})");
  EXPECT_THAT(result.note, HasSubstr("1 rows with quotes inside unquoted cells"));
}

TEST_F(CsvReadTest, IntegerOutOfRangeIsRejected) {
  const HarnessResult result =
      read(with_line("99999999999999999999,x"), {{"types", OptionValue::Table{{"id", "int64"}}}});
  EXPECT_EQ(result.num_rows(), 999U);
  EXPECT_THAT(result.reasons(),
              ElementsAre("\"99999999999999999999\" does not fit int64 (-9223372036854775808 to 9223372036854775807)"));
  EXPECT_EQ(result.rejections[0].column, "id");
}

TEST_F(CsvReadTest, InvalidUtf8IsRejectedWithTheByte) {
  const HarnessResult result = read(with_line("500,caf\xE9 au lait"));
  EXPECT_EQ(result.num_rows(), 999U);
  EXPECT_THAT(result.reasons(), ElementsAre("invalid UTF-8: byte 0xE9 at byte 3 of the cell \"caf\\xe9 au lait\""));
}

TEST_F(CsvReadTest, FieldOf20MegabytesIsReadOrRejectedByItsLimit) {
  const std::string text = with_line("500," + std::string(20'000'000, 'x'));
  const HarnessResult result = read(text);
  EXPECT_EQ(result.num_rows(), 1000U);
  const HarnessResult limited = read(text, {{"max_row_bytes", "1MiB"}});
  EXPECT_EQ(limited.num_rows(), 999U);
  EXPECT_THAT(limited.reasons(),
              ElementsAre("the row has 20000004 bytes, at most 1048576 are allowed (max_row_bytes)"));
  EXPECT_EQ(limited.rejections[0].raw.size(), 1024U);
  EXPECT_EQ(limited.rejections[0].line, 502U);
  EXPECT_EQ(limited.rejections[0].offset, text.find("500,"));
}

TEST_F(CsvReadTest, LineOf200MegabytesIsRejectedWithinBoundedMemory) {
  constexpr int kMegabytes = 200;
  constexpr std::size_t kLimit = 64 << 20;  // the default
  ASSERT_EQ(::mkfifo(path("a.csv").c_str(), 0600), 0);
  std::thread writer([&] {
    std::ofstream file(path("a.csv"), std::ios::binary);
    file << "id,name\n1,a\n2,";
    for (int i = 0; i < kMegabytes; ++i) file << std::string(1'000'000, 'x');
    file << "\n3,c\n";
  });
  Result<std::unique_ptr<Operator>> op = Registry::global().make("csv.read", {{"path", path("a.csv")}});
  ASSERT_TRUE(op);
  const MemoryBudget budget;
  BufferPool pool(budget);
  testing::CollectingEmitter out;
  testing::CollectingErrors errors(skip());
  OperatorContext context{.name = "read", .pool = &pool, .errors = &errors};
  ASSERT_TRUE((*op)->bind({}));
  ASSERT_TRUE((*op)->open(context));
  auto& source = static_cast<Source&>(**op);
  for (Source::Next next = Source::Next::kMore; next == Source::Next::kMore;) {
    Result<Source::Next> produced = source.produce(out);
    ASSERT_TRUE(produced) << produced.error().to_text();
    next = *produced;
  }
  writer.join();
  EXPECT_EQ(out.batches.size(), 2U);
  ASSERT_EQ(errors.rejections.size(), 1U);
  EXPECT_EQ(errors.rejections[0].reason, fmt::format("the row has {} bytes, at most {} are allowed (max_row_bytes)",
                                                     kMegabytes * 1'000'000 + 2, kLimit));
  EXPECT_LT(budget.peak(), 2 * kLimit + (4 << 20));
  out.batches.clear();
  EXPECT_EQ(budget.used(), 0U);
}

TEST_F(CsvReadTest, BlankLinesAreSkippedAndCounted) {
  const HarnessResult result = read("\n\r\na,b\n\n1,2\r\n\r\n\n3,4\n\n");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":1,"b":2})", R"({"a":3,"b":4})"));
  EXPECT_THAT(result.reasons(), IsEmpty());
  EXPECT_THAT(result.note, HasSubstr("6 blank lines skipped"));
}

TEST_F(CsvReadTest, ValueBehindTheSampleIsRejectedAndTellsWhy) {
  const HarnessResult result = read(with_line("abc,x"), {{"sample_rows", 100}});
  EXPECT_EQ(result.num_rows(), 999U);
  EXPECT_THAT(result.reasons(),
              ElementsAre("\"abc\" is not an int64; the type was inferred from 100 rows, set types = { id = \"utf8\" } "
                          "or more sample_rows"));
}

TEST_F(CsvReadTest, TooManyAndTooFewFieldsAreRejected) {
  const HarnessResult result = read("a,b\n1,2\n3\n4,5,6\n7,8\n");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":1,"b":2})", R"({"a":7,"b":8})"));
  EXPECT_THAT(result.reasons(), ElementsAre("the row has 1 cell, expected 2", "the row has 3 cells, expected 2"));
}

// ---- Rejections ----------------------------------------------------------------------------------------------------

TEST_F(CsvReadTest, RejectsInTheOrderOfTheFileWithPlaces) {
  const Options types = {{"types", OptionValue::Table{{"a", "int64"}, {"b", "float64"}}}};
  const HarnessResult result = read("a,b\nx,y\n1\n\n2,z\n3,4\n", types);
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":3,"b":4.0})"));
  ASSERT_EQ(result.rejections.size(), 3U);
  EXPECT_EQ(result.rejections[0].column, "a");
  EXPECT_EQ(result.rejections[2].column, "b");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(result.rejections[i].record, i);
  EXPECT_EQ(result.rejections[2].line, 5U);
  EXPECT_EQ(result.rejections[2].offset, 11U);
  EXPECT_EQ(result.rejections[2].raw, "2,z");
}

TEST_F(CsvReadTest, ExplainsSpacesAndQuotedEmptyCells) {
  const Options types = {{"types", OptionValue::Table{{"a", "int64"}}}};
  EXPECT_THAT(read("a,b\n 1,x\n\"\",y\n", types).reasons(),
              ElementsAre("\" 1\" is not an int64; there are spaces around it, trim = true drops them",
                          "\"\" is not an int64; a quoted empty cell is an empty text, not null"));
}

TEST_F(CsvReadTest, FailsAtTheFirstRejectionByDefault) {
  const HarnessResult result = read("a,b\n1,2\n3\n", {}, {});
  EXPECT_THAT(result.error(), HasSubstr("a.csv:3: the row has 1 cell, expected 2"));
}

TEST_F(CsvReadTest, CountsEveryRowOnceForAnyBatchSize) {
  std::string text = "a,b\n";
  for (int i = 0; i < 20'000; ++i)
    text += i % 7 == 3 ? "bad row\n" : i % 11 == 5 ? "\n" : i % 13 == 0 ? "x,1\n" : "1,2\n";
  const Options types = {{"types", OptionValue::Table{{"a", "int64"}}}};
  const HarnessResult whole = read(text, types, {.batch_size = 10'000, .on_error = skip()});
  for (const std::size_t size : {1, 7, 1000}) {
    const HarnessResult result = read(text, types, {.batch_size = size, .on_error = skip()});
    EXPECT_EQ(result.rows(), whole.rows());
    EXPECT_EQ(result.reasons(), whole.reasons());
    EXPECT_EQ(result.note, whole.note);
    for (std::size_t i = 0; i < result.rejections.size(); ++i)
      EXPECT_EQ(result.rejections[i].record, whole.rejections[i].record);
  }
}

TEST_F(CsvReadTest, AgreesWithTheReferenceForEveryBlockAndBatchSize) {
  const std::vector<std::string> pieces = {
      "1",    "-23", "x", ",",  ",",  ",", "\n",   "\n", "\"",   "\"\"",
      "\r\n", "\r",  " ", "\t", "NA", "é", "\xE9", "",   "\n\n", "a long text of more than 32 bytes"};
  const std::vector<Field> all = {{"a", Type::kInt64}, {"b", Type::kUtf8}, {"c", Type::kUtf8}};
  const std::uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (std::uint64_t i = random() % 200; i > 0; --i) text += pieces[random() % pieces.size()];
    csv::Dialect dialect;
    dialect.trim = random() % 2 == 0;
    dialect.quoting = random() % 8 != 0;
    if (random() % 2 == 0) dialect.null_texts = {"NA"};
    if (random() % 4 == 0) dialect.max_row_bytes = 1 + random() % 30;
    const std::vector<Field> fields(all.begin(), all.begin() + 1 + static_cast<std::ptrdiff_t>(random() % 3));
    const csv::ReferenceRead expected = csv::reference_read(text, fields, dialect);
    put("a.csv", text);
    for (const std::size_t block : {4, 17, 100, 1 << 18}) {
      const std::size_t batch = 1 + random() % 10;
      std::string error;
      EXPECT_EQ(csv::read_like_reference(path("a.csv"), fields, dialect, block, batch, error), expected)
          << "seed " << seed << ", round " << round << ", block " << block << ", batch " << batch << "\n"
          << text;
      ASSERT_EQ(error, "");
    }
  }
}

// ---- Files ---------------------------------------------------------------------------------------------------------

TEST_F(CsvReadTest, SkipsAByteOrderMark) {
  EXPECT_THAT(read("\xEF\xBB\xBF"
                   "a\n1\n")
                  .rows(),
              ElementsAre(R"({"a":1})"));
}

TEST_F(CsvReadTest, EmptyFileNeedsAHeaderOrNames) {
  EXPECT_THAT(read("").error(), HasSubstr("the file is empty; a header with the names of the columns was expected: "));
  EXPECT_THAT(read("", {{"header", false}}).error(), HasSubstr("no row that tells how many columns"));
  const HarnessResult named = read("", {{"header", false}, {"names", OptionValue::List{"a"}}});
  EXPECT_TRUE(named.status) << named.error();
  EXPECT_EQ(named.type.schema->to_text(), "a: utf8");
}

TEST_F(CsvReadTest, HeaderOnlyGivesASchemaAndNoRows) {
  const HarnessResult result = read("a,b");
  EXPECT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.type.schema->to_text(), "a: utf8, b: utf8");
  EXPECT_EQ(result.num_rows(), 0U);
}

TEST_F(CsvReadTest, NamesMissingFilesFoldersAndPatterns) {
  const auto error_of = [&](const std::string& name) { return run_source("csv.read", {{"path", path(name)}}).error(); };
  EXPECT_THAT(error_of("none.csv"), HasSubstr("none.csv: no such file or folder"));
  EXPECT_THAT(error_of("*.csv"), HasSubstr("no file matches"));
  EXPECT_THAT(run_source("csv.read", {{"path", folder_}}).error(), HasSubstr("it is a folder, a file was expected"));
}

TEST_F(CsvReadTest, NamesUnreadableFiles) {
  const std::string secret = put("secret.csv", "a\n1\n");
  ::chmod(secret.c_str(), 0);
  const testing::FileModesHold as_others;
  EXPECT_THAT(run_source("csv.read", {{"path", secret}}).error(), HasSubstr("permission denied"));
}

TEST_F(CsvReadTest, ReadsSeveralFilesInTheOrderOfTheirPaths) {
  put("p2.csv", "a,b\n3,4\nbad\n");
  put("p1.csv", "a,b\n1,2\n");
  const HarnessResult result = run_source("csv.read", {{"path", path("p*.csv")}}, kSkip);
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":1,"b":2})", R"({"a":3,"b":4})"));
  ASSERT_EQ(result.rejections.size(), 1U);
  EXPECT_EQ(result.rejections[0].file, path("p2.csv"));
  EXPECT_EQ(result.rejections[0].line, 3U);
  EXPECT_EQ(result.rejections[0].record, 2U);
}

TEST_F(CsvReadTest, RefusesFilesWithAnotherHeader) {
  put("p1.csv", "a,b\n1,2\n");
  put("p2.csv", "a,c\n3,4\n");
  EXPECT_THAT(
      run_source("csv.read", {{"path", path("p*.csv")}}).error(),
      HasSubstr("p2.csv:1: the header differs from that of " + path("p1.csv") + ": column 2 is \"c\", not \"b\""));
  put("p2.csv", "");
  EXPECT_THAT(run_source("csv.read", {{"path", path("p*.csv")}}).error(),
              HasSubstr("the file is empty; the header of"));
}

TEST_F(CsvReadTest, RefusesAFileThatChangesWhileItIsRead) {
  std::string text = "a,b\n";
  for (int i = 0; i < 100'000; ++i) text += "12345,67890\n";
  put("a.csv", text);
  CsvRead source({.paths = {path("a.csv")}});
  testing::CollectingEmitter out;
  testing::CollectingErrors errors;
  OperatorContext context{.name = "read", .pool = &BufferPool::shared(), .errors = &errors};
  ASSERT_TRUE(source.bind({}));
  ASSERT_TRUE(source.open(context));
  ASSERT_TRUE(source.produce(out));
  std::ofstream(path("a.csv"), std::ios::app) << "1,2\n";
  Result<Source::Next> next = Source::Next::kMore;
  while (next && *next == Source::Next::kMore) next = source.produce(out);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(next.error().to_text(), HasSubstr("the file changed its size while it was read"));
}

TEST_F(CsvReadTest, EndsWithTheSameErrorWhenItIsDivided) {
  // The rule breaks in a batch before the one with the bad value, in the same block of the file.
  std::string text = "n,id\n";
  for (int i = 0; i < 3000; ++i) text += i == 2500 ? "oops,1\n" : fmt::format("{},{}\n", i == 100 ? -1 : i, i);
  Pipeline pipeline;
  pipeline.add("csv.read", {{"path", put("a.csv", text)}}, {}, Pipeline::kNone);
  pipeline.add("validate", {{"rules", OptionValue::Table{{"n", "n >= 0"}}}});
  for (const Strategy& strategy : {serial, parallel(2), parallel(4)}) {
    const RunOutcome outcome = pipeline.run_to_outcome({.strategy = strategy, .batch_size = 1000});
    ASSERT_FALSE(outcome.status);
    EXPECT_THAT(outcome.status.error().to_text(), HasSubstr("validate: column \"n\": rule \"n\" is broken"));
  }
}

TEST_F(CsvReadTest, ReadsPipes) {
  const std::string pipe = path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << "a,b\n1,x\n2,y\n"; });
  const HarnessResult result = run_source("csv.read", {{"path", pipe}});
  writer.join();
  EXPECT_THAT(result.rows(), ElementsAre(R"({"a":1,"b":"x"})", R"({"a":2,"b":"y"})"));
}

TEST_F(CsvReadTest, ReportsProgressInBytes) {
  const std::string text = with_line("1,x");
  put("a.csv", text);
  CsvRead source({.paths = {path("a.csv")}});
  ASSERT_TRUE(source.bind({}));
  EXPECT_EQ(source.progress().total, text.size());
  const HarnessResult result = run_source(source);
  EXPECT_TRUE(result.status) << result.error();
  EXPECT_EQ(source.progress().done, text.size());
}

TEST_F(CsvReadTest, StopsWhenCancelled) {
  put("a.csv", with_line("1,x"));
  CsvRead source({.paths = {path("a.csv")}});
  testing::CollectingEmitter out;
  testing::CollectingErrors errors;
  StopSignal stop;
  OperatorContext context{.name = "read", .pool = &BufferPool::shared(), .errors = &errors, .stop = &stop};
  ASSERT_TRUE(source.bind({}));
  ASSERT_TRUE(source.open(context));
  stop.request(StopSignal::State::kCancel);
  const Result<Source::Next> next = source.produce(out);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace penstock
