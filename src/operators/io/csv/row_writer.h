// SPDX-License-Identifier: MIT
// Formats rows of record batches as CSV text, straight into a buffer.
#pragma once

#include <penstock/batch.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::csv {

/// How csv.write writes.
struct WriteDialect {
  char delimiter = ',';
  char quote = '"';
  bool quote_all = false;       ///< Quote every cell that is not null.
  std::string null_text = {};   ///< Stands for null, never quoted.
  std::string line_end = "\n";  ///< "\n" or "\r\n".
};

/// Collects formatted rows. Used by one worker.
///
/// A text is quoted when it holds a delimiter, quote, CR or LF, is empty, or is the null text, so that csv.read gives
/// it back as it was; other values when the delimiter is a byte that they may contain. In rows of one column a null
/// with an empty null text becomes `""`, since a blank line is no row. Memory: `kFlushBytes` and one row.
class RowWriter {
 public:
  static constexpr std::size_t kFlushBytes = std::size_t{256} << 10;

  explicit RowWriter(WriteDialect dialect);

  /// Appends a row of names.
  void append_names(const Schema& schema);
  /// Appends row `row`. False when it holds a timestamp outside the years 0001 to 9999, in column `bad_column()`;
  /// nothing is appended then.
  bool append_row(const RecordBatch& batch, std::size_t row);
  std::size_t bad_column() const noexcept { return bad_column_; }

  std::string_view bytes() const noexcept { return {buffer_.get(), static_cast<std::size_t>(at_ - buffer_.get())}; }
  bool should_flush() const noexcept { return bytes().size() >= kFlushBytes; }
  void clear() noexcept { at_ = buffer_.get(); }

 private:
  void make_room(std::size_t bytes);
  std::size_t most_bytes(const RecordBatch& batch, std::size_t row) const noexcept;
  bool append_value(const Column& column, std::size_t row);
  void append_text(const Column& column, std::size_t row);
  void append_plain_or_quoted(std::string_view text);
  void append_quoted(std::string_view text) noexcept;
  void append_raw(std::string_view text) noexcept;
  bool needs_quotes(std::string_view text) const noexcept;

  WriteDialect dialect_;
  bool quote_fixed_;  // numbers and the like
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  char* at_ = nullptr;
  std::size_t bad_column_ = 0;
};

}  // namespace penstock::csv
