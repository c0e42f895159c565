// SPDX-License-Identifier: MIT
#include "data/exact_moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/sum_bytes.h"

namespace penstock {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

/// magnitude · 2^exponent, and perhaps a little more.
struct ExactMoments::Scaled {
  Natural magnitude;
  int exponent = 0;
  bool sticky = false;
};

void ExactMoments::add(const double* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) add(values[i]);
}

void ExactMoments::merge(const ExactMoments& other) {
  sum_.merge(other.sum_);
  squares_.add(other.squares_);
  count_ += other.count_;
}

double ExactMoments::mean() const {
  if (count_ == 0) return kNan;
  if (sum_.kind_ != ExactSum::Kind::kFinite) return sum_.to_double();
  ScaledInteger sum = sum_.value();
  constexpr int kMore = 5;  // limbs: 160 bits, so that 66 are left after a division by 64
  natural::shift_up(sum.magnitude, kMore);
  const bool sticky = natural::divide(sum.magnitude, count_);
  const double size = natural::to_double(sum.magnitude, 32 * (sum.first - kMore) + ExactSum::kUnitExponent, sticky);
  return sum.negative ? -size : size;
}

/// (n Σx² − (Σx)²) / (n (n − lost)). Requires count > lost and finite values.
ExactMoments::Scaled ExactMoments::scaled_variance(unsigned lost) const {
  const ScaledInteger sum = sum_.value();
  ScaledInteger squares = squares_.value();
  Natural square = natural::multiply(sum.magnitude, sum.magnitude);
  natural::multiply(squares.magnitude, count_);
  if (squares.magnitude.empty()) return {};
  const int first = square.empty() ? squares.first : std::min(squares.first, 2 * sum.first);
  natural::shift_up(squares.magnitude, static_cast<std::size_t>(squares.first - first));
  natural::shift_up(square, static_cast<std::size_t>(square.empty() ? 0 : 2 * sum.first - first));
  natural::subtract(squares.magnitude, square);

  constexpr int kMore = 7;  // limbs: 224 bits, so that 66 are left after divisions by 128
  natural::shift_up(squares.magnitude, kMore);
  const bool rest = natural::divide(squares.magnitude, count_);
  const bool more = natural::divide(squares.magnitude, count_ - lost);
  return {std::move(squares.magnitude), 32 * (first - kMore) + kUnitExponent, rest || more};
}

double ExactMoments::variance(unsigned lost) const {
  if (count_ <= lost || sum_.kind_ != ExactSum::Kind::kFinite) return kNan;
  const Scaled variance = scaled_variance(lost);
  return natural::to_double(variance.magnitude, variance.exponent, variance.sticky);
}

double ExactMoments::deviation(unsigned lost) const {
  if (count_ <= lost || sum_.kind_ != ExactSum::Kind::kFinite) return kNan;
  const Scaled variance = scaled_variance(lost);
  if (variance.magnitude.empty()) return 0.0;
  const int top = natural::bit_length(variance.magnitude) + variance.exponent;
  const int half = top >= 0 ? top / 2 : -((1 - top) / 2);  // the root of a number near 1 never leaves the range
  const double near_one = natural::to_double(variance.magnitude, variance.exponent - 2 * half, variance.sticky);
  return std::ldexp(std::sqrt(near_one), half);
}

ScaledInteger ExactMoments::squares() const {
  return sum_.kind_ == ExactSum::Kind::kFinite ? squares_.value() : ScaledInteger{};
}

bool ExactMoments::operator==(const ExactMoments& other) const {
  return count_ == other.count_ && sum_ == other.sum_ && squares() == other.squares();
}

void ExactMoments::append_bytes(std::string& out) const {
  append_u64(out, count_);
  sum_.append_bytes(out);
  append_scaled_integer(out, squares());
}

Result<ExactMoments> ExactMoments::take_bytes(std::string_view& bytes) {
  std::string_view rest = bytes;
  ExactMoments moments;
  if (!take_u64(rest, moments.count_)) return sum_bytes_error("exact moments");
  PENSTOCK_ASSIGN(moments.sum_, ExactSum::take_bytes(rest));
  PENSTOCK_ASSIGN(const ScaledInteger squares, take_scaled_integer(rest, Squares::kLimbs));
  if (squares.negative) return sum_bytes_error("exact moments");
  moments.squares_.add(squares);
  bytes = rest;
  return moments;
}

}  // namespace penstock
