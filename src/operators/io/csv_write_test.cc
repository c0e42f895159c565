// SPDX-License-Identifier: MIT
#include "operators/io/csv_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <random>

#include "operators/io/io_test_files.h"
#include "platform/file_modes_hold.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_operator;
using testing::run_source;
using testing::table;

class CsvWriteTest : public testing::FolderTest {
 protected:
  HarnessResult write(const RecordBatch& batch, Options options = {}, const testing::HarnessOptions& how = {}) const {
    options.set("path", path("out.csv"));
    return run_operator("csv.write", options, batch, how);
  }
};

RecordBatch sample() {
  return table({{"id", Type::kInt64},
                {"x", Type::kFloat64},
                {"ok", Type::kBool},
                {"at", Type::kTimestamp},
                {"name", Type::kUtf8}},
               {{std::int64_t{1}, 0.1, true, std::int64_t{1'500'000}, "plain"},
                {nullptr, nullptr, nullptr, nullptr, nullptr},
                {std::int64_t{-2}, 3.0, false, std::int64_t{0}, "a,b"}});
}

TEST_F(CsvWriteTest, WritesEveryTypeInItsShortestForm) {
  const HarnessResult result = write(sample());
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_EQ(
      get("out.csv"),
      "id,x,ok,at,name\n1,0.1,true,1970-01-01T00:00:01.500Z,plain\n,,,,\n-2,3.0,false,1970-01-01T00:00:00Z,\"a,b\"\n");
  EXPECT_EQ(result.num_rows(), 3U);
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].path, path("out.csv"));
  EXPECT_EQ(result.outputs[0].records, 3U);
  EXPECT_EQ(result.outputs[0].size_bytes, get("out.csv").size());
}

TEST_F(CsvWriteTest, QuotesOnlyWhatNeedsIt) {
  const RecordBatch batch =
      table({{"a b", Type::kUtf8}, {"c\"d", Type::kUtf8}},
            {{"", "plain text"}, {"say \"hi\"", "two\nlines"}, {" spaces ", "cr\r"}, {"é", nullptr}});
  ASSERT_TRUE(write(batch).status);
  EXPECT_EQ(get("out.csv"),
            "a b,\"c\"\"d\"\n\"\",plain text\n\"say \"\"hi\"\"\",\"two\nlines\"\n spaces ,\"cr\r\"\né,\n");
}

TEST_F(CsvWriteTest, QuotesAnEmptyValueInASingleColumn) {
  ASSERT_TRUE(write(table({{"a", Type::kUtf8}}, {{"x"}, {nullptr}, {""}})).status);
  EXPECT_EQ(get("out.csv"), "a\nx\n\"\"\n\"\"\n");
}

TEST_F(CsvWriteTest, WritesNullsDelimitersAndLineEndsAsAsked) {
  const Options options = {{"null_value", "NA"}, {"delimiter", "tab"}, {"line_end", "crlf"}, {"header", false}};
  ASSERT_TRUE(
      write(table({{"a", Type::kUtf8}, {"b", Type::kInt64}}, {{"NA", nullptr}, {"x,y", std::int64_t{1}}}), options)
          .status);
  EXPECT_EQ(get("out.csv"), "\"NA\"\tNA\r\nx,y\t1\r\n");
}

TEST_F(CsvWriteTest, QuotesEverythingOnRequestOrWhenNumbersHoldTheDelimiter) {
  const RecordBatch batch = table({{"a", Type::kUtf8}, {"b", Type::kFloat64}}, {{"x", 1.5}, {nullptr, nullptr}});
  ASSERT_TRUE(write(batch, {{"quoting", "all"}}).status);
  EXPECT_EQ(get("out.csv"), "\"a\",\"b\"\n\"x\",\"1.5\"\n,\n");
  ASSERT_TRUE(write(batch, {{"delimiter", "."}}).status);
  EXPECT_EQ(get("out.csv"), "a.b\nx.\"1.5\"\n.\n");
}

TEST_F(CsvWriteTest, RefusesOptionsThatCannotBeReadBack) {
  EXPECT_THAT(write(sample(), {{"delimiter", "\""}}).error(),
              HasSubstr("the delimiter cannot be a quote or a line end"));
  EXPECT_THAT(write(sample(), {{"null_value", "a,b"}}).error(), HasSubstr("null_value cannot hold a delimiter"));
}

