// SPDX-License-Identifier: MIT
// Logarithm, exponential and normal quantile with the same bits on every machine: from IEEE's basic operations and
// square root only, because the C library's functions differ in their last bit.
#pragma once

namespace penstock::portable {

/// The natural logarithm of a positive finite number, within 2 units in the last place, with the same bits everywhere.
double log(double x) noexcept;
/// e^x within 2 units in the last place where that is a normal number, with the same bits everywhere; 0 and infinity
/// beyond.
double exp(double x) noexcept;
/// The number that a standard normal variable stays below with probability `p`. Requires 0 < p < 1.
double normal_quantile(double p) noexcept;

}  // namespace penstock::portable
