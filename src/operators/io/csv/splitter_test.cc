// SPDX-License-Identifier: MIT
#include "operators/io/csv/splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "operators/io/csv/reference.h"

namespace penstock::csv {

// For readable failures.
void PrintTo(const ReferenceRow& row, std::ostream* out) {
  *out << "{flags " << row.flags << ", offset " << row.offset << ", line " << row.line << ", raw "
       << ::testing::PrintToString(row.raw) << ", cells " << ::testing::PrintToString(row.cells) << "}";
}

namespace {

using ::testing::ElementsAre;

constexpr Scan kScans[] = {Scan::kBest, Scan::kPortable, Scan::kSse2, Scan::kAvx2, Scan::kRowByRow};

// Splits by every scan and several block sizes, checks that all agree with the reference, and returns the rows.
std::vector<ReferenceRow> split(std::string_view text, const Dialect& dialect = {}, std::size_t columns = 0) {
  const auto expected = reference_split(text, dialect, columns);
  for (const Scan scan : kScans) {
    for (const std::size_t block :
         {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{1000}, text.size() + 1}) {
      EXPECT_EQ(split_in_blocks(text, dialect, columns, block, scan), expected)
          << "scan " << int(scan) << ", block " << block;
    }
  }
  return expected;
}

std::vector<std::vector<std::string>> cells_of(const std::vector<ReferenceRow>& rows) {
  std::vector<std::vector<std::string>> all;
  for (const auto& row : rows) all.push_back(row.cells);
  return all;
}

std::vector<std::uint32_t> flags_of(const std::vector<ReferenceRow>& rows) {
  std::vector<std::uint32_t> all;
  for (const auto& row : rows) all.push_back(row.flags);
  return all;
}

TEST(CsvSplitter, SplitsRowsAndCells) {
  EXPECT_THAT(cells_of(split("a,b\n1,\n,2\n")),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", ""), ElementsAre("", "2")));
}

TEST(CsvSplitter, TakesALastLineWithoutLineFeed) {
  EXPECT_THAT(cells_of(split("a\nb,c")), ElementsAre(ElementsAre("a"), ElementsAre("b", "c")));
  EXPECT_THAT(cells_of(split("a,")), ElementsAre(ElementsAre("a", "")));
}

TEST(CsvSplitter, FindsNothingInNothing) { EXPECT_TRUE(split("").empty()); }

TEST(CsvSplitter, KeepsDelimitersAndLineEndsInsideQuotes) {
  const auto rows = split("1,\"a,\nb\r\n\"\"c\"\"\"\n2,x\n");
  EXPECT_THAT(cells_of(rows), ElementsAre(ElementsAre("1", "\"a,\nb\r\n\"\"c\"\"\""), ElementsAre("2", "x")));
  EXPECT_EQ(rows[1].line, 4u);
  EXPECT_EQ(rows[1].offset, 16u);
}

TEST(CsvSplitter, DropsTheReturnBeforeALineFeedOrTheEndOnly) {
  EXPECT_THAT(cells_of(split("a,\"b\"\r\nc\rd,e\r\nf,g\r")),
              ElementsAre(ElementsAre("a", "\"b\""), ElementsAre("c\rd", "e"), ElementsAre("f", "g")));
}

TEST(CsvSplitter, FlagsBlankLines) {
  EXPECT_THAT(flags_of(split("a,b\n\n\r\n1,2\n\n", {}, 2)), ElementsAre(0, kBlankRow, kBlankRow, 0, kBlankRow));
}

TEST(CsvSplitter, FlagsRaggedRows) {
  EXPECT_THAT(flags_of(split("1,2\n1\n1,2,3\n", {}, 2)), ElementsAre(0, kTooFewCells, kTooManyCells));
}

TEST(CsvSplitter, TakesAQuoteInsideAnUnquotedCellAsData) {
  const auto rows = split("1,12\" monitor,x\n2,\"a,b\",y\n", {}, 3);
  EXPECT_THAT(flags_of(rows), ElementsAre(kStrayQuote, 0));
  EXPECT_THAT(cells_of(rows), ElementsAre(ElementsAre("1", "12\" monitor", "x"), ElementsAre("2", "\"a,b\"", "y")));
}

TEST(CsvSplitter, RejectsOnlyTheLineOfAnUnclosedQuoteWhenNoOtherQuoteFollows) {
  const auto rows = split("1,a\n2,\"b\n3,c\n4,d", {}, 2);
  EXPECT_THAT(flags_of(rows), ElementsAre(0, kUnclosedQuote, 0, 0));
  EXPECT_EQ(rows[1].raw, "2,\"b");
  EXPECT_EQ(rows[1].line, 2u);
  EXPECT_EQ(rows[1].offset, 4u);
  EXPECT_EQ(rows[2].line, 3u);
}

TEST(CsvSplitter, RejectsOnlyTheLineOfAnUnclosedQuoteWhenAQuotedCellFollows) {
  const auto rows = split("1,\"a\n2,\"b\"\n3,c\n", {}, 2);
  EXPECT_THAT(flags_of(rows), ElementsAre(kTextAfterQuote, 0, 0));
  EXPECT_EQ(rows[1].line, 2u);
}

TEST(CsvSplitter, RejectsTextAfterAClosingQuote) {
  EXPECT_THAT(flags_of(split("\"a\"b,1\nc,2\n\"d\" ,3\n\"e\"\rf,4\n", {}, 2)),
              ElementsAre(kTextAfterQuote, 0, kTextAfterQuote, kTextAfterQuote));
}

TEST(CsvSplitter, RejectsARowThatIsTooLongAndGoesOnBehindIt) {
  const auto rows = split("abcd,efgh\nabcd,efghi\n1,2\n", {.max_row_bytes = 9}, 2);
  EXPECT_THAT(flags_of(rows), ElementsAre(0, kTooLong, 0));
  EXPECT_EQ(rows[1].raw, "abcd,efghi");
  EXPECT_EQ(rows[2].line, 3u);
}

TEST(CsvSplitter, RejectsTheLineOfAQuoteThatIsNotClosedWithinTheLimit) {
  const auto rows = split("1,\"abc\ndef\nghi\"\n2,x\n", {.max_row_bytes = 9}, 2);
  EXPECT_THAT(flags_of(rows), ElementsAre(kUnclosedQuote, kTooFewCells, kTooFewCells | kStrayQuote, 0));
}

TEST(CsvSplitter, KeepsNulBytesAsData) {
  EXPECT_THAT(cells_of(split(std::string_view("a\0b,\0\n", 6))),
              ElementsAre(ElementsAre(std::string("a\0b", 3), std::string("\0", 1))));
}

TEST(CsvSplitter, TakesQuotesAsDataWithoutQuoting) {
  EXPECT_THAT(cells_of(split("\"a\t\"b\n", {.delimiter = '\t', .quoting = false})),
              ElementsAre(ElementsAre("\"a", "\"b")));
}

TEST(CsvSplitter, HandsOutMoreCellsThanItFirstHasRoomFor) {
  const std::string row(100'000, ',');
  for (const Scan scan : kScans) {
    const auto rows = split_in_blocks(row + "\n1\n", {}, 0, 1 << 20, scan);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].cells.size(), 100'001u);
  }
}

TEST(CsvSplitter, HandsOutMoreRowsThanItHasRoomFor) {
  const std::string text(50'000, '\n');
  for (const Scan scan : kScans) EXPECT_EQ(split_in_blocks(text, {}, 0, 1 << 20, scan).size(), 50'000u);
}

// Texts made of the bytes that matter reach every transition within a few bytes.
TEST(CsvSplitter, AgreesWithTheReferenceOnRandomTexts) {
  std::mt19937 random(42);
  const std::string alphabets[] = {"a,\"\n", "a,\"\n\r", "aaaaaaaaaaaaaaaa,,,\n\"", "\"\"\",\n",
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaa,\n"};
  for (int round = 0; round < 4000; ++round) {
    const std::string& alphabet = alphabets[random() % std::size(alphabets)];
    std::string text(random() % 300, ' ');
    for (char& byte : text) byte = alphabet[random() % alphabet.size()];
    Dialect dialect;
    if (round % 3 == 0) dialect.max_row_bytes = 1 + random() % 80;
    const std::size_t columns = random() % 4;
    const std::size_t block = 1 + random() % 200;
    const auto expected = reference_split(text, dialect, columns);
    for (const Scan scan : kScans) {
      ASSERT_EQ(split_in_blocks(text, dialect, columns, block, scan), expected)
          << ::testing::PrintToString(text) << " limit " << dialect.max_row_bytes << " block " << block << " scan "
          << int(scan);
    }
  }
}

TEST(CsvSplitter, ReadsBackWhatACleanWriterWrote) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    std::vector<std::vector<std::string>> written;
    const char* const feed = round % 2 ? "\r\n" : "\n";
    for (int r = 0; r < 40; ++r) {
      std::vector<std::string>& row = written.emplace_back();
      for (int c = 0; c < 5; ++c) {
        std::string value(random() % 12, ' ');
        for (char& byte : value) byte = "abc,\"\n\r x"[random() % 9];
        std::string quoted = "\"";
        for (const char byte : value) quoted.append(byte == '"' ? 2 : 1, byte);
        text += (c ? "," : "") + quoted + "\"";
        row.push_back(value);
      }
      text += feed;
    }
    std::vector<std::vector<std::string>> read;
    for (const auto& row : split_in_blocks(text, {}, 5, 256, Scan::kBest)) {
      ASSERT_EQ(row.flags, 0u);
      std::vector<std::string>& values = read.emplace_back();
      for (const std::string& raw : row.cells) {
        std::string value(raw.size(), ' ');
        value.resize(unquote(raw, '"', value.data()));
        values.push_back(value);
      }
    }
    ASSERT_EQ(read, written);
  }
}

TEST(CsvUnquote, HalvesDoubledQuotes) {
  const auto value = [](std::string_view raw) {
    std::string to(raw.size(), '?');
    to.resize(unquote(raw, '"', to.data()));
    return to;
  };
  EXPECT_EQ(value("\"\""), "");
  EXPECT_EQ(value("\"a b\""), "a b");
  EXPECT_EQ(value("\"\"\"a\"\"\"\"b\"\"\""), "\"a\"\"b\"");
}

TEST(CsvDialect, RefusesWhatCannotWork) {
  EXPECT_TRUE(check(Dialect{}));
  EXPECT_FALSE(check(Dialect{.delimiter = '\n'}));
  EXPECT_FALSE(check(Dialect{.delimiter = '"'}));
  EXPECT_TRUE(check(Dialect{.delimiter = '"', .quoting = false}));
  EXPECT_FALSE(check(Dialect{.max_row_bytes = 0}));
  EXPECT_FALSE(check(Dialect{.max_row_bytes = kMostRowBytes + 1}));
}

}  // namespace
}  // namespace penstock::csv
