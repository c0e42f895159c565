// SPDX-License-Identifier: MIT
// Ctrl-C and its like for a thread that waits for them, instead of a handler.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <optional>
#include <thread>

namespace penstock::app {

/// While it lives, SIGINT, SIGTERM and SIGHUP are blocked in the thread that made it, and in the threads and processes
/// that come from it; one thread takes them, outside of any handler, where it may print and lock. A file that would be
/// larger than `ulimit -f` allows is an error that names it, and no signal.
class BlockedSignals {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kWoken = SIGUSR2;

  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  /// Waits for the next one; kWoken behind `wake`, 0 when the deadline came first.
  int next(const std::optional<Clock::time_point>& deadline = {}) const;
  /// Lets `waiting`, a thread in `next`, return.
  static void wake(std::thread& waiting) noexcept { ::pthread_kill(waiting.native_handle(), kWoken); }

 private:
  sigset_t set_;
  sigset_t before_;
};

}  // namespace penstock::app
