// SPDX-License-Identifier: MIT
// Decimal digits eight at a time (SIMD within a register). Little-endian machines; the first digit is the lowest byte.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace penstock::digits {

static_assert(std::endian::native == std::endian::little, "penstock: digits.h reads words with the first byte lowest");

inline constexpr std::uint64_t kZeros = 0x3030303030303030;

/// Returns the bytes at `at` as one integer.
template <class Word>
inline Word load(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Returns up to eight bytes right-aligned, with '0' in front; reads nothing outside [at, at + size). `size` in [0, 8].
inline std::uint64_t load_right_aligned(const char* at, std::size_t size) noexcept {
  if (size >= 8) return load<std::uint64_t>(at);
  if (size == 0) return kZeros;
  const std::uint64_t zeros = kZeros >> (8 * size);
  const std::size_t gap = 8 * (8 - size);
  if (size >= 4) {  // two words that overlap: both hold the same bytes where they do
    const std::uint64_t front = load<std::uint32_t>(at);
    const std::uint64_t back = load<std::uint32_t>(at + size - 4);
    return zeros | front << gap | back << 32;
  }
  const std::uint64_t front = static_cast<unsigned char>(at[0]);
  const std::uint64_t middle = static_cast<unsigned char>(at[size / 2]);
  const std::uint64_t back = static_cast<unsigned char>(at[size - 1]);
  return zeros | front << gap | middle << (gap + 8 * (size / 2)) | back << 56;
}

/// As `load_right_aligned`, without a branch on the size: reads the eight bytes before at + size. `size` in [1, 8].
inline std::uint64_t load_right_aligned_padded(const char* at, std::size_t size) noexcept {
  const std::uint64_t word = load<std::uint64_t>(at + size - 8);
  const std::size_t gap = 8 * (8 - size);
  return word >> gap << gap | (kZeros & ((std::uint64_t{1} << gap) - 1));
}

/// True when all eight bytes are '0' to '9'.
inline bool all_digits(std::uint64_t word) noexcept {
  const std::uint64_t above = word + 0x4646464646464646;  // sets the top bit from ':' on
  const std::uint64_t below = word - kZeros;              // borrows below '0'
  return ((above | below) & 0x8080808080808080) == 0;
}

/// Returns the number that eight digits spell. Requires `all_digits(word)`.
inline std::uint64_t to_number(std::uint64_t word) noexcept {
  word -= kZeros;
  word = word * 10 + (word >> 8);
  return (((word & 0x000000FF000000FF) * 0x000F424000000064 +
           ((word >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >>
         32;
}

/// Where the first '.' is, as a byte index, or 8. Exact for the lowest match, which is the one used.
inline int find_point(std::uint64_t word) noexcept {
  const std::uint64_t other = word ^ 0x2E2E2E2E2E2E2E2E;
  const std::uint64_t found = (other - 0x0101010101010101) & ~other & 0x8080808080808080;
  return found == 0 ? 8 : std::countr_zero(found) >> 3;
}

/// Moves the bytes before the point up by one, over it; `carry` (in the lowest byte) enters below. `point` in [0, 7].
inline std::uint64_t close_gap(std::uint64_t word, int point, std::uint64_t carry) noexcept {
  const std::uint64_t before = (std::uint64_t{1} << (8 * point)) - 1;
  const std::uint64_t after = ~((before << 8) | 0xFF);
  return (word & after) | (word & before) << 8 | carry;
}

/// Powers of ten that doubles hold exactly.
inline constexpr std::array<double, 17> kPowers = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                                   1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

/// Text of 00 to 99, two bytes each.
inline constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (int i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// Writes a number below 100 as two digits.
inline void write_pair(char* out, std::uint32_t number) noexcept { std::memcpy(out, &kPairs[2 * number], 2); }

/// Returns the eight digits of a number below 100,000,000 as values 0 to 9, the first in the lowest byte. Three steps
/// halve the groups of digits side by side in one word (P. Khuong, "How to print integers really fast", 2017).
constexpr std::uint64_t digits_of(std::uint32_t number) noexcept {
  const std::uint64_t fours = number / 10'000 | std::uint64_t{number % 10'000} << 32;
  const std::uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000'007F'0000'007F;  // fours / 100
  const std::uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = (pairs * 103 >> 10) & 0x000F'000F'000F'000F;  // pairs / 10
  return tens | (pairs - 10 * tens) << 8;
}

/// Writes a number below 100,000,000 as eight digits.
inline void write_eight(char* out, std::uint32_t number) noexcept {
  const std::uint64_t text = digits_of(number) | kZeros;
  std::memcpy(out, &text, sizeof text);
}

/// Writes a number below 100,000,000 without leading zeros and returns one past the last digit. Overwrites eight bytes
/// whatever the length, so that it needs no branch on that.
inline char* write_up_to_eight(char* out, std::uint32_t number) noexcept {
  constexpr std::uint64_t kLastDigit = std::uint64_t{1} << 56;  // is kept, also when it is zero
  const std::uint64_t digits = digits_of(number);
  const int zeros = std::countr_zero(digits | kLastDigit) / 8;
  const std::uint64_t text = (digits | kZeros) >> (8 * zeros);
  std::memcpy(out, &text, sizeof text);
  return out + (8 - zeros);
}

/// Writes `number` without leading zeros and returns one past the last digit. Overwrites up to seven bytes behind that,
/// 20 bytes at most.
inline char* write_number(char* out, std::uint64_t number) noexcept {
  constexpr std::uint64_t kEight = 100'000'000;
  if (number < kEight) return write_up_to_eight(out, static_cast<std::uint32_t>(number));
  const auto back = static_cast<std::uint32_t>(number % kEight);
  const std::uint64_t front = number / kEight;
  if (front < kEight) {
    out = write_up_to_eight(out, static_cast<std::uint32_t>(front));
  } else {
    out = write_up_to_eight(out, static_cast<std::uint32_t>(front / kEight));
    write_eight(out, static_cast<std::uint32_t>(front % kEight));
    out += 8;
  }
  write_eight(out, back);
  return out + 8;
}

}  // namespace penstock::digits
