// SPDX-License-Identifier: MIT
// Quantiles by a sketch with a bounded relative error that merges in any order.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "data/bucket_counts.h"

namespace penstock {

/// A quantile sketch with relative error: DDSketch (C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and
/// fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019), with buckets that are fixed once and
/// for all by the accuracy.
///
/// A value falls into the bucket of its size; bucket borders grow by at most (1 + a) / (1 − a) for accuracy a. So
/// `quantile(q)` is within a · |x| of the value x at rank ⌊q (n − 1)⌋ of the sorted values (smallest and largest are
/// exact; subnormal x within 2^-1074 more). Buckets are never joined, so the sketch is a pure function of the multiset
/// of values: order and splits change no bit. The logarithm is a cubic that needs only IEEE's basic operations: every
/// machine agrees.
///
/// Infinities are values; a NaN makes every quantile NaN, as in numpy. Memory follows the spread of the values, not
/// their number: at 1 %, 35 buckets of 8 bytes for every doubling, about 600 KiB at the very most per sign; 16 bytes
/// per distinct bucket while they are few. Thread-compatible.
class QuantileSketch {
 public:
  static constexpr double kDefaultAccuracy = 0.01;

  /// Requires `accuracy` in [1e-4, 0.5].
  explicit QuantileSketch(double accuracy = kDefaultAccuracy);

  double accuracy() const noexcept { return accuracy_; }
  void add(double value);
  void add(const double* values, std::size_t count);
  /// Adds values[i] to sketches[groups[i]]; faster than one by one when the buckets are too many for the first cache.
  static void add_scattered(QuantileSketch* sketches, const std::uint32_t* groups, const double* values,
                            std::size_t count);
  /// Adds another sketch. kInvalidArgument when the accuracies differ; then nothing changes.
  Status merge(const QuantileSketch& other);

  std::uint64_t count() const noexcept { return count_; }
  double min() const noexcept;  ///< Exact; NaN of nothing or with a NaN.
  double max() const noexcept;  ///< Exact; NaN of nothing or with a NaN.
  /// Returns the value at rank ⌊q (count − 1)⌋ within the accuracy; NaN of nothing. Requires q in [0, 1].
  double quantile(double q) const;

  /// Appends the sketch as bytes; sketches of the same values give equal bytes on every machine.
  void append_bytes(std::string& out) const;
  /// Reads what `append_bytes` wrote from the front of `bytes` and drops it there. kDataLoss when it is something else.
  static Result<QuantileSketch> take_bytes(std::string_view& bytes);

  std::size_t heap_bytes() const noexcept { return above_.heap_bytes() + below_.heap_bytes(); }

 private:
  void tally(double value) noexcept {
    ++count_;
    min_ = value < min_ ? value : min_;
    max_ = value > max_ ? value : max_;
  }
  void add_unusual(double value);
  std::int32_t bucket_of(double size) const noexcept;
  double value_of(std::int32_t bucket) const noexcept;
  double value_at(std::uint64_t rank) const noexcept;
  Status take_buckets(std::string_view& bytes, BucketCounts& counts) const;

  double accuracy_;
  std::int32_t steps_;                                     // buckets per doubling
  double min_ = std::numeric_limits<double>::infinity();   // of all but NaN
  double max_ = -std::numeric_limits<double>::infinity();  // of all but NaN
  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
  std::uint64_t infinite_ = 0;
  std::uint64_t minus_infinite_ = 0;
  std::uint64_t nans_ = 0;
  BucketCounts above_;  // of values > 0
  BucketCounts below_;  // of values < 0, by their size
};

}  // namespace penstock
