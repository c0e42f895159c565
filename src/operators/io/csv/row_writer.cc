// SPDX-License-Identifier: MIT
#include "operators/io/csv/row_writer.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "data/calendar.h"
#include "data/number_text.h"
#include "data/timestamp_text.h"

namespace penstock::csv {
namespace {

constexpr std::size_t kShortText = 32;  // copied whole, whatever the length
// Per cell: the longest value that is not a text, two quotes, a delimiter.
constexpr std::size_t kMostFixedBytes = kMostFloat64Text + 3;
constexpr std::string_view kBytesOfValues = "0123456789+-.:TZabcdefghijklmnopqrstuvwxyz";

#if defined(__SSE2__)
// Copies 32 bytes; says whether one of the first `size` is the delimiter, the quote, CR or LF.
inline bool copy_short(char* to, const char* from, std::size_t size, char delimiter, char quote) noexcept {
  const __m128i wanted[4] = {_mm_set1_epi8(delimiter), _mm_set1_epi8(quote), _mm_set1_epi8('\n'), _mm_set1_epi8('\r')};
  std::uint64_t found = 0;
  for (int half = 0; half < 2; ++half) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + half);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + half, bytes);
    __m128i any = _mm_cmpeq_epi8(bytes, wanted[0]);
    for (int i = 1; i < 4; ++i) any = _mm_or_si128(any, _mm_cmpeq_epi8(bytes, wanted[i]));
    found |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(any))) << (16 * half);
  }
  return (found & ((std::uint64_t{1} << size) - 1)) != 0;
}
#else
inline bool copy_short(char* to, const char* from, std::size_t size, char delimiter, char quote) noexcept {
  std::memcpy(to, from, size);
  return std::any_of(from, from + size, [&](char c) { return c == delimiter || c == quote || c == '\n' || c == '\r'; });
}
#endif

}  // namespace

RowWriter::RowWriter(WriteDialect dialect)
    : dialect_(std::move(dialect)),
      quote_fixed_(dialect_.quote_all || kBytesOfValues.find(dialect_.delimiter) != std::string_view::npos) {
  make_room(kFlushBytes + 4096);
}

void RowWriter::make_room(std::size_t bytes) {
  const auto used = static_cast<std::size_t>(at_ - buffer_.get());
  if (capacity_ - used >= bytes) return;
  capacity_ = std::max(used + bytes, 2 * capacity_);
  auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
  if (used > 0) std::memcpy(larger.get(), buffer_.get(), used);
  buffer_ = std::move(larger);
  at_ = buffer_.get() + used;
}

std::size_t RowWriter::most_bytes(const RecordBatch& batch, std::size_t row) const noexcept {
  std::size_t bytes = kShortText + dialect_.line_end.size() + 2;
  bytes += batch.num_columns() * (kMostFixedBytes + dialect_.null_text.size());
  for (const Column& column : batch.columns()) {
    if (column.type() == Type::kUtf8)
      bytes += 2 * static_cast<std::size_t>(column.offsets()[row + 1] - column.offsets()[row]);
  }
  return bytes;
}

void RowWriter::append_names(const Schema& schema) {
  for (std::size_t c = 0; c < schema.size(); ++c) {
    make_room(2 * schema[c].name.size() + kMostFixedBytes + dialect_.line_end.size());
    if (c > 0) *at_++ = dialect_.delimiter;
    append_plain_or_quoted(schema[c].name);
  }
  append_raw(dialect_.line_end);
}

bool RowWriter::append_row(const RecordBatch& batch, std::size_t row) {
  make_room(most_bytes(batch, row));
  const auto begin = at_ - buffer_.get();
  const std::size_t columns = batch.num_columns();
  for (std::size_t c = 0; c < columns; ++c) {
    if (c > 0) *at_++ = dialect_.delimiter;
    const Column& column = batch.column(c);
    if (column.is_null(row)) {
      append_raw(columns == 1 && dialect_.null_text.empty() ? "\"\"" : dialect_.null_text);
    } else if (column.type() == Type::kUtf8) {
      append_text(column, row);
    } else if (!append_value(column, row)) [[unlikely]] {
      at_ = buffer_.get() + begin;
      bad_column_ = c;
      return false;
    }
  }
  append_raw(dialect_.line_end);
  return true;
}

bool RowWriter::append_value(const Column& column, std::size_t row) {
  if (quote_fixed_) *at_++ = dialect_.quote;
  switch (column.type()) {
    case Type::kInt64: at_ = format_int64(at_, column.int64s()[row]); break;
    case Type::kFloat64: at_ = format_float64(at_, column.float64s()[row]); break;
    case Type::kBool: append_raw(get_bit(column.bits(), row) ? "true" : "false"); break;
    case Type::kTimestamp: {
      const std::int64_t micros = column.int64s()[row];
      if (micros < kFirstTimestamp || micros > kLastTimestamp) return false;
      at_ = format_timestamp(at_, micros);
      break;
    }
    case Type::kUtf8: break;
  }
  if (quote_fixed_) *at_++ = dialect_.quote;
  return true;
}

void RowWriter::append_text(const Column& column, std::size_t row) {
  const std::int32_t* const offsets = column.offsets();
  const std::string_view text = column.text(row);
  // The last bytes of the column may be the last of their page.
  const bool short_text =
      text.size() - 1 < kShortText && offsets[row] + static_cast<int>(kShortText) <= offsets[column.size()];
  if (!short_text || dialect_.quote_all || !dialect_.null_text.empty()) [[unlikely]]
    return append_plain_or_quoted(text);
  if (copy_short(at_, text.data(), text.size(), dialect_.delimiter, dialect_.quote)) [[unlikely]]
    return append_quoted(text);
  at_ += text.size();
}

bool RowWriter::needs_quotes(std::string_view text) const noexcept {
  if (text.empty() || dialect_.quote_all || text == dialect_.null_text) return true;
  const char special[] = {dialect_.delimiter, dialect_.quote, '\n', '\r'};
  return text.find_first_of(std::string_view(special, 4)) != std::string_view::npos;
}

void RowWriter::append_plain_or_quoted(std::string_view text) {
  if (needs_quotes(text)) return append_quoted(text);
  append_raw(text);
}

void RowWriter::append_quoted(std::string_view text) noexcept {
  *at_++ = dialect_.quote;
  while (!text.empty()) {
    const std::size_t quote = text.find(dialect_.quote);
    append_raw(text.substr(0, quote));
    if (quote == std::string_view::npos) break;
    *at_++ = dialect_.quote;
    *at_++ = dialect_.quote;
    text.remove_prefix(quote + 1);
  }
  *at_++ = dialect_.quote;
}

void RowWriter::append_raw(std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(at_, text.data(), text.size());
  at_ += text.size();
}

}  // namespace penstock::csv
