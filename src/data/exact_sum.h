// SPDX-License-Identifier: MIT
// Sums whose result does not depend on the order of the values or on how they were split: every addition is exact, and
// the result is rounded once, at the end.
#pragma once

#include <penstock/result.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "data/limb_window.h"

namespace penstock {

/// The exact sum of doubles.
///
/// A small superaccumulator (R. M. Neal, "Fast exact summation using small and large superaccumulators", 2015; after
/// U. Kulisch's long accumulator): integer limbs 32 bits apart, to which the two parts of a mantissa are added. Six
/// limbs inside the object cover values from about 2^-64 to 2^64 times the first one; wider data take 544 bytes more.
///
/// Rules, whatever the order: a NaN, or infinities of both signs, make the result NaN (the positive quiet one);
/// infinities of one sign make it that infinity. Else the result is the true sum rounded to nearest, ties to even;
/// infinite only when the true sum is too large, never because a part of it was. A zero sum is +0.0, that of nothing
/// and of negative zeros too.
///
/// Holds up to 2^63 values. Thread-compatible. One cache line, aligned: over a million groups that is half the time per
/// value (benchmarks/numeric).
class alignas(64) ExactSum {
 public:
  void add(double value) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    const unsigned exponent = static_cast<unsigned>(bits >> 52) & 0x7FF;
    if (exponent - 1 >= 0x7FE) [[unlikely]] {
      add_unusual(value);
      return;
    }
    add_parts(bits, exponent, (bits & kFraction) | kImplicitOne);
  }
  void add(const double* values, std::size_t count);
  /// Adds values[i] to sums[groups[i]]; faster than one by one when the sums are too many for the caches.
  static void add_scattered(ExactSum* sums, const std::uint32_t* groups, const double* values, std::size_t count);
  /// Adds another sum: the same bits as if its values had been added here.
  void merge(const ExactSum& other);

  double to_double() const;
  bool operator==(const ExactSum& other) const;  ///< Same sum, exactly; what is NaN counts as the same.

  /// Appends the sum as bytes, at most 276; sums that are equal give equal bytes on every machine.
  void append_bytes(std::string& out) const;
  /// Reads what `append_bytes` wrote from the front of `bytes` and drops it there. kDataLoss when it is something else.
  static Result<ExactSum> take_bytes(std::string_view& bytes);

  std::size_t heap_bytes() const noexcept { return limbs_.heap_bytes(); }

 private:
  friend class ExactMoments;
  using Limbs = LimbWindow<6, 68>;
  static constexpr int kUnitExponent = -1076;  // bit 0 of limb 0
  static constexpr std::uint64_t kImplicitOne = std::uint64_t{1} << 52;
  static constexpr std::uint64_t kFraction = kImplicitOne - 1;

  /// What the sum is; anything but kFinite forgets the limbs.
  enum class Kind : std::uint8_t {
    kFinite = 0,
    kInfinite = 1,
    kMinusInfinite = 2,
    kNan = 3
  };  // a union is a bitwise or

  /// mantissa · 2^(exponent - 1075), with the sign in the top bit of `bits`.
  void add_parts(std::uint64_t bits, unsigned exponent, std::uint64_t mantissa) {
    const int place = static_cast<int>(exponent) + 1;
    const int shift = place & 31;
    std::int64_t* limb = limbs_.open<2>(place >> 5);
    const std::int64_t sign = static_cast<std::int64_t>(bits) >> 63;
    const std::int64_t low = static_cast<std::int64_t>(mantissa << shift & 0xFFFF'FFFF);
    const std::int64_t high = static_cast<std::int64_t>(mantissa >> (32 - shift));
    limb[0] += (low ^ sign) - sign;
    limb[1] += (high ^ sign) - sign;
  }
  void add_unusual(double value);
  ScaledInteger value() const { return kind_ == Kind::kFinite ? limbs_.value() : ScaledInteger{}; }

  [[no_unique_address]] Limbs limbs_;
  Kind kind_ = Kind::kFinite;
};
static_assert(sizeof(ExactSum) <= 64);

/// The exact sum of up to 2^63 integers. Never overflows inside; only the result may not fit. Thread-compatible.
class ExactIntegerSum {
 public:
  void add(std::int64_t value) noexcept { total_ += value; }
  void add(const std::int64_t* values, std::size_t count) noexcept;
  void merge(const ExactIntegerSum& other) noexcept { total_ += other.total_; }

  bool fits_int64() const noexcept;
  /// Returns the sum, or kInvalidArgument when it does not fit (the message names the sum as a float).
  Result<std::int64_t> to_int64() const;
  /// Returns the sum as the nearest double, ties to even.
  double to_double() const noexcept;

  /// Appends 16 bytes, lowest first, two's complement.
  void append_bytes(std::string& out) const;
  static Result<ExactIntegerSum> take_bytes(std::string_view& bytes);

 private:
  __int128 total_ = 0;
};

}  // namespace penstock
