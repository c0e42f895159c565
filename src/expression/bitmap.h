// SPDX-License-Identifier: MIT
// Loops over bitmaps, eight rows or more at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace penstock::expression {

constexpr std::size_t bitmap_bytes(std::size_t bits) noexcept { return (bits + 7) / 8; }

/// Counts the ones among the first `bits` bits; what follows in the last byte is not looked at.
inline std::size_t count_ones(const std::uint8_t* bitmap, std::size_t bits) noexcept {
  std::size_t ones = 0;
  std::size_t at = 0;
  for (; at + 8 <= bits / 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bitmap + at, 8);
    ones += static_cast<std::size_t>(std::popcount(word));
  }
  for (; at < bits / 8; ++at) ones += static_cast<std::size_t>(std::popcount(bitmap[at]));
  const auto mask = static_cast<std::uint8_t>((1U << (bits & 7)) - 1);
  return mask == 0 ? ones
                   : ones + static_cast<std::size_t>(std::popcount(static_cast<std::uint8_t>(bitmap[at] & mask)));
}

/// Writes `flag(row)` for rows 0 to `rows - 1` as bits. Flags are computed in blocks of 64 bytes, which the compiler
/// vectorises, and eight of them are packed into a byte by one multiplication.
template <class Flag>
void pack_bits(std::uint8_t* bitmap, std::size_t rows, Flag flag) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t kGather = 0x0102040810204080;  // moves bit 0 of byte j to bit 56 + j
  std::uint8_t flags[64];
  std::size_t row = 0;
  for (; row + 64 <= rows; row += 64) {
    for (std::size_t j = 0; j < 64; ++j) flags[j] = static_cast<std::uint8_t>(flag(row + j) ? 1 : 0);
    for (std::size_t k = 0; k < 8; ++k) {
      std::uint64_t word;
      std::memcpy(&word, flags + 8 * k, 8);
      bitmap[row / 8 + k] = static_cast<std::uint8_t>((word * kGather) >> 56);
    }
  }
  for (; row < rows; row += 8) {
    unsigned byte = 0;
    for (std::size_t j = 0; j < 8 && row + j < rows; ++j) byte |= (flag(row + j) ? 1U : 0U) << j;
    bitmap[row / 8] = static_cast<std::uint8_t>(byte);
  }
}

/// Calls `visit(row)` for every zero among the first `rows` bits, ascending.
template <class Visit>
void for_each_zero(const std::uint8_t* bitmap, std::size_t rows, Visit visit) {
  for (std::size_t byte = 0; byte < bitmap_bytes(rows); ++byte) {
    for (auto zeros = static_cast<std::uint8_t>(~bitmap[byte]); zeros != 0;
         zeros &= static_cast<std::uint8_t>(zeros - 1)) {
      const std::size_t row = byte * 8 + static_cast<std::size_t>(std::countr_zero(zeros));
      if (row < rows) visit(row);
    }
  }
}

}  // namespace penstock::expression
