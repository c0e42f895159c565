// SPDX-License-Identifier: MIT
// How often calls may begin, and how long a failed one pauses.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::detail {

/// A limit of calls per second, spread evenly; what was missed for less than 10 ms is made up for.
class Pace {
 public:
  explicit Pace(double per_second) noexcept
      : interval_ns_(per_second > 0
                         ? std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(1e9 / per_second, kMostNs)))
                         : 0),
        slack_ns_(std::max<std::int64_t>(0, kSlackNs - interval_ns_)) {}

  bool limits() const noexcept { return interval_ns_ != 0; }
  /// When the next call may begin.
  std::int64_t next_ns() const noexcept { return due_ns_ - slack_ns_; }
  void begin(std::int64_t now_ns) noexcept { due_ns_ = std::max(due_ns_, now_ns) + interval_ns_; }

 private:
  static constexpr std::int64_t kSlackNs = 10'000'000;
  static constexpr double kMostNs = 1e17;  // three years
  std::int64_t interval_ns_;
  std::int64_t slack_ns_;
  std::int64_t due_ns_ = 0;  // had all calls come evenly
};

/// `pause_ns`, shortened by a part from 0 to `jitter` that depends on record and attempt only.
inline std::int64_t with_jitter(std::int64_t pause_ns, double jitter, std::uint64_t record,
                                std::uint32_t attempt) noexcept {
  // splitmix64 (Steele, Lea, Flood 2014)
  std::uint64_t x = record * 0x9E3779B97F4A7C15U + attempt;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  x ^= x >> 31;
  const double part = static_cast<double>(x >> 11) * 0x1p-53 * jitter;
  return pause_ns - static_cast<std::int64_t>(static_cast<double>(pause_ns) * part);
}

}  // namespace penstock::detail
