// SPDX-License-Identifier: MIT
#include "operators/io/csv/reasons.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "base/utf8.h"

namespace penstock::csv {
namespace {

constexpr std::size_t kMostExcerptBytes = 60;

std::string reason_for_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = utf8_length(text.substr(at));
    if (size == 0) break;
    at += size;
  }
  const unsigned byte = at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  return fmt::format("invalid UTF-8: byte 0x{:02X} at byte {} of the cell {}", byte, at, excerpt(text));
}

std::string_view expectation(Type type, ParseOutcome outcome) {
  const bool range = outcome == ParseOutcome::kOutOfRange;
  switch (type) {
    case Type::kInt64:
      return range ? "does not fit int64 (-9223372036854775808 to 9223372036854775807)" : "is not an int64";
    case Type::kFloat64: return range ? "does not fit float64" : "is not a float64";
    case Type::kTimestamp:
      return range ? "is no day or time that exists" : "is not a timestamp like 2024-01-31T10:20:30Z";
    case Type::kBool: return "is not a bool (true or false)";
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  return "is not a text";
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

std::string excerpt(std::string_view text) {
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kMostExcerptBytes) {
    const std::size_t size = std::max<std::size_t>(1, utf8_length(text.substr(at)));
    out += printable(text.substr(at, size));
    at += size;
  }
  out += '"';
  if (at < text.size()) out += fmt::format("... ({} bytes)", text.size());
  return out;
}

std::string reason_for(const Row& row, std::size_t expected_cells) {
  if ((row.flags & kUnclosedQuote) != 0) {
    return "a quoted cell does not end before max_row_bytes or the end of the file; its quote opens on the line that "
           "is rejected";
  }
  if ((row.flags & kTextAfterQuote) != 0) {
    return "text follows a closing quote, where a delimiter or the end of the line was expected";
  }
  return fmt::format("the row has {} {}, expected {}", row.columns, row.columns == 1 ? "cell" : "cells",
                     expected_cells);
}

std::string reason_for_long_row(std::uint64_t size_bytes, std::size_t max_row_bytes) {
  return fmt::format("the row has {} bytes, at most {} are allowed (max_row_bytes)", size_bytes, max_row_bytes);
}

std::string reason_for_value(const ColumnPlan& plan, std::string_view text, bool quoted, std::size_t sampled_rows) {
  const Type type = plan.field.type;
  if (type == Type::kUtf8) return reason_for_utf8(text);
  const ParseOutcome outcome = try_parse(type, text);
  std::string reason = fmt::format("{} {}", excerpt(text), expectation(type, outcome));
  if (text.empty() && quoted) reason += "; a quoted empty cell is an empty text, not null";
  if (text.size() != trimmed(text).size() && try_parse(type, trimmed(text)) == ParseOutcome::kOk) {
    reason += quoted ? "; there are spaces around it" : "; there are spaces around it, trim = true drops them";
  }
  if (plan.inferred) {
    reason += fmt::format("; the type was inferred from {} rows, set types = {{ {} = \"{}\" }} or more sample_rows",
                          sampled_rows, plan.field.name,
                          type == Type::kInt64 && outcome == ParseOutcome::kOutOfRange ? "float64" : "utf8");
  }
  return reason;
}

}  // namespace penstock::csv
