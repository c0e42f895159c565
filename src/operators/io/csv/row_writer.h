// SPDX-License-Identifier: MIT
// Formats rows of record batches as CSV text, straight into a buffer.
#pragma once

#include <penstock/batch.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/number_text.h"
#include "data/timestamp_text.h"

namespace penstock::csv {

/// How csv.write writes.
struct WriteDialect {
  char delimiter = ',';
  char quote = '"';
  bool quote_all = false;      ///< Quote every cell that is not null.
  std::string null_text = {};  ///< Stands for null, never quoted.
  bool crlf = false;           ///< End lines with CR LF instead of LF.
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
  /// Looks at the columns of `batch`, whose rows `append_rows` then takes; the batch must stay.
  void start_batch(const RecordBatch& batch);
  /// Appends the rows from `row` on, up to `end`, the same for all rows of a batch, until `should_flush()` or up to one
  /// that cannot be written: it holds a timestamp outside the years 0001 to 9999, in column `bad_column()`. Returns the
  /// row behind the last one appended.
  std::size_t append_rows(std::size_t row, std::size_t end);
  std::size_t bad_column() const noexcept { return bad_column_; }

  /// Appends rows that another writer formatted, unless they are so many that copying them gains nothing.
  bool take_text(std::string_view rows);

  std::string_view bytes() const noexcept { return {buffer_.get(), static_cast<std::size_t>(at_ - buffer_.get())}; }
  bool should_flush() const noexcept { return bytes().size() >= kFlushBytes; }
  void clear() noexcept { at_ = buffer_.get(); }

 private:
  static constexpr std::size_t kBlockRows = Float64Formatter::kMostValues;
  static constexpr std::size_t kNoBlock = static_cast<std::size_t>(-1);
  class ShortTexts;
  enum class Kind : std::uint8_t {
    kInt64,
    kFloat64,
    kTimestamp,
    kText,  ///< Nulls are an empty text without quotes.
    kOther,
  };
  // A column as bare pointers: a row touches all columns, so what is the same for all rows is looked up once per batch.
  struct View {
    Kind kind;
    Type type;
    const std::uint8_t* validity;  // null: no nulls
    const void* values;            // offsets for utf8
    const char* bytes = nullptr;
    std::int32_t short_end = -1;   // texts that begin before may be read 32 bytes wide
    Float64Formatter floats = {};  // prepared for the rows of `block_`
    TimestampFormatter timestamps = {};

    bool is_null(std::size_t row) const noexcept { return validity != nullptr && !get_bit(validity, row); }
    std::int64_t int64(std::size_t row) const noexcept { return static_cast<const std::int64_t*>(values)[row]; }
    double float64(std::size_t row) const noexcept { return static_cast<const double*>(values)[row]; }
    std::string_view text(std::size_t row) const noexcept {
      const auto* const at = static_cast<const std::int32_t*>(values) + row;
      return {bytes + at[0], static_cast<std::size_t>(at[1] - at[0])};
    }
  };
  void make_room(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) [[unlikely]]
      grow(bytes);
  }
  void grow(std::size_t bytes);
  View view_of(const Column& column, bool only_column) const noexcept;
  void prepare_block(std::size_t block, std::size_t end);
  // These write at `out`, where there is room for the row, and return the end. `at_` waits at the row's begin: a member
  // that is read again behind every byte written would cost as much as the byte. Null for a timestamp without a text.
  char* put_row(char* out, std::size_t row, const ShortTexts& short_texts);
  char* put_any(char* out, View& view, std::size_t row);
  char* put_fixed(char* out, View& view, std::size_t row);
  char* put_long_text(char* out, std::string_view text);  // makes its own room; may move the buffer
  char* put_null(char* out) const noexcept;
  char* end_row(char* out) const noexcept;
  bool needs_quotes(std::string_view text) const noexcept;

  WriteDialect dialect_;
  bool quote_fixed_;  // numbers and the like
  std::unique_ptr<char[]> buffer_;
  char* at_ = nullptr;
  char* end_ = nullptr;
  std::vector<View> views_;
  std::size_t most_row_bytes_ = 0;  // but for long texts, which make their own room
  std::size_t bad_column_ = 0;
  std::size_t block_ = kNoBlock;  // of kBlockRows rows each, the one at hand
};

}  // namespace penstock::csv
