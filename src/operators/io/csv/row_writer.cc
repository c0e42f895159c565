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

constexpr std::size_t kShortWritten = 32;  // copied whole, whatever the length
// A short text with nothing but quotes in it, two quotes around, a delimiter; other values are shorter.
constexpr std::size_t kMostCellBytes = 2 * kShortWritten + 3;
static_assert(kMostCellBytes >= kMostFloat64Text + 3);
constexpr std::string_view kBytesOfValues = "0123456789+-.:TZabcdefghijklmnopqrstuvwxyz";

bool has_text(std::int64_t micros) noexcept { return micros >= kFirstTimestamp && micros <= kLastTimestamp; }

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

}  // namespace

// Writes texts of up to 32 bytes, quoted where `quoted` or their bytes ask for it; null when it holds a quote. Reads 32
// bytes whatever the size.
#if defined(__SSE2__)
class RowWriter::ShortTexts {
 public:
  ShortTexts(char delimiter, char quote) noexcept
      : quote_(quote), quotes_(_mm_set1_epi8(quote)), delimiters_(_mm_set1_epi8(delimiter)) {}

  // Whether a text needs quotes differs from row to row, so that is no branch: both quotes are written, and overwritten
  // by what follows them where they are not wanted.
  char* put(char* out, const char* text, std::size_t size, bool quoted) const noexcept {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text) + 1);
    const std::uint64_t inside = (std::uint64_t{1} << size) - 1;
    if ((bits(_mm_cmpeq_epi8(low, quotes_), _mm_cmpeq_epi8(high, quotes_)) & inside) != 0) [[unlikely]]
      return nullptr;
    const auto one = static_cast<std::size_t>(quoted | ((bits(special(low), special(high)) & inside) != 0));
    *out = quote_;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + one), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + one) + 1, high);
    out[one + size] = quote_;
    return out + size + 2 * one;
  }

 private:
  static std::uint64_t bits(__m128i low, __m128i high) noexcept {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(low)) | static_cast<std::uint32_t>(_mm_movemask_epi8(high))
                                                                    << 16;
  }
  __m128i special(__m128i bytes) const noexcept {
    const __m128i line_ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, feeds_), _mm_cmpeq_epi8(bytes, returns_));
    return _mm_or_si128(line_ends, _mm_cmpeq_epi8(bytes, delimiters_));
  }
  char quote_;
  __m128i quotes_;
  __m128i delimiters_;
  __m128i feeds_ = _mm_set1_epi8('\n');
  __m128i returns_ = _mm_set1_epi8('\r');
};
#else
class RowWriter::ShortTexts {
 public:
  ShortTexts(char delimiter, char quote) noexcept : delimiter_(delimiter), quote_(quote) {}

  char* put(char* out, const char* text, std::size_t size, bool quoted) const noexcept {
    const std::string_view bytes(text, size);
    if (bytes.find(quote_) != std::string_view::npos) return nullptr;
    const char special[] = {delimiter_, '\n', '\r'};
    quoted = quoted || bytes.find_first_of(std::string_view(special, 3)) != std::string_view::npos;
    return quoted ? put_quoted(out, bytes, quote_) : penstock::csv::put(out, bytes);
  }

 private:
  char delimiter_;
  char quote_;
};
#endif

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

bool RowWriter::take_text(std::string_view rows) {
  if (rows.size() > kFlushBytes / 4) return false;
  make_room(rows.size());
  std::memcpy(at_, rows.data(), rows.size());
  at_ += rows.size();
  return true;
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
  block_ = kNoBlock;
  for (const Column& column : batch.columns()) views_.push_back(view_of(column, batch.num_columns() == 1));
  most_row_bytes_ = views_.size() * (kMostCellBytes + dialect_.null_text.size()) + 2;
}

