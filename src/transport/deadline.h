// SPDX-License-Identifier: MIT
// Counting a wait down, for backends that do not wait on a futex.
#pragma once

#include <penstock/transport.h>

#include <chrono>

namespace penstock {

/// Counts a wait down in slices, so that a stop is seen in well under 100 ms.
class Deadline {
 public:
  explicit Deadline(const WaitLimit& limit) : limit_(limit) {}

  /// How long to sleep next; kTimeout ("WHAT within 5 ms") or kCancelled when the wait is over.
  Result<std::chrono::microseconds> next(const char* what) const;

 private:
  using Clock = std::chrono::steady_clock;

  const WaitLimit& limit_;
  const Clock::time_point begin_ = Clock::now();
};

}  // namespace penstock
