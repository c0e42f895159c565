// SPDX-License-Identifier: MIT
// Exact quantiles, from all values; quantile_sketch.h has those in little memory.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// Exact quantiles: keeps all values (8 bytes each) and sorts them when first asked.
///
/// Between two values a quantile is interpolated linearly, as numpy and R's type 7 do: position q (n − 1). A NaN makes
/// every quantile NaN. -0.0 counts as 0.0, so that order and splits change no bit. Thread-compatible.
class ExactQuantiles {
 public:
  void add(double value);
  void add(const double* values, std::size_t count);
  void merge(const ExactQuantiles& other);

  std::uint64_t count() const noexcept { return values_.size() + nans_; }
  /// Returns the quantile; NaN of nothing. Requires q in [0, 1]. The first call after an `add` sorts.
  double quantile(double q);

  /// Appends the values as bytes, in no order that means anything.
  void append_bytes(std::string& out) const;
  /// Reads what `append_bytes` wrote from the front of `bytes` and drops it there. kDataLoss when it is something else.
  static Result<ExactQuantiles> take_bytes(std::string_view& bytes);

  std::size_t heap_bytes() const noexcept { return values_.capacity() * sizeof(double); }

 private:
  std::vector<double> values_;  // never NaN
  std::uint64_t nans_ = 0;
  bool sorted_ = true;
};

}  // namespace penstock
