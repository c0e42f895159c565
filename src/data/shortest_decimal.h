// SPDX-License-Identifier: MIT
// The shortest decimal that rounds to a double.
#pragma once

#include <cstdint>

namespace penstock {

/// digits · 10^exponent
struct ShortDecimal {
  std::uint64_t digits = 0;
  int exponent = 0;
};

/// Returns the decimal of fewest digits that reads back as `value`; among several the nearest to it. It may end with
/// zeros. Requires a value from 1e-6 to below 1e15, where the powers of ten that this takes are exact in 64 bits.
///
/// Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020), in the form of A. Bolz's Drachennest.
ShortDecimal shortest_decimal(double value) noexcept;

}  // namespace penstock
