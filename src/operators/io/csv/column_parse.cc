// SPDX-License-Identifier: MIT
#include "operators/io/csv/column_parse.h"

#include <simdjson.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "data/number_text.h"
#include "data/padded_number.h"
#include "data/timestamp_text.h"

namespace penstock::csv {
namespace {

constexpr std::size_t kShortText = 32;  // copied whole, whatever the length

Buffer allocate_sized(BufferPool& pool, std::size_t bytes, std::size_t slack = 0) {
  Buffer buffer = pool.allocate(bytes + slack);
  buffer.set_size(bytes);
  return buffer;
}

// Collects validity bits. Loops keep the bits of 64 rows to themselves: a member would be loaded and stored for each.
class ValidityBits {
 public:
  ValidityBits(std::size_t rows, BufferPool& pool) : rows_(rows), bits_(allocate_sized(pool, (rows + 63) / 64 * 8)) {}

  /// Calls `is_valid(row)` for every row, in order.
  template <class IsValid>
  void fill(IsValid is_valid) {
    std::uint8_t* to = bits_.mutable_data();
    for (std::size_t begin = 0; begin < rows_; begin += 64, to += 8) {
      const std::size_t end = std::min(begin + 64, rows_);
      std::uint64_t word = 0;
      for (std::size_t row = begin; row < end; ++row) word |= std::uint64_t{is_valid(row)} << (row & 63);
      std::memcpy(to, &word, 8);
      valid_ += static_cast<std::size_t>(std::popcount(word));
    }
  }
  std::size_t null_count() const noexcept { return rows_ - valid_; }
  Buffer take() noexcept {
    bits_.set_size((rows_ + 7) / 8);
    return std::move(bits_);
  }

 private:
  std::size_t rows_;
  std::size_t valid_ = 0;
  Buffer bits_;
};

struct Span {
  const char* data;
  std::size_t size;
};

template <bool kLast>
Span cell_at(const Index& index, std::uint32_t first, std::uint32_t cell) noexcept {
  const std::uint32_t* const end = index.ends + first + cell;
  const std::uint32_t begin = end[-1] + 1;
  Span span{index.data + begin, *end - begin};
  if constexpr (kLast) {
    if (span.size > 0 && span.data[span.size - 1] == '\r') --span.size;
  }
  return span;
}

bool is_space(char byte) noexcept { return byte == ' ' || byte == '\t'; }

Span trimmed(Span span) noexcept {
  while (span.size > 0 && is_space(span.data[0])) ++span.data, --span.size;
  while (span.size > 0 && is_space(span.data[span.size - 1])) --span.size;
  return span;
}

// How the values of one type are read: `parse` anywhere, `parse_in_block` where there are bytes around the text.
struct Int64Cells {
  using Value = std::int64_t;
  ParseOutcome parse(std::string_view text, Value& value) noexcept { return parse_int64(text, value); }
  ParseOutcome parse_in_block(std::string_view text, Value& value) noexcept { return parse_padded_int64(text, value); }
};
struct Float64Cells {
  using Value = double;
  ParseOutcome parse(std::string_view text, Value& value) noexcept { return parse_float64(text, value); }
  ParseOutcome parse_in_block(std::string_view text, Value& value) noexcept {
    return parse_padded_float64(text, value);
  }
};
struct TimestampCells {
  using Value = std::int64_t;
  ParseOutcome parse(std::string_view text, Value& value) noexcept { return parser.parse(text, value); }
  ParseOutcome parse_in_block(std::string_view text, Value& value) noexcept { return parser.parse(text, value); }
  TimestampParser parser;
};
struct BoolCells {
  using Value = std::uint8_t;
  ParseOutcome parse(std::string_view text, Value& value) noexcept {
    bool parsed = false;
    const ParseOutcome outcome = parse_bool(text, parsed);
    value = parsed ? 1 : 0;
    return outcome;
  }
  ParseOutcome parse_in_block(std::string_view text, Value& value) noexcept { return parse(text, value); }
};

template <class Cells, bool kLast, bool kPlain>
void parse_values(const ColumnPlan& plan, std::size_t column, const CellRules& rules, RowSet& rows,
                  typename Cells::Value* to, ValidityBits& valid) {
  const Index& index = rows.index();
  const std::uint32_t* const firsts = rows.firsts();
  const bool quoting = rules.quoting;
  const char quote = rules.quote;
  Cells cells;
  std::string scratch;
  valid.fill([&](std::size_t i) {
    Span text = cell_at<kLast>(index, firsts[i], plan.cell);
    typename Cells::Value value{};
    bool null = false;
    ParseOutcome outcome = ParseOutcome::kOk;
    if (quoting && text.size > 0 && *text.data == quote) [[unlikely]] {
      outcome =
          cells.parse(value_of({text.data, static_cast<std::uint32_t>(text.size), true}, rules, scratch).text, value);
    } else {
      if constexpr (kPlain) {
        null = text.size == 0;
      } else {
        if (rules.trim) text = trimmed(text);
        null = rules.is_null({text.data, text.size});
      }
      if (!null) outcome = cells.parse_in_block({text.data, text.size}, value);
    }
    if (outcome != ParseOutcome::kOk) [[unlikely]] {
      value = {};
      rows.mark_bad(i, column);
    }
    to[i] = value;
    return !null;
  });
}

template <class Cells>
Column parse_column(const ColumnPlan& plan, std::size_t column, const CellRules& rules, RowSet& rows,
                    BufferPool& pool) {
  using Value = typename Cells::Value;
  ValidityBits valid(rows.size(), pool);
  Buffer values = allocate_sized(pool, rows.size() * sizeof(Value));
  auto* const to = reinterpret_cast<Value*>(values.mutable_data());
  const auto parse = plan.last ? (rules.plain() ? parse_values<Cells, true, true> : parse_values<Cells, true, false>)
                               : (rules.plain() ? parse_values<Cells, false, true> : parse_values<Cells, false, false>);
  parse(plan, column, rules, rows, to, valid);
  if constexpr (std::is_same_v<Cells, BoolCells>) {
    // One byte per value becomes one bit, in place: the bits of eight values are written behind the last of these.
    for (std::size_t i = 0; i < rows.size(); i += 8) {
      unsigned bits = 0;
      for (std::size_t j = i; j < std::min(i + 8, rows.size()); ++j) bits |= static_cast<unsigned>(to[j]) << (j - i);
      to[i / 8] = static_cast<std::uint8_t>(bits);
    }
    values.set_size((rows.size() + 7) / 8);
  }
  const std::size_t nulls = valid.null_count();
  return {plan.field.type, rows.size(), nulls, nulls == 0 ? Buffer() : valid.take(), std::move(values)};
}

#if defined(__SSE2__)
// Copies 32 bytes and says whether `byte` is among the first `size` of them.
inline bool copy_short(char* to, const char* from, std::size_t size, char byte) noexcept {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), high);
  const __m128i wanted = _mm_set1_epi8(byte);
  const auto found = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(low, wanted))) |
                     static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(high, wanted))) << 16;
  return (found & ((std::uint64_t{1} << size) - 1)) != 0;
}
#else
inline bool copy_short(char* to, const char* from, std::size_t size, char byte) noexcept {
  if (size > 0) std::memcpy(to, from, size);
  return size > 0 && std::memchr(from, byte, size) != nullptr;
}
#endif

