// SPDX-License-Identifier: MIT
#include "data/exact_quantiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "data/sum_bytes.h"

namespace penstock {
namespace {

/// a + t (b − a) for a <= b and t in [0, 1): never outside [a, b], also when b − a overflows.
double between(double a, double b, double t) noexcept {
  if (t == 0 || a == b) return a;
  const double distance = b - a;
  if (!std::isfinite(distance)) return a * (1 - t) + b * t;  // infinities give what they should: inf, -inf or NaN
  return t < 0.5 ? a + t * distance : b - (1 - t) * distance;
}

}  // namespace

void ExactQuantiles::add(double value) {
  if (std::isnan(value)) {
    ++nans_;
    return;
  }
  values_.push_back(value + 0.0);  // -0.0 + 0.0 is 0.0
  sorted_ = false;
}

void ExactQuantiles::add(const double* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) add(values[i]);
}

void ExactQuantiles::merge(const ExactQuantiles& other) {
  const std::size_t count = other.values_.size();  // by index: `other` may be this one
  for (std::size_t i = 0; i < count; ++i) values_.push_back(other.values_[i]);
  nans_ += other.nans_;
  sorted_ = false;
}

double ExactQuantiles::quantile(double q) {
  PENSTOCK_CHECK(q >= 0 && q <= 1, "ExactQuantiles::quantile: q must be from 0 to 1");
  if (values_.empty() || nans_ > 0) return std::numeric_limits<double>::quiet_NaN();
  if (!sorted_) std::sort(values_.begin(), values_.end());
  sorted_ = true;
  const double position = q * static_cast<double>(values_.size() - 1);
  const double whole = std::floor(position);
  const std::size_t low = std::min(static_cast<std::size_t>(whole), values_.size() - 1);
  const std::size_t high = std::min(low + 1, values_.size() - 1);
  const double value = between(values_[low], values_[high], position - whole);
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

void ExactQuantiles::append_bytes(std::string& out) const {
  append_u64(out, nans_);
  append_u64(out, values_.size());
  for (const double value : values_) append_u64(out, std::bit_cast<std::uint64_t>(value));
}

Result<ExactQuantiles> ExactQuantiles::take_bytes(std::string_view& bytes) {
  ExactQuantiles quantiles;
  std::uint64_t count = 0;
  if (!take_u64(bytes, quantiles.nans_) || !take_u64(bytes, count) || count > bytes.size() / sizeof(double))
    return sum_bytes_error("the values of quantiles");
  quantiles.values_.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t bits = 0; count > 0 && take_u64(bytes, bits); --count)
    quantiles.values_.push_back(std::bit_cast<double>(bits));
  quantiles.sorted_ = false;
  return quantiles;
}

}  // namespace penstock
