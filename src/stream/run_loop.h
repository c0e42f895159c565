// SPDX-License-Identifier: MIT
// The run loop: sets up workers and channels as the plan says, runs them to the end, commits or undoes, reports.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stream/checkpoint_file.h"
#include "stream/graph.h"

namespace penstock {

/// Where a run begins, and what its checkpoints are of.
struct RunStart {
  std::optional<Checkpoint> from;                             ///< Nothing: at the beginning.
  std::vector<std::pair<std::string, std::string>> identity;  ///< Empty: it takes no checkpoints.
  bool failed = false;                                        ///< Set when it could not begin there; nothing is left.
};

/// Runs `plan` over `graph`, which it was made from.
RunOutcome run_plan(Graph graph, Plan plan, const RunOptions& options, RunStart& start);

}  // namespace penstock
