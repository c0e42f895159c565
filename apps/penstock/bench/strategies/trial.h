// SPDX-License-Identifier: MIT
// One run of one job by one contender, in a process of its own, and what was measured of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/penstock/bench/strategies/interrupts.h"
#include "apps/penstock/bench/strategies/job.h"

namespace penstock::app::bench {

/// The contender that is no strategy: `Job::naive`.
inline constexpr const char* kNaive = "naive";

/// What runs a job, and how.
struct Contender {
  std::string name;  ///< A strategy, or `kNaive`.
  std::uint32_t workers = 0;
  std::size_t batch_size = 4096;
  std::size_t queue_depth = RunOptions().queue_depth;

  bool is_naive() const noexcept { return name == kNaive; }
  RunOptions options() const;
};

/// Where the time of one step went, over all its workers.
struct StepTimes {
  std::string name;
  std::uint64_t batches = 0;
  double busy_seconds = 0;
  double wait_seconds = 0;
  double blocked_seconds = 0;
  bool fused = false;  ///< Ran in one loop with others, and the last of these has the time of all.
};

/// What one run took.
struct Sample {
  double seconds = 0;         ///< From the call of `run` to its return: with checks, planning and the start of workers.
  double cpu_seconds = 0;     ///< Of the process and of those that it started.
  double first_seconds = -1;  ///< From the start to the first record at a sink; negative: none came.
  std::uint64_t memory_bytes = 0;         ///< Peak of the process and of its worker processes.
  std::uint64_t memory_before_bytes = 0;  ///< Of the process when the run began: the program itself.
  std::uint32_t worker_processes = 0;
  std::string digest;
  std::vector<StepTimes> steps;            ///< Empty for the naive program.
  std::map<std::string, double> counters;  ///< By name; those that the machine offers.
  std::string counters_missing;            ///< Why there are none of the processor; empty: they are there.
};

/// Forks a process that runs the job once and reports over a pipe, waits for it, and ends it at Ctrl-C (kCancelled).
///
/// The peak of resident memory is a high-water mark of a whole process that nothing sets back, hence a process for
/// each run; a fresh one begins with what the small parent held, which is given apart. To the peak of the process
/// itself that of its largest worker process is added, times their number: an upper bound, since pages that they share
/// count in each. Requires that this process has one thread.
Result<Sample> run_trial(const Job& job, const JobInput& input, const Contender& contender, Interrupts& interrupts);

}  // namespace penstock::app::bench
