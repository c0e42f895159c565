// SPDX-License-Identifier: MIT
// The hand-written program's exact sum of doubles, correctly rounded once at the end: a small superaccumulator
// (R. Neal, "Fast exact summation using small and large superaccumulators", arXiv:1505.05571, 2015). The double's
// significand is added to two of 67 chunks that overlap by 32 bits, so 1,024 additions need no carry.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace penstock::benchmark::csv_job {

/// Exact for finite values. Used by one worker; `merge` joins workers' sums in any order with the same result.
class ExactSum {
 public:
  void add(double value) noexcept {
    if (pending_ == 1024) carry();
    ++pending_;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto exponent = static_cast<unsigned>(bits >> 52) & 0x7FFu;
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
    const std::uint64_t significand = exponent == 0 ? fraction << 1 : fraction | (std::uint64_t{1} << 52);
    const unsigned shift = exponent & 31u;
    const auto low = static_cast<std::int64_t>((significand << shift) & kMask);
    const auto high = static_cast<std::int64_t>(significand >> (32 - shift));
    std::int64_t* const chunk = chunks_ + (exponent >> 5);
    const bool negative = (bits >> 63) != 0;
    chunk[0] += negative ? -low : low;
    chunk[1] += negative ? -high : high;
  }

  void merge(ExactSum other) noexcept {
    carry();
    other.carry();
    for (int i = 0; i < kChunks; ++i) chunks_[i] += other.chunks_[i];
  }

  /// The sum rounded to nearest, ties to even. Sums below the normal range are not rounded with care.
  double rounded() noexcept {
    carry();
    const bool negative = chunks_[kChunks - 1] < 0;
    if (negative) {
      for (std::int64_t& chunk : chunks_) chunk = -chunk;
      carry();
    }
    int top = kChunks - 1;
    while (top > 0 && chunks_[top] == 0) --top;
    const auto chunk = [&](int i) { return static_cast<unsigned __int128>(i >= 0 ? chunks_[i] : 0); };
    const unsigned __int128 leading = chunk(top) << 64 | chunk(top - 1) << 32 | chunk(top - 2);
    if (leading == 0) return 0;
    const int length = 128 - (leading >> 64 != 0 ? std::countl_zero(static_cast<std::uint64_t>(leading >> 64))
                                                 : 64 + std::countl_zero(static_cast<std::uint64_t>(leading)));
    const int drop = length - 53;  // at least 12, since chunk(top) is not zero
    bool sticky = (leading & ((static_cast<unsigned __int128>(1) << (drop - 1)) - 1)) != 0;
    for (int i = top - 3; i >= 0 && !sticky; --i) sticky = chunks_[i] != 0;
    auto significand = static_cast<std::uint64_t>(leading >> drop);
    const bool half = (leading >> (drop - 1) & 1) != 0;
    if (half && (sticky || (significand & 1) != 0)) ++significand;
    const double magnitude = std::ldexp(static_cast<double>(significand), drop + 32 * (top - 2) - 1075);
    return negative ? -magnitude : magnitude;
  }

 private:
  static constexpr int kChunks = 67;  // 2^-1075 to beyond 2^1024, with room for carries
  static constexpr std::uint64_t kMask = 0xFFFFFFFFu;

  void carry() noexcept {
    for (int i = 0; i + 1 < kChunks; ++i) {
      chunks_[i + 1] += chunks_[i] >> 32;
      chunks_[i] &= static_cast<std::int64_t>(kMask);
    }
    pending_ = 0;
  }

  std::int64_t chunks_[kChunks] = {};
  int pending_ = 0;
};

}  // namespace penstock::benchmark::csv_job
