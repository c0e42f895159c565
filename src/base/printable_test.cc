// SPDX-License-Identifier: MIT
#include "base/printable.h"

#include <gtest/gtest.h>
#include <penstock/result.h>

namespace penstock {
namespace {

TEST(Printable, EscapesWhatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("\x7f\r\n\t"), "\\x7f\\r\\n\\t");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\xc2\x9b[31m"), "\\u009b[31m");  // CSI in one character
}

TEST(Printable, KeepsTextOfAllLanguages) {
  for (const char* text : {"", "plain text", "naïve", "日本語", "😀", "\xc2\xa0", "C:\\new"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\x9b[31m"), "\\x9b[31m");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // cut short
  EXPECT_EQ(printable("\xc1\x9b"), "\\xc1\\x9b");           // too long a form
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xf0\x82\x82\xac"), "\\xf0\\x82\\x82\\xac");
}

TEST(Printable, LinesStayLines) { EXPECT_EQ(printable_lines("a\tb\n\x1b"), "a\tb\n\\x1b"); }

TEST(Printable, IsWhatErrorsShow) {
  const Error error = Error(ErrorCode::kNotFound, "no column \"\x1b]0;x\x07\"")
                          .at("a\nb")
                          .hint("rename \x1b")
                          .caused_by(Error(ErrorCode::kNotFound, "\x1b"));
  EXPECT_EQ(error.to_text(), "a\\nb: no column \"\\x1b]0;x\\x07\"\n  try: rename \\x1b\n  cause: \\x1b");
  EXPECT_EQ(error.where(), "a\nb");
}

}  // namespace
}  // namespace penstock
