// SPDX-License-Identifier: MIT
// What the processor counts while a job runs, where the kernel lets us ask (perf_event_open).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/descriptor.h"

namespace penstock::app::bench {

/// Counts in this thread, and in all threads and processes that come of it, from the call of `start` on.
class Counters {
 public:
  /// What cannot be counted is left out. To be called before other threads are.
  static Counters start();

  /// By name: "cycles", "instructions", "cache_references", "cache_misses". Counts of a processor that had to share its
  /// counters are scaled up. Processes count when they have ended.
  std::map<std::string, double> read() const;
  /// Why the processor's counters are not available; empty: some are.
  const std::string& missing() const noexcept { return missing_; }

 private:
  struct One {
    std::string name;
    Descriptor descriptor;
  };
  std::vector<One> all_;
  std::string missing_;
};

}  // namespace penstock::app::bench
