// SPDX-License-Identifier: MIT
// How many values fell into which of many numbered buckets, small while few buckets are used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace penstock {

/// Counts by bucket. First a sorted list of (bucket, count); once a quarter of the buckets between the lowest and the
/// highest are used, an array over all of them. What it holds does not depend on the form.
class BucketCounts {
 public:
  struct Entry {
    std::int32_t bucket = 0;
    std::uint64_t count = 0;
  };

  void add(std::int32_t bucket, std::uint64_t count) {
    const std::size_t at = static_cast<std::size_t>(static_cast<std::int64_t>(bucket) - first_);
    if (at < dense_.size()) {
      dense_[at] += count;
    } else {
      add_slowly(bucket, count);
    }
  }

  /// Asks for the memory of `bucket`, which `add` is about to change.
  void prefetch(std::int32_t bucket) const noexcept {
    const std::size_t at = static_cast<std::size_t>(static_cast<std::int64_t>(bucket) - first_);
    if (at < dense_.size()) __builtin_prefetch(&dense_[at], 1);
  }

  /// Calls f(bucket, count) for every used bucket, lowest first.
  template <class F>
  void each(F f) const {
    for (const Entry& entry : sparse_) f(entry.bucket, entry.count);
    for (std::size_t i = 0; i < dense_.size(); ++i) {
      if (dense_[i] != 0) f(first_ + static_cast<std::int32_t>(i), dense_[i]);
    }
  }

  std::uint64_t total() const noexcept;
  std::size_t heap_bytes() const noexcept {
    return sparse_.capacity() * sizeof(Entry) + dense_.capacity() * sizeof(std::uint64_t);
  }

 private:
  void add_slowly(std::int32_t bucket, std::uint64_t count);
  void widen(std::int32_t bucket);
  void make_dense();

  std::vector<Entry> sparse_;         // sorted; empty when dense
  std::vector<std::uint64_t> dense_;  // bucket first_ + i; empty when sparse
  std::int32_t first_ = 0;
};

}  // namespace penstock
