// SPDX-License-Identifier: MIT
// Values of eight bytes as unsigned words whose order is the order of the values.
#pragma once

#include <penstock/batch.h>

#include <bit>
#include <cstdint>
#include <limits>

namespace penstock {

inline constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

inline std::uint64_t key_word(std::int64_t value) noexcept { return static_cast<std::uint64_t>(value) ^ kSignBit; }

/// The order of doubles as keys: -inf < … < 0 = -0 < … < inf < NaN; all NaN are one key.
inline std::uint64_t key_word(double value) noexcept {
  if (value == 0) value = 0;  // -0
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

inline std::int64_t int64_of_key_word(std::uint64_t word) noexcept {
  return static_cast<std::int64_t>(word ^ kSignBit);
}

inline double float64_of_key_word(std::uint64_t word) noexcept {
  return std::bit_cast<double>((word & kSignBit) != 0 ? word ^ kSignBit : ~word);
}

/// Calls `use(row, word)` for each row, also for nulls, whose word means nothing. Not for utf8.
template <class Use>
void for_each_key_word(const Column& column, Use use) {
  const std::size_t rows = column.size();
  switch (column.type()) {
    case Type::kInt64:
    case Type::kTimestamp: {
      const std::int64_t* const values = column.int64s().data();
      for (std::size_t row = 0; row < rows; ++row) use(row, key_word(values[row]));
      break;
    }
    case Type::kFloat64: {
      const double* const values = column.float64s().data();
      for (std::size_t row = 0; row < rows; ++row) use(row, key_word(values[row]));
      break;
    }
    case Type::kBool:
      for (std::size_t row = 0; row < rows; ++row) use(row, std::uint64_t{get_bit(column.bits(), row)});
      break;
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: break;
  }
}

/// Appends the value of `word` to a column of any type but utf8.
inline void append_key_word(ColumnBuilder& column, std::uint64_t word) {
  switch (column.type()) {
    case Type::kInt64:
    case Type::kTimestamp: return column.append_int64(int64_of_key_word(word));
    case Type::kFloat64: return column.append_float64(float64_of_key_word(word));
    case Type::kBool: return column.append_bool(word != 0);
    case Type::kUtf8:
    case Type::kImage:
    case Type::kTensor: return;
  }
}

}  // namespace penstock
