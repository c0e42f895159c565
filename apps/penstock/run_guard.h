// SPDX-License-Identifier: MIT
// Looks after the program while a pipeline runs: Ctrl-C and SIGTERM, and operators that do not come back.
#pragma once

#include <penstock/operator.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "apps/penstock/blocked_signals.h"
#include "store/run_store.h"

namespace penstock::app {

/// While it lives, SIGINT, SIGTERM and SIGHUP drain the run; a second one cancels it; a third ends the program at once.
/// A run that was cancelled, or whose timeout is over, has some seconds to return; then the program says so, closes the
/// record of the run, and ends, whatever an operator still waits for.
///
/// Made before other threads are, so that the one thread here takes the signals: see BlockedSignals.
class RunGuard {
 public:
  /// `timeout` of 0: none.
  RunGuard(StopSignal& stop, std::chrono::milliseconds timeout);
  ~RunGuard();
  RunGuard(const RunGuard&) = delete;
  RunGuard& operator=(const RunGuard&) = delete;

  bool interrupted() const noexcept { return signals_.load() > 0; }
  /// The run whose record is to be closed when it has to be given up.
  void watch(const RunFolder& folder);

 private:
  using Clock = BlockedSignals::Clock;

  void guard();
  void take_signal();
  [[noreturn]] void give_up();

  StopSignal& stop_;
  const std::chrono::milliseconds timeout_;
  const BlockedSignals blocked_;
  std::atomic<int> signals_{0};
  std::atomic<bool> end_{false};
  std::optional<Clock::time_point> deadline_;  // used by the thread alone
  std::mutex mutex_;
  std::optional<RunFolder> folder_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace penstock::app
