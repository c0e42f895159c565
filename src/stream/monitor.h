// SPDX-License-Identifier: MIT
// The thread that looks after a run: deadlines, requests to stop from outside, progress.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "stream/sampler.h"
#include "stream/segment.h"

namespace penstock {

/// Runs from construction to destruction.
class Monitor {
 public:
  Monitor(std::shared_ptr<RunState> run, std::vector<std::shared_ptr<Segment>> segments,
          std::vector<std::unique_ptr<StepAtWork>>& steps, Executor& executor, Sampler* sampler);
  ~Monitor();

  /// Looks after workers that began later, too. Thread-safe.
  void add(const std::vector<std::shared_ptr<Segment>>& segments);

  /// True when something in `options` or in the pipeline needs a monitor.
  static bool is_needed(const RunOptions& options, const Pipeline& pipeline);

 private:
  void watch();
  void check_run_deadline(std::int64_t now);
  void check_step_deadlines(std::int64_t now);
  void report_progress(std::int64_t now);
  std::int64_t next_wake_ns(std::int64_t now) const;
  void time_out(Error error);
  void give_up();

  const std::shared_ptr<RunState> run_;
  std::vector<std::shared_ptr<Segment>> segments() const;

  mutable std::mutex segments_mutex_;
  std::vector<std::shared_ptr<Segment>> segments_;  // guarded by segments_mutex_
  const std::vector<std::unique_ptr<StepAtWork>>& steps_;
  Executor& executor_;
  Sampler* const sampler_;  // null: the run is not monitored
  std::int64_t shortest_step_timeout_ns_ = 0;
  std::int64_t last_progress_ns_ = 0;
  std::vector<std::uint64_t> last_busy_ns_;
  bool gave_up_ = false;

  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

/// Who does what and who waits for whom, one line per worker: what a stalled pipeline says.
std::string describe_workers(const std::vector<std::shared_ptr<Segment>>& segments,
                             const std::vector<std::unique_ptr<StepAtWork>>& steps, std::int64_t now);

}  // namespace penstock
