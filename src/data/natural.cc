// SPDX-License-Identifier: MIT
#include "data/natural.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace penstock::natural {
namespace {

constexpr int kLimbBits = 32;

/// Returns the 64 bits of `a` from bit `at` on; zeros outside the number, below it too.
std::uint64_t bits_at(const Natural& a, int at) {
  std::uint64_t bits = 0;
  const int first = at >= 0 ? at / kLimbBits : -((-at + kLimbBits - 1) / kLimbBits);
  for (int k = first; k < first + 3; ++k) {
    if (k < 0 || k >= static_cast<int>(a.size())) continue;
    const std::uint64_t limb = a[k];
    const int shift = k * kLimbBits - at;
    if (shift >= 64) continue;
    bits |= shift >= 0 ? limb << shift : limb >> -shift;
  }
  return bits;
}

/// True when a bit of `a` below bit `at` is set.
bool any_below(const Natural& a, int at) {
  const int whole = std::min(at / kLimbBits, static_cast<int>(a.size()));
  for (int k = 0; k < whole; ++k) {
    if (a[k] != 0) return true;
  }
  return whole < static_cast<int>(a.size()) && (a[whole] & ((std::uint32_t{1} << at % kLimbBits) - 1)) != 0;
}

}  // namespace

void trim(Natural& a) {
  while (!a.empty() && a.back() == 0) a.pop_back();
}

int compare(const Natural& a, const Natural& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (std::size_t k = a.size(); k-- > 0;) {
    if (a[k] != b[k]) return a[k] < b[k] ? -1 : 1;
  }
  return 0;
}

Natural multiply(const Natural& a, const Natural& b) {
  Natural product(a.size() + b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t k = 0; k < b.size(); ++k) {
      carry += std::uint64_t{a[i]} * b[k] + product[i + k];
      product[i + k] = static_cast<std::uint32_t>(carry);
      carry >>= kLimbBits;
    }
    product[i + b.size()] = static_cast<std::uint32_t>(carry);
  }
  trim(product);
  return product;
}

void multiply(Natural& a, std::uint64_t factor) {
  a = multiply(a, Natural{static_cast<std::uint32_t>(factor), static_cast<std::uint32_t>(factor >> kLimbBits)});
}

void subtract(Natural& a, const Natural& b) {
  std::int64_t borrow = 0;
  for (std::size_t k = 0; k < a.size() && (k < b.size() || borrow != 0); ++k) {
    borrow += std::int64_t{a[k]} - (k < b.size() ? b[k] : 0);
    a[k] = static_cast<std::uint32_t>(borrow);
    borrow >>= kLimbBits;
  }
  trim(a);
}

bool divide(Natural& a, std::uint64_t divisor) {
  unsigned __int128 rest = 0;
  for (std::size_t k = a.size(); k-- > 0;) {
    rest = rest << kLimbBits | a[k];
    a[k] = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  trim(a);
  return rest != 0;
}

void shift_up(Natural& a, std::size_t count) {
  if (!a.empty()) a.insert(a.begin(), count, 0);
}

int bit_length(const Natural& a) {
  return a.empty() ? 0 : static_cast<int>(a.size()) * kLimbBits - std::countl_zero(a.back());
}

double to_double(const Natural& a, int exponent, bool sticky) {
  constexpr int kLowest = std::numeric_limits<double>::min_exponent - std::numeric_limits<double>::digits;  // -1074
  const int top = bit_length(a) - 1 + exponent;  // the value is in [2^top, 2^(top + 1))
  if (top >= std::numeric_limits<double>::max_exponent) return std::numeric_limits<double>::infinity();
  const int unit = std::max(top - 52, kLowest);  // exponent of the result's last bit
  const int drop = unit - exponent;              // so many bits of `a` are rounded away
  std::uint64_t mantissa = bits_at(a, drop) & ((std::uint64_t{1} << 53) - 1);
  if (drop > 0) {
    const bool half = (bits_at(a, drop - 1) & 1) != 0;
    const bool more = sticky || any_below(a, drop - 1);
    if (half && (more || (mantissa & 1) != 0)) ++mantissa;
  }
  return std::ldexp(static_cast<double>(mantissa), unit);
}

}  // namespace penstock::natural
