// SPDX-License-Identifier: MIT
// What all workers of one run share.
#pragma once

#include <penstock/pipeline.h>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "channel/channel.h"
#include "stream/row_rejects.h"

namespace penstock {

/// Something that workers may wait at. Thread-safe.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  /// Everybody who waits returns, now and later.
  virtual void cancel() noexcept = 0;
};

/// The worker processes of a run, for those who ask what it uses. Thread-safe.
class LiveProcesses {
 public:
  struct Use {
    double cpu_seconds = 0;       ///< Of those that run and of those that have ended.
    std::uint64_t own_bytes = 0;  ///< Memory that they share with nobody.
  };

  void add(int pid);
  /// `end` ends the process and returns what it spent; nobody sees the time between both.
  template <class End>
  void remove(int pid, End end) {
    const std::lock_guard lock(mutex_);
    std::erase(pids_, pid);
    ended_seconds_ += end();
  }
  Use use() const;
  /// Of those that have ended.
  double ended_cpu_seconds() const;

 private:
  mutable std::mutex mutex_;
  std::vector<int> pids_;     // guarded by mutex_
  double ended_seconds_ = 0;  // guarded by mutex_
};
class Checkpoints;
class WorkerClock;

/// Shared by the run loop, its workers and its monitor. Thread-safe after it was set up.
class RunState {
 public:
  explicit RunState(const RunOptions& run_options);
  ~RunState();

  /// Remembers the first error and cancels the run.
  void fail(Error error);
  /// Ends the run as soon as possible; nothing is committed.
  void cancel();
  /// Takes over what was asked for from outside; returns the state.
  StopSignal::State poll_stop();
  bool cancelled() const noexcept { return stop.cancelled(); }

  /// Holds a source back while more bytes are in flight than allowed, as long as somebody works them off.
  void wait_for_memory();

  /// By the worker that reads the source, between two batches: writes a checkpoint when it is time for one.
  void pass_checkpoint(WorkerClock& clock);

  std::optional<Error> first_error();

  const RunOptions options;
  const MemoryBudget budget;
  BufferPool pool;
  StopSignal stop;
  RejectLimit rejects;
  std::vector<std::unique_ptr<Channel>> channels;
  /// Batches that the workers of replicated segments have taken, and that were not delivered yet.
  std::atomic<std::size_t> batches_in_hands{0};
  std::vector<std::unique_ptr<Cancellable>> waits;  ///< Besides the channels.
  /// Most records per batch of a source at this moment; never more than `options` says.
  std::atomic<std::size_t> batch_size;
  std::vector<std::atomic<std::uint64_t>> crashes;  ///< Of worker processes, per step.
  LiveProcesses processes;
  std::unique_ptr<Checkpoints> checkpoints;  ///< Null where there are none.
  std::atomic<bool> restore_failed{false};   ///< The run failed since it could not go on from its checkpoint.
  std::mutex workers_mutex;                  ///< Held while workers are added, and while a checkpoint looks at them.
  const std::int64_t started_ns;

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace penstock
