// SPDX-License-Identifier: MIT
// What is counted and timed per step: written by one worker, read by anybody, no shared cache lines.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform/clock.h"

namespace penstock {

/// A number with one writer. Adding costs a load and a store, no locked instruction.
class Counter {
 public:
  void add(std::uint64_t more) noexcept { value_.store(get() + more, std::memory_order_relaxed); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) StepMetrics {
  Counter records_in;
  Counter records_out;
  Counter batches;
  Counter busy_ns;
  Counter ahead_ns;    // busy on its behalf, in the workers that its batches come from; written under their lock
  Counter wait_ns;     // for input
  Counter blocked_ns;  // until the output was taken

  /// By whomever.
  std::uint64_t all_busy_ns() const noexcept { return busy_ns.get() + ahead_ns.get(); }
};

/// What a worker does at this moment.
enum class Activity : std::uint8_t { kIdle, kWorking, kWaitingForInput, kBlockedOnOutput, kWaitingForProcess, kEnded };

/// Gives a worker's time to the steps it works for. One per worker; `what` and `since` may be read by others.
///
/// A step inside another one's emit takes the clock over and gives it back, so that each gets its own time only.
class WorkerClock {
 public:
  explicit WorkerClock(bool on) : on_(on) {}

  struct Mark {
    StepMetrics* metrics = nullptr;
    std::uint32_t step = 0;
    Activity activity = Activity::kIdle;
  };

  /// From now on the time belongs to `step`, doing `activity`. Returns what went before, for `set` to come back to.
  Mark set(Mark next) noexcept {
    const Mark before = current_;
    if (on_) {
      const std::int64_t now = now_ns();
      charge(static_cast<std::uint64_t>(now - last_ns_));
      last_ns_ = now;
      since_ns_.store(now, std::memory_order_relaxed);
    }
    current_ = next;
    const std::uint64_t what = static_cast<std::uint64_t>(next.step) << 8 | static_cast<std::uint64_t>(next.activity);
    what_.store(what, std::memory_order_release);
    if (shown_what_ != nullptr) [[unlikely]]
      show(what, next.activity);
    return before;
  }
  /// From now on what it does is written there too, for another process to see; the time only while it works.
  void show_in(std::atomic<std::uint64_t>& what, std::atomic<std::int64_t>& since_ns) noexcept {
    shown_what_ = &what;
    shown_since_ns_ = &since_ns;
  }
  std::int64_t last_ns() const noexcept { return last_ns_; }

  // Whoever sees what a worker does sees in `since_ns`, read after it, no earlier time than when it began to.
  Activity activity() const noexcept { return static_cast<Activity>(what_.load(std::memory_order_acquire) & 0xFF); }
  std::uint32_t step() const noexcept { return static_cast<std::uint32_t>(what_.load(std::memory_order_acquire) >> 8); }
  std::int64_t since_ns() const noexcept { return since_ns_.load(std::memory_order_relaxed); }

 private:
  void show(std::uint64_t what, Activity activity) noexcept {
    // Who sees what it does sees in the time, read after it, when it began to, or later.
    shown_since_ns_->store(activity == Activity::kWorking ? since_ns() : 0, std::memory_order_relaxed);
    shown_what_->store(what, std::memory_order_release);
  }
  void charge(std::uint64_t ns) noexcept {
    if (current_.metrics == nullptr) return;
    switch (current_.activity) {
      case Activity::kWorking: current_.metrics->busy_ns.add(ns); return;
      case Activity::kWaitingForInput: current_.metrics->wait_ns.add(ns); return;
      case Activity::kBlockedOnOutput: current_.metrics->blocked_ns.add(ns); return;
      default: return;
    }
  }

  const bool on_;
  Mark current_;
  std::int64_t last_ns_ = 0;
  std::atomic<std::uint64_t> what_{0};
  std::atomic<std::int64_t> since_ns_{0};
  std::atomic<std::uint64_t>* shown_what_ = nullptr;
  std::atomic<std::int64_t>* shown_since_ns_ = nullptr;
};

}  // namespace penstock
