// SPDX-License-Identifier: MIT
#include "operators/io/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "operators/io/io_test_files.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LineReaderTest : public testing::FolderTest {};

// Lines as "FILE-NUMBER:LINE:TEXT"; too long ones as "FILE-NUMBER:LINE!SIZE:TEXT".
std::vector<std::string> read_all(const std::vector<std::string>& files, LineReader::Options options,
                                  std::size_t peek = 0) {
  LineReader reader(files, options);
  if (peek > 0) {
    EXPECT_TRUE(reader.peek(peek));
  }
  std::vector<std::string> lines;
  Line line;
  for (;;) {
    Result<bool> more = reader.next(line);
    if (!more) {
      lines.push_back("error: " + more.error().message());
      return lines;
    }
    if (!*more) return lines;
    const auto file = std::find(files.begin(), files.end(), reader.file()) - files.begin();
    lines.push_back(std::to_string(file) + ":" + std::to_string(line.number) +
                    (line.too_long ? "!" + std::to_string(line.size_bytes) : "") + (line.valid_utf8 ? ":" : "?") +
                    std::string(line.text));
  }
}

TEST_F(LineReaderTest, EndsLinesAtLineFeedsAndDropsOneCarriageReturn) {
  EXPECT_THAT(read_all({put("a", "one\ntwo\r\n\r\r\n\nlast")}, {}),
              ElementsAre("0:1:one", "0:2:two", "0:3:\r", "0:4:", "0:5:last"));
}

TEST_F(LineReaderTest, GivesNoLineForAnEmptyFile) { EXPECT_THAT(read_all({put("a", "")}, {}), IsEmpty()); }

TEST_F(LineReaderTest, StartsLineNumbersAnewInEachFile) {
  EXPECT_THAT(read_all({put("a", "1\n2"), put("b", ""), put("c", "3\n")}, {}), ElementsAre("0:1:1", "0:2:2", "2:1:3"));
}

TEST_F(LineReaderTest, SkipsTheByteOrderMarkOfUtf8) {
  EXPECT_THAT(read_all({put("a", "\xEF\xBB\xBFx\n"), put("b", "\xEF\xBB\xBFy")}, {.block_bytes = 1}),
              ElementsAre("0:1:x", "1:1:y"));
}

TEST_F(LineReaderTest, RefusesUtf16) {
  EXPECT_THAT(read_all({put("a", std::string("\xFF\xFEx\0", 4))}, {}), ElementsAre(HasSubstr("UTF-16")));
}

TEST_F(LineReaderTest, CutsLinesThatAreTooLongAndGoesOnBehindThem) {
  const std::string text = "12345\n123456\n" + std::string(5000, 'x') + "\nok\n" + std::string(3000, 'y');
  for (const std::size_t block : {1, 3, 7, 100, 10000}) {
    EXPECT_THAT(read_all({put("a", text)}, {.max_line_bytes = 5, .block_bytes = block}),
                ElementsAre("0:1:12345", "0:2!6:12345", "0:3!5000:xxxxx", "0:4:ok", "0:5!3000:yyyyy"))
        << block;
  }
}

TEST_F(LineReaderTest, SaysWhichLinesAreNotUtf8) {
  EXPECT_THAT(read_all({put("a",
                            "good\nb\xFF"
                            "d\nöl\n\xC3\n")},
                       {}),
              ElementsAre("0:1:good",
                          "0:2?b\xFF"
                          "d",
                          "0:3:öl", "0:4?\xC3"));
}

TEST_F(LineReaderTest, ReportsAMissingFile) {
  EXPECT_THAT(read_all({put("a", "1\n"), folder_ + "/none"}, {}), ElementsAre("0:1:1", HasSubstr("none")));
}

TEST_F(LineReaderTest, ReadsGzip) {
  const std::string path = folder_ + "/a.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  gzputs(file, "x\ny\n");
  gzclose(file);
  EXPECT_THAT(read_all({path}, {}), ElementsAre("0:1:x", "0:2:y"));
}

TEST_F(LineReaderTest, CountsTheBytesOfAllFiles) {
  LineReader reader({put("a", "12\n"), put("b", "4567\n")}, {});
  EXPECT_EQ(reader.bytes_total(), 8U);
  Line line;
  while (reader.next(line).value_or(false)) {
  }
  EXPECT_EQ(reader.bytes_done(), 8U);
}

TEST_F(LineReaderTest, ShowsWhatLiesAheadWithoutTakingIt) {
  const std::vector<std::string> files = {put("a", ""), put("b", "one\ntwo\n"), put("c", "three")};
  LineReader reader(files, {.block_bytes = 2});
  const Result<std::string_view> ahead = reader.peek(5);
  ASSERT_TRUE(ahead);
  EXPECT_EQ(ahead->substr(0, 5), "one\nt");
  EXPECT_THAT(read_all(files, {.block_bytes = 2}, 5), ElementsAre("1:1:one", "1:2:two", "2:1:three"));
}

TEST_F(LineReaderTest, GivesTheSameLinesForEveryBlockSize) {
  std::mt19937 random(20241);  // NOLINT: the same texts every time
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (int i = 0; i < 300; ++i) text += "ab\n\r\n\xC3\xB6\xFF"[random() % 9];
    const std::vector<std::string> files = {put("a", text), put("b", text.substr(0, 20))};
    const auto expected = read_all(files, {.max_line_bytes = 12});
    for (const std::size_t block : {1, 2, 5, 13, 64}) {
      ASSERT_EQ(read_all(files, {.max_line_bytes = 12, .block_bytes = block}), expected)
          << "round " << round << ", " << block;
      ASSERT_EQ(read_all(files, {.max_line_bytes = 12, .block_bytes = block}, 30), expected) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace penstock
