// SPDX-License-Identifier: MIT
// Files that are not UTF-8: every text source refuses UTF-16 and UTF-32, with and without a byte order mark.
#include "operators/io/text_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <iterator>
#include <string>

#include "operators/io/io_test_files.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;
using namespace std::string_view_literals;

std::string encoded(std::u32string_view text, std::size_t width, bool big_endian) {
  std::string bytes;
  for (const char32_t character : text) {
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t shift = 8 * (big_endian ? width - 1 - i : i);
      bytes += static_cast<char>(static_cast<std::uint32_t>(character) >> shift & 0xFF);
    }
  }
  return bytes;
}

struct Encoding {
  const char* name;
  std::size_t width;
  bool big_endian;
};
constexpr Encoding kEncodings[] = {
    {"UTF-16LE", 2, false}, {"UTF-16BE", 2, true}, {"UTF-32LE", 4, false}, {"UTF-32BE", 4, true}};
constexpr std::u32string_view kMark = U"\uFEFF";

// What the message calls it, or "UTF-8".
std::string encoding_of(std::string_view start) {
  const Result<std::size_t> mark = skip_byte_order_mark(start, "FILE");
  if (mark) return "UTF-8";
  const std::string message = mark.error().message();
  const std::string_view before = "the file is ";
  EXPECT_THAT(message, HasSubstr(before));
  return message.substr(before.size(), message.find(" (") - before.size());
}

class TextEncodingTest : public testing::FolderTest {};

TEST_F(TextEncodingTest, EverySourceRefusesOtherEncodings) {
  constexpr std::u32string_view kTexts[] = {U"id,name\n1,Müller\n", U"{\"id\": 1}\n{\"id\": 2}\n", U"GET /index 200\n"};
  const char* const sources[] = {"csv.read", "json.read", "text.read"};
  for (std::size_t i = 0; i < std::size(sources); ++i) {
    for (const Encoding& encoding : kEncodings) {
      for (const std::u32string_view mark : {U""sv, kMark}) {
        const std::u32string text = std::u32string(mark) + std::u32string(kTexts[i]);
        const std::string file = put("input", encoded(text, encoding.width, encoding.big_endian));
        const std::string name = mark.empty() ? encoding.name : std::string(encoding.name).substr(0, 6);
        const testing::HarnessResult result = testing::run_source(sources[i], {{"path", file}});
        EXPECT_THAT(result.error(), HasSubstr("the file is " + name + " ("));
        EXPECT_THAT(result.error(), HasSubstr("try: convert it: iconv -f " + name + " -t UTF-8 " + file + " > NEW"));
        EXPECT_EQ(result.num_rows(), 0U) << sources[i];
      }
    }
  }
}

TEST_F(TextEncodingTest, ReadsWhatTheCommandOfTheMessageMakes) {
  const std::string file = put("input", "\xEF\xBB\xBFid,name\n1,Müller\n");
  EXPECT_THAT(testing::run_source("csv.read", {{"path", file}}).rows(),
              ::testing::ElementsAre(R"({"id":1,"name":"Müller"})"));
}

TEST(TextEncoding, IsToldByTheZeroBytes) {
  for (const Encoding& encoding : kEncodings) {
    const auto told = [&](std::u32string_view text) {
      return encoding_of(encoded(text, encoding.width, encoding.big_endian));
    };
    EXPECT_EQ(told(U"a,b\n"), encoding.name);
    EXPECT_EQ(told(U"имя;город;год\r\nx"), encoding.name);
    EXPECT_EQ(told(U"名,一,二,数\nx"), encoding.name);
    EXPECT_EQ(told(std::u32string(5000, U'x')), encoding.name);
  }
}

TEST(TextEncoding, NulBytesAloneAreNoOtherEncoding) {
  EXPECT_EQ(encoding_of(""), "UTF-8");
  EXPECT_EQ(encoding_of("\n"), "UTF-8");
  EXPECT_EQ(encoding_of("\0"sv), "UTF-8");
  EXPECT_EQ(encoding_of(std::string(4096, '\0')), "UTF-8");
  EXPECT_EQ(encoding_of("a\0b,c\n"sv), "UTF-8");
  EXPECT_EQ(encoding_of("id,a\0\n12,b\0\n"sv), "UTF-8");
  EXPECT_EQ(encoding_of("id,name\0,city\0,x\0\n"sv), "UTF-8");
  EXPECT_EQ(encoding_of("id\0\0\0\0\0\0name\0\0\0\0\n"sv), "UTF-8");
  EXPECT_EQ(encoding_of("\xC3\0\xFF\0\n"sv), "UTF-8");
  EXPECT_EQ(encoding_of("id,name\n1\0002\0003\0004\0\n"sv), "UTF-8") << "the first line has none";
}

TEST(TextEncoding, NeedsNoMoreThanTheFirstLine) {
  EXPECT_FALSE(shows_encoding("\xFF\xFE"));
  EXPECT_TRUE(shows_encoding("a\n"));
  EXPECT_FALSE(shows_encoding("a\0\n"sv)) << "it may be UTF-16";
  EXPECT_TRUE(shows_encoding(std::string(1024, 'x')));
  EXPECT_FALSE(shows_encoding(std::string(1023, 'x')));
}

}  // namespace
}  // namespace penstock
