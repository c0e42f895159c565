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

namespace penstock::csv {
namespace {

constexpr std::size_t kShortText = 32;  // copied whole, whatever the length
// A short text with nothing but quotes in it, two quotes around, a delimiter; other values are shorter.
constexpr std::size_t kMostCellBytes = 2 * kShortText + 3;
static_assert(kMostCellBytes >= kMostFloat64Text + 3);
constexpr std::string_view kBytesOfValues = "0123456789+-.:TZabcdefghijklmnopqrstuvwxyz";

char* put(char* out, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_quoted(char* out, std::string_view text, char quote) noexcept {
  *out++ = quote;
  for (const char byte : text) {
    *out++ = byte;
    if (byte == quote) *out++ = quote;
  }
  *out++ = quote;
  return out;
}

#if defined(__SSE2__)
// Writes a text of up to 32 bytes, quoted where `quoted` or its bytes ask for it; null when it holds a quote. Reads 32
// bytes whatever the size. Whether a text needs quotes differs from row to row, so that is no branch: both quotes are
// written, and overwritten by what follows them where they are not wanted.
inline char* put_short(char* out, const char* text, std::size_t size, bool quoted, char delimiter, char quote) noexcept {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text) + 1);
  const auto bits = [size](__m128i of_low, __m128i of_high) {
    const auto all = static_cast<std::uint32_t>(_mm_movemask_epi8(of_low)) |
                     static_cast<std::uint32_t>(_mm_movemask_epi8(of_high)) << 16;
    return all & ((std::uint64_t{1} << size) - 1);
  };
  const __m128i quotes = _mm_set1_epi8(quote);
  if (bits(_mm_cmpeq_epi8(low, quotes), _mm_cmpeq_epi8(high, quotes)) != 0) [[unlikely]]
    return nullptr;
  const __m128i wanted[3] = {_mm_set1_epi8(delimiter), _mm_set1_epi8('\n'), _mm_set1_epi8('\r')};
  const auto special = [&](__m128i bytes) {
    return _mm_or_si128(_mm_cmpeq_epi8(bytes, wanted[0]),
                        _mm_or_si128(_mm_cmpeq_epi8(bytes, wanted[1]), _mm_cmpeq_epi8(bytes, wanted[2])));
  };
  const std::size_t one = static_cast<std::size_t>(quoted) | static_cast<std::size_t>(bits(special(low), special(high)) != 0);
  *out = quote;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + one), low);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + one) + 1, high);
  out[one + size] = quote;
  return out + size + 2 * one;
}
#else
inline char* put_short(char* out, const char* text, std::size_t size, bool quoted, char delimiter, char quote) noexcept {
  const std::string_view bytes(text, size);
  if (bytes.find(quote) != std::string_view::npos) return nullptr;
  const char special[] = {delimiter, '\n', '\r'};
  if (!quoted && bytes.find_first_of(std::string_view(special, 3)) == std::string_view::npos) return put(out, bytes);
  return put_quoted(out, bytes, quote);
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
    make_room(1);
    if (c > 0) *at_++ = dialect_.delimiter;
    at_ = put_long_text(at_, schema[c].name);
  }
  make_room(2);
  at_ = end_row(at_);
}

void RowWriter::start_batch(const RecordBatch& batch) {
  views_.clear();
  for (const Column& column : batch.columns()) {
    View view{column.type(), column.validity(), nullptr, nullptr, -1};
    switch (column.type()) {
      case Type::kInt64:
      case Type::kTimestamp: view.values = column.int64s().data(); break;
      case Type::kFloat64: view.values = column.float64s().data(); break;
      case Type::kBool: view.values = column.bits(); break;
      case Type::kUtf8:
        view.values = column.offsets();
        view.bytes = column.bytes();
        if (dialect_.quote_all || !dialect_.null_text.empty() || batch.num_columns() == 1) break;
        // The last bytes of the column may be the last of their page.
        if (column.size() > 0) view.short_end = column.offsets()[column.size()] - static_cast<int>(kShortText);
    }
    views_.push_back(view);
  }
  most_row_bytes_ = views_.size() * (kMostCellBytes + dialect_.null_text.size()) + 2;
}

