// SPDX-License-Identifier: MIT
// Natural numbers of any length, for the last step of exact arithmetic: products, differences, quotients, rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock {

/// A natural number: limbs of 32 bits, lowest first. Trimmed when the last limb is not zero; zero has no limbs.
using Natural = std::vector<std::uint32_t>;

/// A number ±magnitude · 2^(32 · first) in some unit. Canonical: the outer limbs of `magnitude` are not zero; zero is
/// {}.
struct ScaledInteger {
  Natural magnitude;
  int first = 0;
  bool negative = false;

  bool operator==(const ScaledInteger&) const = default;
};

namespace natural {

/// Removes zero limbs at the top.
void trim(Natural& a);

/// Returns -1, 0 or 1 as a <=> b. Both trimmed.
int compare(const Natural& a, const Natural& b);

/// Returns a · b, trimmed. Schoolbook: cost is the product of the lengths.
Natural multiply(const Natural& a, const Natural& b);

/// Multiplies by one word, in place.
void multiply(Natural& a, std::uint64_t factor);

/// Replaces a by a - b. Requires a >= b; both trimmed.
void subtract(Natural& a, const Natural& b);

/// Divides by one word in place, rounding down; returns true when something was left over. Requires `divisor` > 0.
bool divide(Natural& a, std::uint64_t divisor);

/// Multiplies by 2^(32 · count).
void shift_up(Natural& a, std::size_t count);

/// Returns how many bits `a` has; 0 for zero. Requires it trimmed.
int bit_length(const Natural& a);

/// Returns a · 2^exponent as the nearest double, ties to even; infinity when too large. Requires `a` trimmed.
/// `sticky` says that the true number is larger than that by less than one unit of `a`.
double to_double(const Natural& a, int exponent, bool sticky = false);

}  // namespace natural
}  // namespace penstock
