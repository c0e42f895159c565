// SPDX-License-Identifier: MIT
// Finds rows and cells in blocks of CSV bytes.
//
// Fast path: 64 bytes at a time become bit masks of quotes, delimiters and line feeds; a prefix xor of the quote mask
// says which bytes are inside quotes (G. Langdale, D. Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 28,
// 2019, section 3.1); what remains of delimiters and line feeds ends a cell or a row. That is right only while every
// quote stands where RFC 4180 allows one, so the same masks also check that: a quote that opens must follow a
// delimiter, a row start or a quote; a quote that closes must be followed by a delimiter, a line end or a quote. At the
// first bit that breaks this, the row is scanned again byte by byte, and the fast path goes on behind it. A stray quote
// therefore never reaches beyond its row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "operators/io/csv/dialect.h"

namespace penstock::csv {

/// Marks of a row. Rows with none of `kRejectedRow` can be read cell by cell.
enum RowFlags : std::uint32_t {
  kBlankRow = 1,       ///< A line with no byte on it.
  kTooFewCells = 2,    ///< Fewer than expected.
  kTooManyCells = 4,   ///< More than expected.
  kUnclosedQuote = 8,  ///< A quoted cell does not end; the row is cut at the end of the line on which the quote opens.
  kTextAfterQuote = 16,  ///< A closing quote is followed by text; cut in the same way.
  kTooLong = 32,         ///< Longer than `max_row_bytes`; see `Splitter::cut_row` for where it began.
  kStrayQuote = 64,      ///< A quote inside an unquoted cell, taken as data.
};
inline constexpr std::uint32_t kMalformedRow = kUnclosedQuote | kTextAfterQuote | kTooLong;
inline constexpr std::uint32_t kRaggedRow = kTooFewCells | kTooManyCells;
inline constexpr std::uint32_t kRejectedRow = kMalformedRow | kRaggedRow;

/// One row of the block.
struct Row {
  std::uint32_t first;    ///< Index of its first cell in `Index::ends`.
  std::uint32_t columns;  ///< Number of cells; 1 for malformed rows, whose only "cell" is the raw text.
  std::uint32_t line;     ///< Physical lines between the start of the block and the row.
  std::uint32_t flags;    ///< RowFlags.
};

/// One cell as it stands in the file, without the line end.
struct Cell {
  const char* data;
  std::uint32_t size;
  bool quoted;  ///< `data` starts and ends with a quote; `unquote` gives the value.

  std::string_view raw() const noexcept { return {data, size}; }
};

/// Where the rows and cells of a block are. Valid until the next `split`, and as long as the block's bytes are.
///
/// Cells lie back to back: cell k covers the bytes from `ends[k - 1] + 1` up to `ends[k]`, where a delimiter, a line
/// feed or the end of the input is. `ends[-1]` is valid. A CR before the line feed is still part of the row's last
/// cell.
struct Index {
  const char* data = nullptr;
  const std::uint32_t* ends = nullptr;
  const Row* rows = nullptr;
  std::size_t num_rows = 0;
  std::uint64_t offset = 0;  ///< Of the block in the decompressed file.
  std::uint64_t line = 1;    ///< Of the block's first byte, counted from 1.
  char quote = '"';
  bool quoting = true;

  std::uint32_t begin_of(const Row& row) const noexcept { return ends[std::ptrdiff_t{row.first} - 1] + 1; }
  /// The whole row without its line feed; a CR before it is included.
  std::string_view raw(const Row& row) const noexcept {
    const std::uint32_t begin = begin_of(row);
    return {data + begin, ends[row.first + row.columns - 1] - begin};
  }
  /// Cell `column` of a row that is not malformed.
  Cell cell(const Row& row, std::uint32_t column) const noexcept {
    const std::uint32_t* const end = ends + row.first + column;
    const std::uint32_t begin = end[-1] + 1;
    std::uint32_t size = *end - begin;
    if (column + 1 == row.columns && size > 0 && data[begin + size - 1] == '\r') --size;
    return {data + begin, size, quoting && size > 0 && data[begin] == quote};
  }
};

/// Position of a row that was longer than `max_row_bytes`.
struct CutRow {
  std::uint64_t offset = 0;
  std::uint64_t line = 0;
  std::uint64_t size_bytes = 0;
  std::string excerpt;  ///< Its first bytes, at most 1,024.
};

/// Which code finds the structure; `kBest` asks the processor.
enum class Scan : std::uint8_t { kBest, kPortable, kSse2, kAvx2, kRowByRow };

/// The memory of an index.
struct IndexArrays {
  std::unique_ptr<std::uint32_t[]> ends = nullptr;  ///< One more than there are, so that ends[-1] of the index exists.
  std::size_t ends_capacity = 0;
  std::unique_ptr<Row[]> rows = nullptr;
};

struct ScanState;
enum class ScanStop : std::uint8_t;
using ScanFunction = ScanStop (*)(ScanState& state);

/// Splits a stream of blocks into rows.
///
/// Used by one worker. The caller keeps what was not consumed in front of the next block. Which rows come out, with
/// which flags, depends only on the bytes of the stream and the dialect, never on where blocks end. Memory: 4 bytes per
/// cell and 16 per row of a call, at most about 200 KiB unless a single row has more than 32,768 cells. Allocates
/// nothing per row.
class Splitter {
 public:
  explicit Splitter(const Dialect& dialect, Scan scan = Scan::kBest);

