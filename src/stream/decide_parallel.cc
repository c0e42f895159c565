// SPDX-License-Identifier: MIT
// The strategies `parallel` and `processes`: several workers wherever they can share the work.
#include <fmt/format.h>

#include <algorithm>

#include "stream/placement.h"
#include "stream/strategies.h"
#include "stream/table.h"

namespace penstock {
namespace {

bool is_shared(const PlanSegment& segment) { return segment.workers > 1 || segment.worker == "process"; }

std::string reason_of(const StrategyInput& input, const Plan& plan, const Placement& everywhere) {
  const auto shared = std::count_if(plan.segments.begin(), plan.segments.end(), is_shared);
  const bool processes = everywhere.where == Placement::Where::kProcess;
  if (shared == 0 && processes) {
    return fmt::format(
        "asked for, but no operator is worth a process and able to work in one; a thread for each segment, on {} cores",
        input.cores);
  }
  if (shared == 0) {
    return fmt::format("asked for: one worker for each segment, on {} cores; no chain of operators gains by more",
                       input.cores);
  }
  return fmt::format("asked for: {} in {} of {} segments, on {} cores",
                     counted(everywhere.workers, processes ? "worker process" : "worker"), shared, plan.segments.size(),
                     input.cores);
}

Result<Plan> decide(const StrategyInput& input, Placement::Where where) {
  const Placement everywhere{where, input.workers != 0 ? input.workers : std::max(1U, input.cores)};
  PENSTOCK_ASSIGN(Plan plan, place_steps(input, std::vector<Placement>(input.steps.size(), everywhere)));
  plan.reason = reason_of(input, plan, everywhere);
  return plan;
}

}  // namespace

Result<Plan> decide_parallel(const StrategyInput& input) { return decide(input, Placement::Where::kShared); }

Result<Plan> decide_processes(const StrategyInput& input) { return decide(input, Placement::Where::kProcess); }

}  // namespace penstock
