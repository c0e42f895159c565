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
// A short text with nothing but quotes in it, two quotes around, a delimiter; other values are shorter.
constexpr std::size_t kMostCellBytes = 2 * kShortText + 3;
static_assert(kMostCellBytes >= kMostFloat64Text + 3);
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
  grow(kFlushBytes + 4096);
}

void RowWriter::grow(std::size_t bytes) {
  const auto used = static_cast<std::size_t>(at_ - buffer_.get());
  const std::size_t capacity = std::max(used + bytes, 2 * static_cast<std::size_t>(end_ - buffer_.get()));
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (used > 0) std::memcpy(larger.get(), buffer_.get(), used);
  buffer_ = std::move(larger);
  at_ = buffer_.get() + used;
  end_ = buffer_.get() + capacity;
}

void RowWriter::append_names(const Schema& schema) {
  for (std::size_t c = 0; c < schema.size(); ++c) {
    if (c > 0) {
      make_room(1);
      *at_++ = dialect_.delimiter;
    }
    append_long_text(schema[c].name);
  }
  make_room(2);
  end_row();
}

void RowWriter::start_batch(const RecordBatch& batch) {
  views_.clear();
  for (const Column& column : batch.columns()) {
    View view{column.type(), column.validity(), nullptr, nullptr, 0};
    switch (column.type()) {
      case Type::kInt64:
      case Type::kTimestamp: view.values = column.int64s().data(); break;
      case Type::kFloat64: view.values = column.float64s().data(); break;
      case Type::kBool: view.values = column.bits(); break;
      case Type::kUtf8:
        view.values = column.offsets();
        view.bytes = column.bytes();
        // The last bytes of the column may be the last of their page.
        if (column.size() > 0) view.short_end = column.offsets()[column.size()] - static_cast<int>(kShortText);
        if (dialect_.quote_all || !dialect_.null_text.empty()) view.short_end = -1;
    }
    views_.push_back(view);
  }
  most_row_bytes_ = views_.size() * (kMostCellBytes + dialect_.null_text.size()) + 2;
}

bool RowWriter::append_row(std::size_t row) {
  make_room(most_row_bytes_);
  const auto begin = at_ - buffer_.get();
  for (const View& view : views_) {
    if (!append_cell(view, row)) [[unlikely]] {
      at_ = buffer_.get() + begin;
      bad_column_ = static_cast<std::size_t>(&view - views_.data());
      return false;
    }
    *at_++ = dialect_.delimiter;
  }
  if (!views_.empty()) --at_;
  end_row();
  return true;
}

bool RowWriter::append_cell(const View& view, std::size_t row) {
  if (view.validity != nullptr && !get_bit(view.validity, row)) {
    append_null();
    return true;
  }
  if (view.type == Type::kUtf8) {
    append_text(view, row);
    return true;
  }
  return append_fixed(view, row);
}

bool RowWriter::append_fixed(const View& view, std::size_t row) {
  if (quote_fixed_) *at_++ = dialect_.quote;
  switch (view.type) {
    case Type::kInt64: at_ = format_int64(at_, static_cast<const std::int64_t*>(view.values)[row]); break;
    case Type::kFloat64: at_ = format_float64(at_, static_cast<const double*>(view.values)[row]); break;
    case Type::kBool: append_raw(get_bit(static_cast<const std::uint8_t*>(view.values), row) ? "true" : "false"); break;
    case Type::kTimestamp: {
      const std::int64_t micros = static_cast<const std::int64_t*>(view.values)[row];
      if (micros < kFirstTimestamp || micros > kLastTimestamp) return false;
      at_ = format_timestamp(at_, micros);
      break;
    }
    case Type::kUtf8: break;
  }
  if (quote_fixed_) *at_++ = dialect_.quote;
  return true;
}

void RowWriter::append_text(const View& view, std::size_t row) {
  const auto* const offsets = static_cast<const std::int32_t*>(view.values);
  const auto size = static_cast<std::size_t>(offsets[row + 1] - offsets[row]);
  const std::string_view text(view.bytes + offsets[row], size);
  if (size - 1 >= kShortText || offsets[row] > view.short_end) [[unlikely]] {
    append_long_text(text);
    // What is left of the row needs its room again.
    return make_room(most_row_bytes_);
  }
  if (copy_short(at_, text.data(), size, dialect_.delimiter, dialect_.quote)) [[unlikely]]
    return append_quoted(text);
  at_ += size;
}

void RowWriter::append_long_text(std::string_view text) {
  make_room(2 * text.size() + 2);
  if (needs_quotes(text)) return append_quoted(text);
  append_raw(text);
}

void RowWriter::append_null() {
  if (views_.size() == 1 && dialect_.null_text.empty()) return append_quoted({});
  append_raw(dialect_.null_text);
}

bool RowWriter::needs_quotes(std::string_view text) const noexcept {
  if (text.empty() || dialect_.quote_all || text == dialect_.null_text) return true;
  const char special[] = {dialect_.delimiter, dialect_.quote, '\n', '\r'};
  return text.find_first_of(std::string_view(special, 4)) != std::string_view::npos;
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

void RowWriter::end_row() noexcept {
  if (dialect_.crlf) *at_++ = '\r';
  *at_++ = '\n';
}

}  // namespace penstock::csv