  /// The number of cells that rows must have; 0, as at first, accepts any.
  void expect_columns(std::uint32_t columns) noexcept { expected_columns_ = columns; }

  /// Finds rows in [data, data + size), the bytes of the stream after those that were consumed so far. `last` says that
  /// no byte follows. Returns how many bytes are consumed: complete rows, and all of them when `last` unless the index
  /// is full. The result is in `index()`. When nothing is consumed, the caller must come back with more bytes.
  std::size_t split(const char* data, std::size_t size, bool last);
  const Index& index() const noexcept { return index_; }

  /// The row flagged kTooLong of the last `split` that began before the block. Others lie whole in the block.
  const CutRow& cut_row() const noexcept { return cut_row_; }
  /// Says whether the first row of the index is the rest of `cut_row()`.
  bool first_row_is_cut() const noexcept { return first_row_is_cut_; }

  /// Takes other arrays, or new ones where there are none, and leaves those of `index()`, which stays as it is while
  /// they are kept.
  void exchange(IndexArrays& arrays);

  /// A place in the decompressed file, where a row begins.
  struct Position {
    std::uint64_t offset = 0;
    std::uint64_t line = 1;
  };
  /// Behind the rows of `index()`.
  Position position() const noexcept {
    if (skipping_) return {cut_row_.offset, cut_row_.line};
    return {next_offset_, next_line_};
  }
  /// The first byte that is handed over is that of a row there.
  void start_at(const Position& position) noexcept {
    next_offset_ = position.offset;
    next_line_ = position.line;
  }

  /// Counts `size` bytes without a line feed as consumed, for a byte order mark.
  void skip(std::size_t size) noexcept { next_offset_ += size; }

 private:
  enum class RowScan : std::uint8_t { kRow, kNeedMore, kSkipping };

  void start(const char* data, std::size_t size);
  std::size_t finish_split(std::size_t consumed);
  bool resume_skipping(bool last);
  bool scan_fast(bool last, bool& go_on);
  bool mark_rows(std::size_t from);
  RowScan scan_row(bool last);
  RowScan finish_row(std::size_t begin, std::size_t end, std::uint32_t flags);
  RowScan reject_line(std::size_t begin, std::size_t open, std::uint32_t flag, bool last);
  RowScan reject_too_long(std::size_t begin, bool last);
  void push_end(std::size_t position);
  void grow_ends();
  std::uint32_t shape_of(std::size_t begin, std::size_t end, std::uint32_t columns) const noexcept;
  std::size_t next_begin() const noexcept { return ends_[static_cast<std::ptrdiff_t>(num_ends_) - 1] + 1; }

  Dialect dialect_;
  ScanFunction scan_;  // null: row by row
  std::uint32_t expected_columns_ = 0;

  IndexArrays arrays_;
  std::uint32_t* ends_ = nullptr;  // arrays_.ends + 1, so that ends_[-1] exists
  std::size_t num_ends_ = 0;
  std::size_t num_rows_ = 0;
  std::uint32_t lines_ = 0;  // line feeds of the block before the row that is scanned next
  const char* data_ = nullptr;
  std::size_t size_ = 0;

  bool skipping_ = false;  // inside a row that is too long
  bool first_row_is_cut_ = false;
  CutRow cut_row_;
  std::uint64_t next_offset_ = 0;
  std::uint64_t next_line_ = 1;
  Index index_;
};

/// Writes the value of a quoted cell (`raw` with its outer quotes) to `to`, doubled quotes as one, and returns its
/// length, at most `raw.size() - 2`.
std::size_t unquote(std::string_view raw, char quote, char* to) noexcept;

}  // namespace penstock::csv
