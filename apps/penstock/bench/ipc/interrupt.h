// SPDX-License-Identifier: MIT
// Ctrl-C while processes measure together: they stop, and what they made is removed.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "apps/penstock/blocked_signals.h"

namespace penstock::app {

/// While it lives, SIGINT, SIGTERM and SIGHUP do nothing to this process and to those that it forks, but `watch` hears
/// of the first; the second ends the program at once.
class Interrupt {
 public:
  Interrupt() = default;
  ~Interrupt() { stop(); }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Calls `hear`, on another thread, when the signal comes. Once, behind the forks.
  void watch(std::function<void()> hear);
  /// From now on it hears nothing, before what `hear` uses goes.
  void stop() noexcept;
  bool came() const noexcept { return came_.load(); }

 private:
  const BlockedSignals blocked_;
  std::atomic<bool> came_{false};
  std::atomic<bool> end_{false};
  std::thread thread_;
};

}  // namespace penstock::app
