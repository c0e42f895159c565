// SPDX-License-Identifier: MIT
// Mean, variance and standard deviation whose bits do not depend on the order of the values or on how they were split.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "data/exact_sum.h"

namespace penstock {

/// Count, exact sum and exact sum of squares of doubles; what is derived from them is computed with integers of any
/// length and rounded once, so that cancellation (n Σx² − (Σx)² of values far from zero) loses nothing.
///
/// A square is the integer square of the mantissa: nothing is lost to overflow or underflow either. The first value
/// places the inline limbs; those of the squares cover values from about 2^-48 to 2^48 times the first; wider data take
/// up to 1.6 KiB more. NaN and infinities are as in ExactSum; they make variance and deviation NaN.
///
/// Thread-compatible. 192 bytes.
class ExactMoments {
 public:
  void add(double value) {
    ++count_;
    sum_.add(value);
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    const unsigned exponent = static_cast<unsigned>(bits >> 52) & 0x7FF;
    if (exponent == 0x7FF) [[unlikely]] {
      return;
    }
    const std::uint64_t fraction = bits & ExactSum::kFraction;
    if (exponent != 0) {
      add_square(exponent, fraction | ExactSum::kImplicitOne);
    } else if (fraction != 0) {
      add_square(1, fraction);
    }
  }
  void add(const double* values, std::size_t count);
  /// Adds another one: the same bits as if its values had been added here.
  void merge(const ExactMoments& other);

  std::uint64_t count() const noexcept { return count_; }
  /// The sum, correctly rounded.
  double sum() const { return sum_.to_double(); }
  /// The true mean, correctly rounded; NaN of nothing.
  double mean() const;
  /// Σ(x − mean)² / (count − lost), correctly rounded. `lost` degrees of freedom: 1 for a sample, 0 for a population.
  /// NaN unless count > lost.
  double variance(unsigned lost = 1) const;
  /// The square root of the variance; right to one unit in the last place, also where the variance is too large for a
  /// double.
  double deviation(unsigned lost = 1) const;

  bool operator==(const ExactMoments& other) const;  ///< Same count and same exact sums.

  /// Appends everything as bytes; equal moments give equal bytes on every machine.
  void append_bytes(std::string& out) const;
  /// Reads what `append_bytes` wrote from the front of `bytes` and drops it there. kDataLoss when it is something else.
  static Result<ExactMoments> take_bytes(std::string_view& bytes);

  std::size_t heap_bytes() const noexcept { return sum_.heap_bytes() + squares_.heap_bytes(); }

 private:
  using Squares = LimbWindow<10, 134>;
  static constexpr int kUnitExponent = 2 * ExactSum::kUnitExponent;

  /// mantissa² · 2^(2 (exponent - 1075)): 106 bits over four limbs.
  void add_square(unsigned exponent, std::uint64_t mantissa) {
    const int place = 2 * (static_cast<int>(exponent) + 1);
    const int shift = place & 31;
    std::int64_t* limb = squares_.open<4>(place >> 5);
    const unsigned __int128 square = static_cast<unsigned __int128>(mantissa) * mantissa;
    limb[0] += static_cast<std::uint32_t>(square << shift);
    limb[1] += static_cast<std::uint32_t>(square >> (32 - shift));
    limb[2] += static_cast<std::uint32_t>(square >> (64 - shift));
    limb[3] += static_cast<std::int64_t>(square >> (96 - shift));
  }

  ScaledInteger squares() const;
  struct Scaled;
  Scaled scaled_variance(unsigned lost) const;

  ExactSum sum_;
  Squares squares_;
  std::uint64_t count_ = 0;
};
static_assert(sizeof(ExactMoments) <= 192);

}  // namespace penstock
