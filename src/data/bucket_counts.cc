// SPDX-License-Identifier: MIT
#include "data/bucket_counts.h"

#include <algorithm>

namespace penstock {

std::uint64_t BucketCounts::total() const noexcept {
  std::uint64_t total = 0;
  each([&](std::int32_t, std::uint64_t count) { total += count; });
  return total;
}

void BucketCounts::add_slowly(std::int32_t bucket, std::uint64_t count) {
  if (!dense_.empty()) {
    widen(bucket);
    dense_[static_cast<std::size_t>(bucket - first_)] += count;
    return;
  }
  const auto at = std::lower_bound(sparse_.begin(), sparse_.end(), bucket,
                                   [](const Entry& entry, std::int32_t wanted) { return entry.bucket < wanted; });
  if (at != sparse_.end() && at->bucket == bucket) {
    at->count += count;
    return;
  }
  sparse_.insert(at, Entry{bucket, count});
  constexpr std::size_t kFewest = 8;  // below it the list is as quick
  const auto span = static_cast<std::size_t>(sparse_.back().bucket - sparse_.front().bucket) + 1;
  if (sparse_.size() >= kFewest && sparse_.size() * 4 >= span) make_dense();
}

void BucketCounts::make_dense() {
  first_ = sparse_.front().bucket;
  dense_.resize(static_cast<std::size_t>(sparse_.back().bucket - first_) + 1);
  for (const Entry& entry : sparse_) dense_[static_cast<std::size_t>(entry.bucket - first_)] = entry.count;
  sparse_ = {};
}

/// Lengthens the array to reach `bucket`, and by an eighth more on that side, so that growing step by step stays cheap.
void BucketCounts::widen(std::int32_t bucket) {
  const auto size = static_cast<std::int32_t>(dense_.size());
  const std::int32_t more = size / 8;
  if (bucket >= first_) {
    dense_.resize(static_cast<std::size_t>(std::max(bucket - first_ + 1, size + more)));
  } else {
    const std::int32_t first = std::min(bucket, first_ - more);
    dense_.insert(dense_.begin(), static_cast<std::size_t>(first_ - first), 0);
    first_ = first;
  }
}

}  // namespace penstock