// Copies the cells of rules that are plain. Most are short and without a quote inside: these take no branch on their
// length or on whether they are quoted, both of which no branch predictor can guess in real data.
template <bool kLast>
void copy_texts(const ColumnPlan& plan, const CellRules& rules, const RowSet& rows, std::int32_t* offsets, char* to,
                ValidityBits& valid) {
  const Index& index = rows.index();
  const std::uint32_t* const firsts = rows.firsts();
  const bool quoting = rules.quoting;
  const char quote = rules.quote;
  std::size_t at = 0;
  offsets[0] = 0;
  valid.fill([&](std::size_t i) {
    const Span raw = cell_at<kLast>(index, firsts[i], plan.cell);
    const bool quoted = quoting & (raw.size > 0) & (*raw.data == quote);
    const char* const text = raw.data + quoted;
    std::size_t size = raw.size - 2 * std::size_t{quoted};
    if (size > kShortText) [[unlikely]] {
      if (quoted) {
        size = unquote({raw.data, raw.size}, quote, to + at);
      } else {
        std::memcpy(to + at, text, size);
      }
    } else if (copy_short(to + at, text, size, quote) && quoted) [[unlikely]] {
      size = unquote({raw.data, raw.size}, quote, to + at);
    }
    at += size;
    offsets[i + 1] = static_cast<std::int32_t>(at);
    return raw.size > 0;
  });
}

template <bool kLast>
void convert_texts(const ColumnPlan& plan, const CellRules& rules, const RowSet& rows, std::int32_t* offsets, char* to,
                   ValidityBits& valid) {
  const Index& index = rows.index();
  std::size_t at = 0;
  offsets[0] = 0;
  valid.fill([&](std::size_t i) {
    Span text = cell_at<kLast>(index, rows.firsts()[i], plan.cell);
    bool null = false;
    if (rules.quoting && text.size > 0 && *text.data == rules.quote) {
      at += unquote({text.data, text.size}, rules.quote, to + at);
    } else {
      if (rules.trim) text = trimmed(text);
      null = rules.is_null({text.data, text.size});
      if (!null && text.size > 0) {
        std::memcpy(to + at, text.data, text.size);
        at += text.size;
      }
    }
    offsets[i + 1] = static_cast<std::int32_t>(at);
    return !null;
  });
}

}  // namespace

