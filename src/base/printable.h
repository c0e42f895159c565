// SPDX-License-Identifier: MIT
// Texts from outside (names, values, messages) made safe to print: a file must not be able to drive the terminal.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// Returns `text` on one line with its control characters as escapes: "\n", "\t", "\x1b"; U+0080 to U+009F, which
/// terminals obey too, as "\u009b"; bytes that are not UTF-8 as "\xff". A backslash stays as it is: this is for
/// reading.
std::string printable(std::string_view text);

/// The same for a text of several lines: '\n' and '\t' stay.
std::string printable_lines(std::string_view text);

}  // namespace penstock
