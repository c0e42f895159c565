// SPDX-License-Identifier: MIT
// Waiting for another process: spinning first, as long as it lately paid, then sleeping on a futex.
#pragma once

#include <penstock/transport.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "platform/clock.h"
#include "platform/futex.h"

namespace penstock {

/// Waits for one side of a connection, and learns how long that usually takes. Used by one worker.
///
/// The protocol with who wakes: the waiter sets `waiting`, takes the word's value, looks once more, sleeps. The other
/// side changes what `ready` looks at, then looks at `waiting`, and when it is set changes the word and wakes. With
/// sequentially consistent order for these four steps one side sees the other, so no wake-up is lost; a side that dies
/// between its steps costs one time slice.
class Patience {
 public:
  Patience();

  /// Waits until `ready()`. Every slice of at most 100 ms asleep it calls `look`, a Status whose error ends the wait
  /// unless `ready()` holds by then. Errors: kTimeout ("WHAT"), kCancelled, those of `look`.
  template <class Ready, class Look>
  Status wait(std::atomic<std::uint32_t>& word, std::atomic<std::uint32_t>& waiting, const WaitLimit& limit,
              const char* what, Ready ready, Look look) {
    if (ready()) return {};
    if (limit.timeout_micros == 0) return timed_out(what, limit);
    const std::int64_t begin = now_ns();
    if (spin(begin, limit, ready)) return {};
    waiting.store(1, std::memory_order_seq_cst);
    Status status;
    while (true) {
      const std::uint32_t seen = word.load(std::memory_order_seq_cst);
      if (ready()) break;
      status = over(begin, limit, what);
      if (!status) break;
      const std::int64_t slice = slice_ns(begin, limit);
      const std::int64_t before = now_ns();
      futex_wait(word, seen, slice);
      if (now_ns() - before < slice || ready()) continue;
      status = look();
      if (!status && !ready()) break;
      status = Status();
    }
    waiting.store(0, std::memory_order_relaxed);
    learn(now_ns() - begin);
    return status;
  }

 private:
  static constexpr std::int64_t kLongestSpinNs = 200'000;
  static constexpr std::int64_t kShortestSpinNs = 2'000;

  template <class Ready>
  bool spin(std::int64_t begin, const WaitLimit& limit, Ready ready) {
    const std::int64_t budget = limit.timeout_micros < 0 ? spin_ns_ : std::min(spin_ns_, limit.timeout_micros * 1000);
    constexpr int kLooks = 32;
    for (std::int64_t spent = 0; spent < budget; spent = now_ns() - begin) {
      for (int i = 0; i < kLooks; ++i) {
        if (ready()) {
          learn(spent);
          return true;
        }
        pause(spent);
      }
    }
    return ready();
  }

  /// A short pause for the processor; a longer one, in which others may have it, after the first microseconds.
  static void pause(std::int64_t spent_ns) noexcept;
  void learn(std::int64_t waited_ns) noexcept;
  static Status over(std::int64_t begin, const WaitLimit& limit, const char* what);
  static Error timed_out(const char* what, const WaitLimit& limit);
  static std::int64_t slice_ns(std::int64_t begin, const WaitLimit& limit) noexcept;

  bool may_spin_;
  std::int64_t usual_ns_ = 20'000;
  std::int64_t spin_ns_ = 0;
};

}  // namespace penstock
