// SPDX-License-Identifier: MIT
// The run loop: sets up workers and channels as the plan says, runs them to the end, commits or undoes, reports.
#pragma once

#include "stream/graph.h"

namespace penstock {

/// Runs `plan` over `graph`, which it was made from.
RunOutcome run_plan(Graph graph, Plan plan, const RunOptions& options);

}  // namespace penstock
