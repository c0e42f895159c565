// SPDX-License-Identifier: MIT
// Random numbers by counting: those of record i depend only on the seed and on i, whichever worker makes the record and
// whatever the batch size. The same bits on every machine.
#pragma once

#include <penstock/result.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock {

/// Philox4x32-10 (J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): ten rounds that turn a
/// 128-bit counter into 128 random bits. Its authors report that it passes TestU01's BigCrush.
inline std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t even = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t odd = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(odd >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(odd),
               static_cast<std::uint32_t>(even >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(even)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// Draws numbers for one record: a pure function of (seed, stream, index) and of the draws made before from this
/// object. Give each column a stream of its own, and adding a column leaves the others as they are.
///
/// Transforms use only IEEE's basic operations and square root, never the C library's functions, whose last bit differs
/// from machine to machine. Cheap to make; up to 2^33 draws. Thread-compatible.
class Random {
 public:
  Random(std::uint64_t seed, std::uint32_t stream, std::uint64_t index) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        index_(index),
        stream_(stream) {}

  /// 64 random bits.
  std::uint64_t bits() noexcept {
    if (has_kept_) {
      has_kept_ = false;
      return kept_;
    }
    const auto random =
        philox({static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32), stream_, blocks_}, key_);
    ++blocks_;
    kept_ = std::uint64_t{random[2]} | std::uint64_t{random[3]} << 32;
    has_kept_ = true;
    return std::uint64_t{random[0]} | std::uint64_t{random[1]} << 32;
  }
  /// Uniform in [0, 1): a multiple of 2^-53.
  double uniform() noexcept { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Uniform in [low, high]; never `high` itself unless rounding takes it there. Requires low <= high, a finite
  /// difference.
  double uniform(double low, double high) noexcept { return low + uniform() * (high - low); }
  /// Uniform in [low, high], both included, without bias (D. Lemire, "Fast random integer generation in an interval",
  /// 2019). Requires low <= high.
  std::int64_t integer(std::int64_t low, std::int64_t high) noexcept;
  /// True with the given probability.
  bool chance(double probability) noexcept { return uniform() < probability; }
  /// Normal: the inverse of the distribution (M. J. Wichura, algorithm AS 241, 1988) at one uniform number; within
  /// ±8.3.
  double normal() noexcept;
  double normal(double mean, double deviation) noexcept { return mean + deviation * normal(); }
  /// Exponential with the given mean; at most 37 times that.
  double exponential(double mean) noexcept;
  /// e to the power of a normal number with that mean and deviation.
  double log_normal(double mean, double deviation) noexcept;

 private:
  double open_uniform() noexcept;

  std::array<std::uint32_t, 2> key_;
  std::uint64_t index_;
  std::uint32_t stream_;
  std::uint32_t blocks_ = 0;  // of two draws
  std::uint64_t kept_ = 0;    // the second draw of the last block
  bool has_kept_ = false;
};

/// A choice among 0 … n − 1 with given weights. Thread-safe once made.
class Categories {
 public:
  /// kInvalidArgument unless all weights are finite and not negative, and their sum is finite and positive.
  static Result<Categories> of(const std::vector<double>& weights);

  /// Draws one number with one `uniform()`. A weight of zero is never drawn. Cost: a binary search.
  std::size_t draw(Random& random) const noexcept;
  std::size_t size() const noexcept { return ends_.size(); }

 private:
  std::vector<double> ends_;  // running sums of the weights
};

}  // namespace penstock