TEST_F(CsvWriteTest, WritesOnlyTheHeaderWhenThereAreNoRows) {
  ASSERT_TRUE(write(table({{"a", Type::kInt64}}, {})).status);
  EXPECT_EQ(get("out.csv"), "a\n");
}

TEST_F(CsvWriteTest, RejectsTimestampsWithoutADate) {
  const RecordBatch batch =
      table({{"at", Type::kTimestamp}, {"b", Type::kInt64}},
            {{std::numeric_limits<std::int64_t>::max(), std::int64_t{1}}, {std::int64_t{0}, std::int64_t{2}}});
  const HarnessResult result = write(batch, {}, {.on_error = skip()});
  EXPECT_THAT(result.reasons(), ElementsAre(HasSubstr("is outside the years 0001 to 9999")));
  EXPECT_EQ(result.rejections[0].column, "at");
  EXPECT_EQ(get("out.csv"), "at,b\n1970-01-01T00:00:00Z,2\n");
  EXPECT_EQ(result.num_rows(), 1U) << "what is rejected goes no further";
}

TEST_F(CsvWriteTest, GoesOnBehindARejectedRowWhereverItStands) {
  RecordBatchBuilder builder(*make_schema({{"n", Type::kFloat64}, {"at", Type::kTimestamp}}), BufferPool::shared());
  std::string expected = "n,at\n";
  for (int i = 0; i < 200; ++i) {
    const bool bad = i == 0 || i == 63 || i == 64 || i == 130 || i == 199;
    builder.column(0).append_float64(i + 0.25);
    builder.column(1).append_int64(bad ? std::numeric_limits<std::int64_t>::min() : 0);
    if (!bad) expected += std::to_string(i) + ".25,1970-01-01T00:00:00Z\n";
  }
  const HarnessResult result = write(builder.finish(), {}, {.on_error = skip()});
  ASSERT_TRUE(result.status) << result.error();
  EXPECT_EQ(result.reasons().size(), 5U);
  EXPECT_EQ(get("out.csv"), expected);
}

// Up to 32 bytes, more, and those at the end of their column take different ways.
TEST_F(CsvWriteTest, WritesTextsOfAllLengthsAlike) {
  std::mt19937 random(11);
  RecordBatchBuilder builder(*make_schema({{"a", Type::kUtf8}, {"b", Type::kUtf8}}), BufferPool::shared());
  std::string expected = "a,b\n";
  for (std::size_t i = 0; i < 3'000; ++i) {
    for (std::size_t c = 0; c < 2; ++c) {
      std::string text(random() % 40, 'x');
      if (!text.empty() && random() % 3 == 0) text[random() % text.size()] = ",\n\r\";"[random() % 5];
      const bool null = random() % 4 == 0;
      if (null) {
        builder.column(c).append_null();
      } else {
        builder.column(c).append_text(text);
        const bool quoted = text.empty() || text.find_first_of(",\n\r\"") != std::string::npos;
        const std::size_t quote = text.find('"');
        if (quote != std::string::npos) text.insert(quote, 1, '"');
        expected += quoted ? '"' + text + '"' : text;
      }
      expected += c == 0 ? ',' : '\n';
    }
  }
  ASSERT_TRUE(write(builder.finish()).status);
  EXPECT_EQ(get("out.csv"), expected);
}

TEST_F(CsvWriteTest, AppearsAtCommitAndKeepsTheOldFileUntilThen) {
  put("out.csv", "old");
  CsvWrite op({.path = path("out.csv")});
  const RecordBatch batch = sample();
  testing::CollectingEmitter out;
  testing::CollectingErrors errors;
  OperatorContext context{.name = "write", .pool = &BufferPool::shared(), .errors = &errors};
  ASSERT_TRUE(op.bind(StreamType::of_schema(batch.schema_ptr())));
  ASSERT_TRUE(op.open(context));
  ASSERT_TRUE(op.process(Batch(batch), out));
  ASSERT_TRUE(op.finish(out));
  EXPECT_EQ(get("out.csv"), "old");
  ASSERT_TRUE(op.commit());
  EXPECT_THAT(get("out.csv"), HasSubstr("plain"));
  EXPECT_THAT(names(), ElementsAre("out.csv"));
}