RowWriter::View RowWriter::view_of(const Column& column, bool only_column) const noexcept {
  const auto kind = [&](Kind usual) { return quote_fixed_ ? Kind::kOther : usual; };
  const Type type = column.type();
  const std::uint8_t* const validity = column.validity();
  switch (type) {
    case Type::kInt64: return {kind(Kind::kInt64), type, validity, column.int64s().data()};
    case Type::kTimestamp: return {kind(Kind::kTimestamp), type, validity, column.int64s().data()};
    case Type::kFloat64: return {kind(Kind::kFloat64), type, validity, column.float64s().data()};
    case Type::kBool: return {Kind::kOther, type, validity, column.bits()};
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  View view{Kind::kOther, type, validity, column.offsets(), column.bytes()};
  if (dialect_.quote_all || !dialect_.null_text.empty() || only_column) return view;
  view.kind = Kind::kText;
  // The last bytes of the column may be the last of their page.
  if (column.size() > 0) view.short_end = column.offsets()[column.size()] - static_cast<int>(kShortWritten);
  return view;
}

std::size_t RowWriter::append_rows(std::size_t row, std::size_t end) {
  const ShortTexts short_texts(dialect_.delimiter, dialect_.quote);
  for (; row < end && !should_flush(); ++row) {
    if (row / kBlockRows != block_) prepare_block(row / kBlockRows, end);
    make_room(most_row_bytes_);
    const auto begin = at_ - buffer_.get();
    char* const row_end = put_row(at_, row, short_texts);
    if (row_end == nullptr) [[unlikely]] {
      at_ = buffer_.get() + begin;
      break;
    }
    at_ = end_row(row_end);
  }
  return row;
}

void RowWriter::prepare_block(std::size_t block, std::size_t end) {
  block_ = block;
  const std::size_t first = block * kBlockRows;
  for (View& view : views_) {
    if (view.kind != Kind::kFloat64) continue;
    view.floats.prepare(static_cast<const double*>(view.values) + first, std::min(kBlockRows, end - first));
  }
}

inline char* RowWriter::put_row(char* out, std::size_t row, const ShortTexts& short_texts) {
  const char delimiter = dialect_.delimiter;
  for (View& view : views_) {
    char* end = nullptr;
    if (view.kind == Kind::kText) {
      const std::string_view text = view.text(row);
      if (text.size() <= kShortWritten && text.data() - view.bytes <= view.short_end) [[likely]] {
        end = short_texts.put(out, text.data(), text.size(), text.empty() & !view.is_null(row));
      }
    } else if (!view.is_null(row)) [[likely]] {
      switch (view.kind) {
        case Kind::kInt64: end = format_int64(out, view.int64(row)); break;
        case Kind::kFloat64: end = view.floats.format(out, row % kBlockRows, view.float64(row)); break;
        case Kind::kTimestamp:
          if (has_text(view.int64(row))) [[likely]]
            end = view.timestamps.format(out, view.int64(row));
          break;
        default: break;
      }
    }
    if (end == nullptr) {
      end = put_any(out, view, row);
      if (end == nullptr) [[unlikely]] {
        bad_column_ = static_cast<std::size_t>(&view - views_.data());
        return nullptr;
      }
    }
    *end = delimiter;
    out = end + 1;
  }
  return views_.empty() ? out : out - 1;
}

char* RowWriter::put_any(char* out, View& view, std::size_t row) {
  if (view.is_null(row)) return put_null(out);
  if (view.type == Type::kUtf8) {
    at_ = put_long_text(out, view.text(row));
    make_room(most_row_bytes_);  // for what is left of the row
    return at_;
  }
  if (!quote_fixed_) return put_fixed(out, view, row);
  *out = dialect_.quote;
  out = put_fixed(out + 1, view, row);
  if (out != nullptr) *out++ = dialect_.quote;
  return out;
}

char* RowWriter::put_fixed(char* out, View& view, std::size_t row) {
  switch (view.type) {
    case Type::kInt64: return format_int64(out, view.int64(row));
    case Type::kFloat64: return format_float64(out, view.float64(row));
    case Type::kBool: return put(out, get_bit(static_cast<const std::uint8_t*>(view.values), row) ? "true" : "false");
    case Type::kTimestamp: {
      const std::int64_t micros = view.int64(row);
      return has_text(micros) ? view.timestamps.format(out, micros) : nullptr;
    }
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  return out;
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
