// SPDX-License-Identifier: MIT
// How much time the parts of a pipeline take, and how much of it on a processor: what the strategy `auto` decides from.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "platform/clock.h"

namespace penstock {

/// Tells apart what segments that work in one thread spend, also where one works inside the other's push. Used by that
/// thread. Two looks at the clocks for each time that a segment is entered or left, some 300 ns; none while it is off.
class LoadMeter {
 public:
  struct Unit {
    std::int64_t wall_ns = 0;
    std::int64_t cpu_ns = 0;
  };

  bool on() const noexcept { return on_; }
  /// Between two batches.
  void turn(bool on) noexcept { on_ = on; }

  /// From now on the time belongs to `unit`. Returns to whom it belonged before, for `back_to`.
  Unit* enter(Unit& unit) noexcept { return switch_to(&unit); }
  void back_to(Unit* unit) noexcept { switch_to(unit); }
  /// From now on it belongs to nobody.
  void leave() noexcept { switch_to(nullptr); }

 private:
  Unit* switch_to(Unit* next) noexcept {
    Unit* const before = current_;
    current_ = next;
    if (!on_) return before;
    const std::int64_t wall = now_ns();
    const std::int64_t cpu = thread_cpu_ns();
    if (before != nullptr) {
      before->wall_ns += wall - last_wall_ns_;
      before->cpu_ns += cpu - last_cpu_ns_;
    }
    last_wall_ns_ = wall;
    last_cpu_ns_ = cpu;
    return before;
  }

  bool on_ = false;
  Unit* current_ = nullptr;
  std::int64_t last_wall_ns_ = 0;
  std::int64_t last_cpu_ns_ = 0;
};

/// What the workers that share a segment spend on batches, all together. Thread-safe.
class SharedLoad {
 public:
  /// From construction to `end` or destruction; does nothing without a load.
  class Span {
   public:
    explicit Span(SharedLoad* load) noexcept : load_(load) {
      if (load_ == nullptr) return;
      wall_ns_ = now_ns();
      cpu_ns_ = thread_cpu_ns();
    }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;
    ~Span() { end(); }
    void end() noexcept {
      if (load_ == nullptr) return;
      load_->add(now_ns() - wall_ns_, thread_cpu_ns() - cpu_ns_);
      load_ = nullptr;
    }

   private:
    SharedLoad* load_;
    std::int64_t wall_ns_ = 0;
    std::int64_t cpu_ns_ = 0;
  };

  std::int64_t wall_ns() const noexcept { return wall_ns_.load(std::memory_order_relaxed); }
  /// Neither on a processor nor, because others were there, in line for one.
  std::int64_t waited_ns() const noexcept { return waited_ns_.load(std::memory_order_relaxed); }

 private:
  void add(std::int64_t wall_ns, std::int64_t cpu_ns) noexcept {
    wall_ns_.fetch_add(wall_ns, std::memory_order_relaxed);
    constexpr std::int64_t kWorthALook = 200'000;  // which takes some microseconds
    if (wall_ns - cpu_ns < kWorthALook) return;
    thread_local std::int64_t delay_seen_ns = 0;
    const std::int64_t delay_ns = thread_delay_ns();
    const std::int64_t waited_ns = wall_ns - cpu_ns - (delay_ns - std::exchange(delay_seen_ns, delay_ns));
    if (waited_ns > 0) waited_ns_.fetch_add(waited_ns, std::memory_order_relaxed);
  }

  std::atomic<std::int64_t> wall_ns_{0};
  std::atomic<std::int64_t> waited_ns_{0};
};

}  // namespace penstock
