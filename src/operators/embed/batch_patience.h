// SPDX-License-Identifier: MIT
// How long an unfinished batch waits for more records. Knows no clock: it is told the times.
#pragma once

#include <cstdint>

namespace penstock {

/// Waits at most for `latency_ns` from the first record of a batch on, and not at all for a record that is not expected
/// within that time: under load batches get full, and a record that comes alone leaves alone and at once.
class BatchPatience {
 public:
  explicit BatchPatience(std::int64_t latency_ns) noexcept : latency_ns_(latency_ns) {}

  /// Some records came.
  void arrived(std::int64_t now_ns) noexcept {
    if (last_ns_ != kNever) {
      const std::int64_t gap = now_ns - last_ns_;
      gap_ns_ = gap_ns_ == kNever ? gap : gap_ns_ + (gap - gap_ns_) / kMemory;
    }
    last_ns_ = now_ns;
  }
  /// A batch begins, with one of the records that came last.
  void begin_batch() noexcept { begun_ns_ = last_ns_; }

  /// When the batch is to leave, however few its records are.
  std::int64_t leaves_ns() const noexcept {
    const std::int64_t latest = begun_ns_ + latency_ns_;
    const bool next_comes_too_late = gap_ns_ != kNever && last_ns_ + gap_ns_ > latest;
    return next_comes_too_late ? last_ns_ : latest;
  }

 private:
  static constexpr std::int64_t kNever = -1;
  static constexpr std::int64_t kMemory = 4;  // the last few gaps count

  const std::int64_t latency_ns_;
  std::int64_t begun_ns_ = 0;
  std::int64_t last_ns_ = kNever;
  std::int64_t gap_ns_ = kNever;  // between arrivals, lately
};

}  // namespace penstock
