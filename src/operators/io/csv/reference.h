// SPDX-License-Identifier: MIT
// The rules of docs/guide/csv.md as one plain state machine over the whole text, slow and easy to check by eye. The
// tests and the fuzzer compare the splitter with it; nothing else uses it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/io/csv/splitter.h"

namespace penstock::csv {

/// A row as the reference sees it.
struct ReferenceRow {
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t line = 1;
  std::string raw;                 ///< Without the line feed.
  std::vector<std::string> cells;  ///< Raw texts; empty for malformed rows.

  friend bool operator==(const ReferenceRow&, const ReferenceRow&) = default;
};

/// Splits `text`, a whole file.
inline std::vector<ReferenceRow> reference_split(std::string_view text, const Dialect& dialect,
                                                 std::size_t expected_columns) {
  enum class State { kCellStart, kUnquoted, kQuoted, kQuoteInQuoted, kReturnAfterQuote };
  std::vector<ReferenceRow> rows;
  std::uint64_t line = 1;
  for (std::size_t begin = 0; begin < text.size();) {
    ReferenceRow row;
    row.offset = begin;
    row.line = line;
    const bool limited = text.size() - begin > dialect.max_row_bytes;
    const std::size_t stop = limited ? begin + dialect.max_row_bytes + 1 : text.size();
    State state = State::kCellStart;
    std::size_t cell = begin;
    std::size_t open = begin;
    std::size_t end = std::string_view::npos;
    const auto end_cell = [&](std::size_t at) {
      row.cells.emplace_back(text.substr(cell, at - cell));
      cell = at + 1;
      state = State::kCellStart;
    };
    std::size_t at = begin;
    for (; at < stop && end == std::string_view::npos && (row.flags & kMalformedRow) == 0; ++at) {
      const char byte = text[at];
      const bool is_quote = dialect.quoting && byte == dialect.quote;
      if (state == State::kQuoted) {
        if (is_quote) state = State::kQuoteInQuoted;
      } else if (state == State::kQuoteInQuoted && is_quote) {
        state = State::kQuoted;
      } else if (byte == '\n') {
        end_cell(at);
        end = at;
      } else if (state == State::kReturnAfterQuote) {
        row.flags |= kTextAfterQuote;
      } else if (byte == dialect.delimiter) {
        end_cell(at);
      } else if (state == State::kQuoteInQuoted) {
        if (byte == '\r') {
          state = State::kReturnAfterQuote;
        } else {
          row.flags |= kTextAfterQuote;
        }
      } else if (state == State::kCellStart && is_quote) {
        state = State::kQuoted;
        open = at;
      } else {
        state = State::kUnquoted;
        if (is_quote) row.flags |= kStrayQuote;
      }
    }
    if (state == State::kQuoted && end == std::string_view::npos) row.flags |= kUnclosedQuote;
    const bool cut_at_line = (row.flags & (kUnclosedQuote | kTextAfterQuote)) != 0;
    if (cut_at_line) {
      row.flags &= kMalformedRow;
      end = text.substr(0, stop).find('\n', open);
    }
    if (end == std::string_view::npos && limited) {
      row.flags = kTooLong;
      end = text.find('\n', stop);
    } else if (end == std::string_view::npos && !cut_at_line) {
      end_cell(stop);
    }
    if (end == std::string_view::npos) end = text.size();
    row.raw = text.substr(begin, end - begin);
    if ((row.flags & kMalformedRow) != 0) {
      row.cells.clear();
    } else {
      std::string& tail = row.cells.back();
      if (row.cells.size() == 1 && (tail.empty() || tail == "\r")) {
        row.flags |= kBlankRow;
      } else if (expected_columns != 0 && row.cells.size() != expected_columns) {
        row.flags |= row.cells.size() < expected_columns ? kTooFewCells : kTooManyCells;
      }
      if (!tail.empty() && tail.back() == '\r') tail.pop_back();
    }
    for (std::size_t i = begin; i <= end && i < text.size(); ++i) line += text[i] == '\n';
    rows.push_back(row);
    begin = end + 1;
  }
  return rows;
}

/// Splits `text` with the splitter in pieces of `block` bytes, as a reader would, into the same form.
inline std::vector<ReferenceRow> split_in_blocks(std::string_view text, const Dialect& dialect,
                                                 std::size_t expected_columns, std::size_t block, Scan scan) {
  Splitter splitter(dialect, scan);
  splitter.expect_columns(static_cast<std::uint32_t>(expected_columns));
  std::vector<ReferenceRow> rows;
  std::string skipped;  // what the splitter consumed of a row that is too long
  for (std::size_t begin = 0, end = std::min(block, text.size());;) {
    const bool last = end == text.size();
    const std::size_t consumed = splitter.split(text.data() + begin, end - begin, last);
    const Index& index = splitter.index();
    for (std::size_t i = 0; i < index.num_rows; ++i) {
      const Row& row = index.rows[i];
      ReferenceRow out;
      out.flags = row.flags;
      out.offset = index.offset + index.begin_of(row);
      out.line = index.line + row.line;
      out.raw = index.raw(row);
      if (i == 0 && splitter.first_row_is_cut()) {
        out.offset = splitter.cut_row().offset;
        out.line = splitter.cut_row().line;
        out.raw = text.substr(out.offset, splitter.cut_row().size_bytes);
      }
      for (std::uint32_t c = 0; c < row.columns && (row.flags & kMalformedRow) == 0; ++c) {
        out.cells.emplace_back(index.cell(row, c).raw());
      }
      rows.push_back(std::move(out));
    }
    begin += consumed;
    if (last && begin >= text.size() && consumed == 0) break;
    if (last && begin >= text.size() && index.num_rows == 0) break;
    if (!last && index.num_rows == 0) end = std::min(text.size(), end + block);
  }
  return rows;
}

}  // namespace penstock::csv
