// SPDX-License-Identifier: MIT
// The text of an expression as messages show it: a part of it, and errors with carets under the part at fault.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::expression {

/// Bytes [begin, end) of the text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Returns the part on one line, cut to about 60 characters; unprintable bytes become '?'.
std::string snippet(std::string_view text, Span span);

/// Returns kInvalidArgument with three lines: what is wrong, the line of the text, carets under `span`. Long lines are
/// cut around the span.
Error error_at(std::string_view text, Span span, std::string_view what);

}  // namespace penstock::expression
