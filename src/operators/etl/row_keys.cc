// SPDX-License-Identifier: MIT
#include "operators/etl/row_keys.h"

#include <algorithm>
#include <cstring>

#include "operators/etl/key_word.h"

namespace penstock {
namespace {

constexpr char kNullFirst = 0;
constexpr char kValue = 1;
constexpr char kNullLast = 2;
constexpr char kEndOfText = 1;        // after a 0
constexpr char kZeroInText = '\xFF';  // after a 0
constexpr std::size_t kWordBytes = 1 + 8;
constexpr std::size_t kTextBytes = 1 + 2;  // beside those of the text

// Room that the column's part of all keys takes at most.
std::size_t most_bytes(const Column& column) {
  if (column.type() != Type::kUtf8) return column.size() * kWordBytes;
  if (column.size() == 0) return 0;
  const std::int32_t* const offsets = column.offsets();
  const auto bytes = static_cast<std::size_t>(offsets[column.size()] - offsets[0]);
  const bool escapes = bytes > 0 && std::memchr(column.bytes() + offsets[0], 0, bytes) != nullptr;
  return column.size() * kTextBytes + (escapes ? 2 * bytes : bytes);
}

std::uint64_t word_of(const Column& column, std::size_t row) {
  switch (column.type()) {
    case Type::kFloat64: return key_word(column.float64s()[row]);
    case Type::kBool: return std::uint64_t{get_bit(column.bits(), row)};
    default: return key_word(column.int64s()[row]);
  }
}

char* put_word(char* to, std::uint64_t word) {
  word = __builtin_bswap64(word);
  std::memcpy(to, &word, sizeof word);
  return to + sizeof word;
}

char* put_text(char* to, std::string_view text) {
  while (!text.empty()) {
    const void* const zero = std::memchr(text.data(), 0, text.size());
    const std::size_t plain =
        zero == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(zero) - text.data());
    std::memcpy(to, text.data(), plain);
    to += plain;
    if (zero == nullptr) break;
    *to++ = 0;
    *to++ = kZeroInText;
    text.remove_prefix(plain + 1);
  }
  *to++ = 0;
  *to++ = kEndOfText;
  return to;
}

char* put_value(char* to, const KeyColumn& key, const Column& column, std::size_t row) {
  if (column.is_null(row)) {
    *to++ = key.nulls_last ? kNullLast : kNullFirst;
    return to;
  }
  *to++ = kValue;
  char* const begin = to;
  to = key.type == Type::kUtf8 ? put_text(to, column.text(row)) : put_word(to, word_of(column, row));
  if (key.descending) std::transform(begin, to, begin, [](char c) { return static_cast<char>(~c); });
  return to;
}

std::uint64_t take_word(std::string_view& key) {
  std::uint64_t word = 0;
  std::memcpy(&word, key.data(), sizeof word);
  key.remove_prefix(sizeof word);
  return __builtin_bswap64(word);
}

void take_text(std::string_view& key, ColumnBuilder& builder) {
  char* const begin = builder.begin_text(key.size());
  char* to = begin;
  while (key[0] != 0 || key[1] == kZeroInText) {
    *to++ = key[0];
    key.remove_prefix(key[0] == 0 ? 2 : 1);
  }
  key.remove_prefix(2);
  builder.end_text(static_cast<std::size_t>(to - begin));
}

}  // namespace

void RowKeys::encode(const RecordBatch& batch) {
  std::size_t most = 0;
  for (const KeyColumn& key : columns_) most += most_bytes(batch.column(key.index));
  if (bytes_.size() < most) bytes_.resize(most);
  ends_.resize(batch.num_rows() + 1);
  ends_[0] = 0;
  char* to = bytes_.data();
  for (std::size_t row = 0; row < batch.num_rows(); ++row) {
    for (const KeyColumn& key : columns_) to = put_value(to, key, batch.column(key.index), row);
    ends_[row + 1] = static_cast<std::size_t>(to - bytes_.data());
  }
}

void RowKeys::decode(std::string_view key, std::span<ColumnBuilder> builders) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const char mark = key.front();
    key.remove_prefix(1);
    if (mark != kValue) {
      builders[i].append_null();
    } else if (columns_[i].type == Type::kUtf8) {
      take_text(key, builders[i]);
    } else {
      append_key_word(builders[i], take_word(key));
    }
  }
}

}  // namespace penstock
