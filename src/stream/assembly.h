// SPDX-License-Identifier: MIT
// Puts a run together: from a graph and its plan to segments, runners and channels that are ready to work.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stream/checkpoint_file.h"
#include "stream/sampler.h"
#include "stream/segment.h"

namespace penstock {

/// The workers of one segment of the plan: one, or several that share their input.
struct SegmentAtWork {
  std::vector<std::shared_ptr<Segment>> workers;
  Replicas* replicas = nullptr;                    // null for one worker; belongs to the run's state
  std::vector<std::unique_ptr<StepAtWork>> steps;  // the workers' own, in a replicated segment
  Channel* input = nullptr;                        // null for segments of sources; belongs to the run's state
};

/// Everything that lives as long as the run; kept alive by a worker that was left behind.
struct Run {
  Graph graph;
  Plan plan;
  std::shared_ptr<RunState> state;
  std::vector<std::unique_ptr<StepAtWork>> steps;
  std::vector<SegmentAtWork> segments;
  std::vector<std::vector<Runner*>>
      runners_of;  // by step, one per worker; none for steps that run inside a later step's loop
  std::vector<std::unique_ptr<BoundaryWatch>> watches;  // of the segments of sources, where the plan adapts
  std::unique_ptr<Sampler> sampler;                     // of a run that is monitored
  bool timed = false;                                   // somebody looks at the workers' clocks
  const Checkpoint* from = nullptr;                     // that it goes on from; needed by `assemble` only
  double cpu_before = 0;
};

/// Makes all that the plan of `run` says, puts it where the checkpoint says, connects it, and starts what worker
/// processes come from: before the run has threads.
Status assemble(Run& run);

/// Makes more workers for a replicated segment at work, as long as it has work. They were not started. By one thread at
/// a time; the monitor and the report may look at steps meanwhile.
Result<std::vector<std::shared_ptr<Segment>>> add_workers(Run& run, std::size_t segment, std::uint32_t count);

std::vector<std::shared_ptr<Segment>> all_workers(const Run& run);

/// The file that a step's rejected records go to.
std::string quarantine_path(const Pipeline::Step& step, const RunOptions& options);

}  // namespace penstock