TEST_F(CsvWriteTest, LeavesNothingBehindWhenAborted) {
  const HarnessResult result = write(sample(), {}, {.commit = false});
  EXPECT_TRUE(result.status);
  EXPECT_THAT(result.outputs, IsEmpty());
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(CsvWriteTest, CreatesFoldersAndNamesThoseThatAreNotWritable) {
  const auto error_of = [&](const std::string& file) {
    return run_operator("csv.write", {{"path", file}}, sample()).error();
  };
  put("file", "");
  EXPECT_THAT(error_of(path("file/out.csv")), HasSubstr("cannot create"));
  EXPECT_THAT(error_of(folder_), HasSubstr("it is a folder, a file was expected"));
  EXPECT_TRUE(run_operator("csv.write", {{"path", path("none/out.csv")}}, sample()).status);
  ::mkdir(path("locked").c_str(), 0500);
  const testing::FileModesHold as_others;
  EXPECT_THAT(error_of(path("locked/out.csv")), HasSubstr("permission denied"));
}

TEST_F(CsvWriteTest, SaysThatTheDeviceIsFull) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "there is no /dev/full";
  const std::string error = run_operator("csv.write", {{"path", "/dev/full"}}, sample()).error();
  EXPECT_THAT(error, HasSubstr("cannot write /dev/full beyond byte 0"));
  EXPECT_THAT(error, HasSubstr("no space left on the disk"));
}

TEST_F(CsvWriteTest, LeavesNothingBehindWhenTheDiskIsFull) {
  ::mkdir(path("small").c_str(), 0700);
  if (::mount("tmpfs", path("small").c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "mounting a small disk is not allowed";
  std::vector<std::vector<testing::Value>> rows(10'000, {std::string(100, 'x')});
  const HarnessResult result =
      run_operator("csv.write", {{"path", path("small/out.csv")}}, table({{"a", Type::kUtf8}}, rows));
  EXPECT_THAT(result.error(), HasSubstr("no space left on the disk"));
  EXPECT_FALSE(result.status);
  EXPECT_TRUE(std::filesystem::is_empty(path("small")));
  ::umount(path("small").c_str());
}

// ---- Round trip ----------------------------------------------------------------------------------------------------

testing::Value random_value(Type type, std::mt19937_64& random) {
  static const std::vector<std::string> kPieces = {
      "a", "\"", ",", "\n", "\r\n", " ", "é", "漢字", "NA", "long text without any mark ", "\r", ";", "'"};
  if (random() % 5 == 0) return nullptr;
  switch (type) {
    case Type::kInt64: return static_cast<std::int64_t>(random()) >> (random() % 64);
    case Type::kFloat64:
      return static_cast<double>(static_cast<std::int64_t>(random())) / static_cast<double>(1 + random() % 1000);
    case Type::kBool: return random() % 2 == 0;
    case Type::kTimestamp: return static_cast<std::int64_t>(random() % 4'000'000'000'000'000ULL);
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  std::string text;
  for (std::uint64_t i = random() % 8; i > 0; --i) text += kPieces[random() % kPieces.size()];
  return text;
}

class CsvRoundTrip : public CsvWriteTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(CsvRoundTrip, GivesBackTheSameValues) {
  const std::vector<Field> fields = {{"t", Type::kUtf8}, {"i", Type::kInt64},      {"f", Type::kFloat64},
                                     {"b", Type::kBool}, {"at", Type::kTimestamp}, {"u", Type::kUtf8}};
  OptionValue::Table types;
  for (const Field& field : fields) types.push_back({field.name, to_string(field.type)});
  std::mt19937_64 random(20240131);
  std::vector<std::vector<testing::Value>> rows(3000);
  for (auto& row : rows) {
    for (const Field& field : fields) row.push_back(random_value(field.type, random));
  }
  const HarnessResult written = write(table(fields, rows), {{"delimiter", GetParam()}, {"null_value", "NA"}});
  ASSERT_TRUE(written.status) << written.error();
  const HarnessResult read = run_source("csv.read", {{"path", path("out.csv")},
                                                     {"delimiter", GetParam()},
                                                     {"types", types},
                                                     {"null_values", OptionValue::List{"NA"}}});
  ASSERT_TRUE(read.status) << read.error();
  EXPECT_EQ(read.rows(), written.rows());
}

INSTANTIATE_TEST_SUITE_P(Delimiters, CsvRoundTrip, ::testing::Values(",", ";", "tab", "1", " "));

}  // namespace
}  // namespace penstock
