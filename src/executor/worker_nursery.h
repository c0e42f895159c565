// SPDX-License-Identifier: MIT
// Starts worker processes from a small process that was forked for it, so that workers can be replaced at any time.
#pragma once

#include <penstock/result.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "executor/worker_link.h"

namespace penstock {

/// A worker process. Movable; used by one thread, but for `kill`.
struct WorkerProcess {
  pid_t pid = 0;
  Descriptor ended;  ///< Readable (poll) when the process has ended; not there on old kernels.
  std::shared_ptr<ParentLink> link;
};

/// How a worker process ended.
struct WorkerEnd {
  bool known = false;
  int exit_code = 0;  ///< When `signal` is 0.
  int signal = 0;
  double cpu_seconds = 0;

  /// "was killed by signal 11 (Segmentation fault)", "ended by itself with exit code 3".
  std::string to_text() const;
};

/// A process that forks worker processes. It has one thread and the memory of the program at the moment it was started,
/// so what workers are to use must be made before. It ends with its owner, also when that is killed, and its workers
/// with it.
///
/// Thread-safe. It must be started by a thread while no other one holds a lock that workers need; those of the C
/// library's heap and streams do not matter.
class WorkerNursery {
 public:
  /// `serve` is what a worker does; it gets the number given to `spawn`. In the worker SIGINT, SIGTERM and SIGHUP are
  /// ignored: what a whole group of processes is sent is for the program to act on; when `serve` returns the worker
  /// ends, without destructors of static objects.
  using Serve = std::function<void(std::uint32_t worker, WorkerLink& link)>;
  static Result<std::unique_ptr<WorkerNursery>> start(Serve serve);
  ~WorkerNursery();

  /// Starts a worker that may allocate `memory_limit` bytes; 0: any number.
  Result<WorkerProcess> spawn(std::uint32_t worker, std::uint64_t memory_limit);
  /// Kills the worker when it still runs, waits for its end, and says how it was.
  WorkerEnd end(WorkerProcess& worker);

 private:
  WorkerNursery(pid_t pid, Descriptor socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_;
  std::mutex mutex_;
  Descriptor socket_;  // guarded by mutex_: one question and its answer at a time
};

}  // namespace penstock
