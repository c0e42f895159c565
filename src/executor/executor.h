// SPDX-License-Identifier: MIT
// Executors: kinds of workers, and how they are started and waited for.
#pragma once

#include <penstock/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock {

/// What one worker does until it ends. Shared, because a worker that never returns from user code outlives its run.
class Task {
 public:
  virtual ~Task() = default;
  virtual void work() noexcept = 0;
  /// Short, for debuggers and profilers: "clean/2".
  virtual std::string name() const = 0;
};

/// Starts workers for tasks and waits for them. One use per run.
///
/// `start` may be called again by tasks at work, also by several at once; nothing else is thread-safe unless it says
/// so.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Starts every task. kUnavailable when the machine gives no more workers; those already started go on, so cancel
  /// them.
  virtual Status start(std::vector<std::shared_ptr<Task>> tasks) = 0;
  /// Waits until all have ended. Returns false when some were left behind; see `give_up_in`.
  virtual bool wait() = 0;
  /// From any thread: those that have not ended in `milliseconds` are left behind, and `wait` returns.
  virtual void give_up_in(std::int64_t milliseconds) = 0;
};

/// The worker is the caller itself: `start` only takes the task, `wait` works. Exactly one task; those that it starts
/// while it works get a thread each.
std::unique_ptr<Executor> make_inline_executor();
/// A thread per task.
std::unique_ptr<Executor> make_thread_executor();

}  // namespace penstock
