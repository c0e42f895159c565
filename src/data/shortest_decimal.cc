// SPDX-License-Identifier: MIT
#include "data/shortest_decimal.h"

#include <array>
#include <bit>

namespace penstock {
namespace {

// 5^n with the highest bit at the top: 10^n but for its power of two.
constexpr auto kPowersOfFive = [] {
  std::array<std::uint64_t, 28> powers{};
  std::uint64_t power = 1;
  for (auto& slot : powers) {
    slot = power << std::countl_zero(power);
    power *= 5;
  }
  return powers;
}();

/// The upper half of the product, with the lowest bit set when the lower half is not zero ("round to odd").
std::uint64_t scale(std::uint64_t power, std::uint64_t number) noexcept {
  const unsigned __int128 product = static_cast<unsigned __int128>(power) * number;
  return static_cast<std::uint64_t>(product >> 64) | (static_cast<std::uint64_t>(product) != 0 ? 1 : 0);
}

}  // namespace

ShortDecimal shortest_decimal(double value) noexcept {
  constexpr std::uint64_t kImplicitOne = std::uint64_t{1} << 52;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t fraction = bits & (kImplicitOne - 1);
  const std::uint64_t c = fraction | kImplicitOne;
  const int q = static_cast<int>(bits >> 52) - 1075;  // value = c · 2^q
  const std::uint64_t odd = c & 1;                    // then a border of the interval does not round to the value
  const bool uneven = fraction == 0;                  // the lower border is nearer at a power of two
  const int k = (q * 1'262'611 - (uneven ? 524'031 : 0)) >> 22;  // the interval is about 10^k wide
  const int h = q + (-k * 1'741'647 >> 19) + 1;
  const std::uint64_t power = kPowersOfFive[static_cast<std::size_t>(-k)];
  const std::uint64_t lower = scale(power, (4 * c - 2 + (uneven ? 1 : 0)) << h) + odd;
  const std::uint64_t middle = scale(power, 4 * c << h);  // 4 · value / 10^k
  const std::uint64_t upper = scale(power, (4 * c + 2) << h) - odd;
  const std::uint64_t s = middle / 4;
  const std::uint64_t tens = s / 10;  // a multiple of 10^(k + 1) in the interval is shorter
  const bool tens_in = lower <= 40 * tens;
  const bool next_tens_in = 40 * tens + 40 <= upper;
  if (tens_in != next_tens_in) return {tens + (next_tens_in ? 1 : 0), k + 1};
  const bool s_in = lower <= 4 * s;
  const bool next_in = 4 * s + 4 <= upper;
  if (s_in != next_in) return {s + (next_in ? 1 : 0), k};
  const std::uint64_t half = 4 * s + 2;
  const bool up = middle > half || (middle == half && (s & 1) != 0);
  return {s + (up ? 1 : 0), k};
}

}  // namespace penstock