void RowSet::start(const Index& index, std::size_t rows) {
  index_ = &index;
  size_ = 0;
  num_bad_ = 0;
  kept_.clear();
  if (first_.size() < rows) first_.resize(rows);
}

void RowSet::seal() { bad_.assign(size_, 0); }

void RowSet::drop_bad() {
  kept_.clear();
  for (std::size_t i = 0; i < size_; ++i) {
    if (bad_[i] != 0) continue;
    first_[kept_.size()] = first_[i];
    kept_.push_back(static_cast<std::uint32_t>(i));
  }
  size_ = kept_.size();
  num_bad_ = 0;
  bad_.assign(size_, 0);
}

CellRules::CellRules(const Dialect& dialect) : quoting(dialect.quoting), quote(dialect.quote), trim(dialect.trim) {
  empty_is_null = std::find(dialect.null_texts.begin(), dialect.null_texts.end(), "") != dialect.null_texts.end();
  for (const std::string& text : dialect.null_texts) {
    if (!text.empty()) other_nulls.push_back(text);
  }
}

bool CellRules::is_null(std::string_view text) const noexcept {
  if (text.empty()) return empty_is_null;
  return std::find(other_nulls.begin(), other_nulls.end(), text) != other_nulls.end();
}

CellValue value_of(const Cell& cell, const CellRules& rules, std::string& scratch) {
  if (cell.quoted) {
    const std::string_view inside = cell.raw().substr(1, cell.size - 2);
    if (inside.find(rules.quote) == std::string_view::npos) return {inside, false};
    scratch.resize(cell.size);
    scratch.resize(unquote(cell.raw(), rules.quote, scratch.data()));
    return {scratch, false};
  }
  Span text{cell.data, cell.size};
  if (rules.trim) text = trimmed(text);
  const std::string_view value(text.data, text.size);
  return {value, rules.is_null(value)};
}

ParseOutcome try_parse(Type type, std::string_view text) noexcept {
  std::int64_t integer = 0;
  double number = 0;
  bool truth = false;
  switch (type) {
    case Type::kInt64: return parse_int64(text, integer);
    case Type::kFloat64: return parse_float64(text, number);
    case Type::kBool: return parse_bool(text, truth);
    case Type::kTimestamp: return parse_timestamp(text, integer);
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  return ParseOutcome::kOk;
}

Column parse_fixed(const ColumnPlan& plan, std::size_t column, const CellRules& rules, RowSet& rows, BufferPool& pool) {
  switch (plan.field.type) {
    case Type::kInt64: return parse_column<Int64Cells>(plan, column, rules, rows, pool);
    case Type::kFloat64: return parse_column<Float64Cells>(plan, column, rules, rows, pool);
    case Type::kTimestamp: return parse_column<TimestampCells>(plan, column, rules, rows, pool);
    case Type::kBool: return parse_column<BoolCells>(plan, column, rules, rows, pool);
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
  contract_broken("csv::parse_fixed is not for utf8");
}

Column parse_text(const ColumnPlan& plan, const CellRules& rules, const RowSet& rows, BufferPool& pool) {
  const std::size_t count = rows.size();
  const std::uint32_t* const ends = rows.index().ends + plan.cell;
  std::size_t most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t* const end = ends + rows.firsts()[i];
    most += *end - end[-1] - 1;
  }
  ValidityBits valid(count, pool);
  Buffer offsets = allocate_sized(pool, (count + 1) * sizeof(std::int32_t));
  Buffer bytes = allocate_sized(pool, most, kShortText);
  auto* const starts = reinterpret_cast<std::int32_t*>(offsets.mutable_data());
  char* const to = reinterpret_cast<char*>(bytes.mutable_data());
  const auto convert = rules.plain() ? (plan.last ? copy_texts<true> : copy_texts<false>)
                                     : (plan.last ? convert_texts<true> : convert_texts<false>);
  convert(plan, rules, rows, starts, to, valid);
  bytes.set_size(static_cast<std::size_t>(starts[count]));
  const std::size_t nulls = valid.null_count();
  return {Type::kUtf8, count, nulls, nulls == 0 ? Buffer() : valid.take(), std::move(offsets), std::move(bytes)};
}

void check_utf8(const ColumnPlan& plan, std::size_t column, RowSet& rows) {
  // Quotes and spaces are ASCII, so the raw cell is valid exactly when its value is.
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Span cell = cell_at<false>(rows.index(), rows.firsts()[i], plan.cell);
    if (!simdjson::validate_utf8(cell.data, cell.size)) rows.mark_bad(i, column);
  }
}

}  // namespace penstock::csv
