// SPDX-License-Identifier: MIT
#include "expression/source_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace penstock::expression {
namespace {

constexpr std::size_t kMostSnippet = 60;
constexpr std::size_t kMostBefore = 60;  // bytes of the line shown before the carets
constexpr std::size_t kMostAfter = 40;   // and from their start on, unless they are wider

// Moves `at` down to the beginning of a code point.
std::size_t code_point_begin(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && is_utf8_continuation(text[at])) --at;
  return at;
}

std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& byte : shown) {
    if (byte == '\t' || byte == '\n' || byte == '\r') {
      byte = ' ';
    } else if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) {
      byte = '?';
    }
  }
  return shown;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_utf8_continuation(c); }));
}

}  // namespace

std::string snippet(std::string_view text, Span span) {
  const std::string_view part = text.substr(span.begin, span.end - span.begin);
  if (part.size() <= kMostSnippet) return printable(part);
  return printable(part.substr(0, code_point_begin(part, kMostSnippet - 3))) + "...";
}

Error error_at(std::string_view text, Span span, std::string_view what) {
  span.begin = std::min(span.begin, text.size());
  const std::size_t newline = text.substr(0, span.begin).rfind('\n');
  std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  std::size_t end = std::min(text.find('\n', span.begin), text.size());
  span.end = std::clamp(span.end, span.begin, end);
  const bool cut_front = span.begin - begin > kMostBefore;
  const bool cut_back = end - span.begin > kMostAfter;
  if (cut_front) begin = code_point_begin(text, span.begin - kMostBefore);
  if (cut_back) end = code_point_begin(text, span.begin + kMostAfter);
  span.end = std::min(span.end, end);

  std::string message(what);
  message += "\n  ";
  message += cut_front ? "..." : "";
  message += printable(text.substr(begin, end - begin));
  message += cut_back ? "..." : "";
  message += "\n  ";
  message.append((cut_front ? 3 : 0) + count_characters(text.substr(begin, span.begin - begin)), ' ');
  message.append(std::max<std::size_t>(count_characters(text.substr(span.begin, span.end - span.begin)), 1), '^');
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace penstock::expression