bool RowWriter::append_row(std::size_t row) {
  make_room(most_row_bytes_);
  const auto begin = at_ - buffer_.get();
  const char delimiter = dialect_.delimiter;
  char* out = at_;
  for (View& view : views_) {
    out = put_cell(out, view, row);
    if (out == nullptr) [[unlikely]] {
      at_ = buffer_.get() + begin;
      bad_column_ = static_cast<std::size_t>(&view - views_.data());
      return false;
    }
    *out++ = delimiter;
  }
  at_ = end_row(views_.empty() ? out : out - 1);
  return true;
}

char* RowWriter::put_cell(char* out, View& view, std::size_t row) {
  const bool null = view.validity != nullptr && !get_bit(view.validity, row);
  if (view.type == Type::kUtf8) return put_text(out, view, row, null);
  if (null) [[unlikely]]
    return put_null(out);
  if (!quote_fixed_) [[likely]]
    return put_fixed(out, view, row);
  *out = dialect_.quote;
  out = put_fixed(out + 1, view, row);
  if (out != nullptr) *out++ = dialect_.quote;
  return out;
}

char* RowWriter::put_fixed(char* out, View& view, std::size_t row) {
  switch (view.type) {
    case Type::kInt64: return format_int64(out, static_cast<const std::int64_t*>(view.values)[row]);
    case Type::kFloat64: return format_float64(out, static_cast<const double*>(view.values)[row]);
    case Type::kBool: return put(out, get_bit(static_cast<const std::uint8_t*>(view.values), row) ? "true" : "false");
    case Type::kTimestamp: {
      const std::int64_t micros = static_cast<const std::int64_t*>(view.values)[row];
      return micros < kFirstTimestamp || micros > kLastTimestamp ? nullptr : view.timestamps.format(out, micros);
    }
    case Type::kUtf8: break;
  }
  return out;
}

// A null of the short kind is an empty text without quotes.
char* RowWriter::put_text(char* out, const View& view, std::size_t row, bool null) {
  const auto* const offsets = static_cast<const std::int32_t*>(view.values);
  const char* const text = view.bytes + offsets[row];
  const auto size = static_cast<std::size_t>(offsets[row + 1] - offsets[row]);
  if (size <= kShortText && offsets[row] <= view.short_end) [[likely]] {
    const bool quoted = (size == 0) & !null;
    char* const end = put_short(out, text, size, quoted, dialect_.delimiter, dialect_.quote);
    return end != nullptr ? end : put_quoted(out, {text, size}, dialect_.quote);
  }
  if (null) return put_null(out);
  at_ = put_long_text(out, {text, size});
  make_room(most_row_bytes_);  // for what is left of the row
  return at_;
}

char* RowWriter::put_long_text(char* out, std::string_view text) {
  at_ = out;
  make_room(2 * text.size() + 2);
  return needs_quotes(text) ? put_quoted(at_, text, dialect_.quote) : put(at_, text);
}

char* RowWriter::put_null(char* out) const noexcept {
  // In rows of one column it must not become a blank line.
  if (views_.size() != 1 || !dialect_.null_text.empty()) return put(out, dialect_.null_text);
  out[0] = out[1] = dialect_.quote;
  return out + 2;
}

bool RowWriter::needs_quotes(std::string_view text) const noexcept {
  if (text.empty() || dialect_.quote_all || text == dialect_.null_text) return true;
  const char special[] = {dialect_.delimiter, dialect_.quote, '\n', '\r'};
  return text.find_first_of(std::string_view(special, 4)) != std::string_view::npos;
}

char* RowWriter::end_row(char* out) const noexcept {
  if (dialect_.crlf) *out++ = '\r';
  *out++ = '\n';
  return out;
}

}  // namespace penstock::csv
