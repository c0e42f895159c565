// SPDX-License-Identifier: MIT
#include "data/exact_sum.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "data/sum_bytes.h"

namespace penstock {

void ExactSum::add(const double* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) add(values[i]);
}

void ExactSum::add_scattered(ExactSum* sums, const std::uint32_t* groups, const double* values, std::size_t count) {
  constexpr std::size_t kAhead = 16;  // enough to hide a miss of all caches behind 16 additions
  std::size_t i = 0;
  for (; i + kAhead < count; ++i) {
    __builtin_prefetch(&sums[groups[i + kAhead]], 1);
    sums[groups[i]].add(values[i]);
  }
  for (; i < count; ++i) sums[groups[i]].add(values[i]);
}

void ExactSum::add_unusual(double value) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t fraction = bits & kFraction;
  if (std::isfinite(value)) {  // zero, or subnormal: counted in the same units as the smallest normal numbers
    if (fraction != 0) add_parts(bits, 1, fraction);
    return;
  }
  const Kind kind = fraction != 0 ? Kind::kNan : value > 0 ? Kind::kInfinite : Kind::kMinusInfinite;
  kind_ = static_cast<Kind>(static_cast<std::uint8_t>(kind_) | static_cast<std::uint8_t>(kind));
}

void ExactSum::merge(const ExactSum& other) {
  kind_ = static_cast<Kind>(static_cast<std::uint8_t>(kind_) | static_cast<std::uint8_t>(other.kind_));
  limbs_.add(other.limbs_);
}

double ExactSum::to_double() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (kind_) {
    case Kind::kInfinite: return kInfinity;
    case Kind::kMinusInfinite: return -kInfinity;
    case Kind::kNan: return std::numeric_limits<double>::quiet_NaN();
    case Kind::kFinite: break;
  }
  const ScaledInteger sum = limbs_.value();
  const double size = natural::to_double(sum.magnitude, 32 * sum.first + kUnitExponent);
  return sum.negative ? -size : size;
}

bool ExactSum::operator==(const ExactSum& other) const { return kind_ == other.kind_ && value() == other.value(); }

void ExactSum::append_bytes(std::string& out) const {
  out.push_back(static_cast<char>(kind_));
  append_scaled_integer(out, value());
}

Result<ExactSum> ExactSum::take_bytes(std::string_view& bytes) {
  if (bytes.empty() || static_cast<unsigned char>(bytes[0]) > 3) return sum_bytes_error("an exact sum");
  ExactSum sum;
  sum.kind_ = static_cast<Kind>(bytes[0]);
  std::string_view rest = bytes.substr(1);
  PENSTOCK_ASSIGN(const ScaledInteger value, take_scaled_integer(rest, Limbs::kLimbs));
  if (sum.kind_ != Kind::kFinite && !value.magnitude.empty()) return sum_bytes_error("an exact sum");
  sum.limbs_.add(value);
  bytes = rest;
  return sum;
}

void ExactIntegerSum::add(const std::int64_t* values, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) total_ += values[i];
}

bool ExactIntegerSum::fits_int64() const noexcept { return total_ == static_cast<std::int64_t>(total_); }

Result<std::int64_t> ExactIntegerSum::to_int64() const {
  if (fits_int64()) return static_cast<std::int64_t>(total_);
  return Error(ErrorCode::kInvalidArgument, fmt::format("integer sum is too large for int64: {:.17g}", to_double()))
      .hint("sum the column as float64");
}

double ExactIntegerSum::to_double() const noexcept { return static_cast<double>(total_); }

void ExactIntegerSum::append_bytes(std::string& out) const {
  for (int shift = 0; shift < 128; shift += 8) out.push_back(static_cast<char>(total_ >> shift));
}

Result<ExactIntegerSum> ExactIntegerSum::take_bytes(std::string_view& bytes) {
  if (bytes.size() < 16) return sum_bytes_error("an integer sum");
  unsigned __int128 total = 0;
  for (std::size_t k = 16; k-- > 0;) total = total << 8 | static_cast<unsigned char>(bytes[k]);
  bytes.remove_prefix(16);
  ExactIntegerSum sum;
  sum.total_ = static_cast<__int128>(total);
  return sum;
}

}  // namespace penstock
