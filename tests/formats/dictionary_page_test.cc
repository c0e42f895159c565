// SPDX-License-Identifier: MIT
// The hex dump in docs/formats/dictionary.md is what the builder writes today.
#include <gtest/gtest.h>
#include <penstock/dictionary_builder.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace penstock {
namespace {

// Lines of "offset  bytes  comment": the bytes only, sixteen or less to a line.
std::string bytes_of(const std::string& block) {
  std::istringstream lines(block);
  std::string bytes;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find("  #")));
    std::string word;
    words >> word;  // the offset
    while (words >> word) bytes += word;
  }
  return bytes;
}

TEST(DictionaryPage, ShowsTheBytesThatTheBuilderWrites) {
  std::ifstream file(PENSTOCK_PAGE);
  std::stringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  const std::size_t example = page.find("## Example");
  ASSERT_NE(example, page.npos);
  const std::size_t begin = page.find("```\n", example) + 4;
  const std::string shown = bytes_of(page.substr(begin, page.find("```", begin) - begin));

  DictionaryBuilder builder;
  ASSERT_TRUE(builder.add_json(R"({"a":1,"bc":{"x":0.5,"y":"two words"}})"));
  const auto block = builder.finish();
  std::string written;
  for (const std::byte byte : *block) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(byte));
    written += digits;
  }
  EXPECT_EQ(shown, written);
}

}  // namespace
}  // namespace penstock
