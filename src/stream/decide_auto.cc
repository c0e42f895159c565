// SPDX-License-Identifier: MIT
// The strategy `auto`: the segments of `parallel`, in one thread until measuring says what is worth more.
#include <fmt/format.h>

#include <algorithm>

#include "stream/placement.h"
#include "stream/strategies.h"
#include "stream/table.h"

namespace penstock {
namespace {

// So many wait side by side without harm; more would only cost memory.
constexpr std::uint32_t kMostWhoWait = 16;

bool says_where(const StrategyInput::Step& step) { return !step.on.name.empty(); }

Result<Plan> placed_by_hand(const StrategyInput& input) {
  PENSTOCK_ASSIGN(Plan plan, decide_hybrid(input));
  plan.reason = "some steps say where they run (run_on), so nothing is left to measure: " + plan.reason;
  return plan;
}

void begin_alone(PlanSegment& segment, bool fed) {
  segment.most_workers = std::exchange(segment.workers, 1);
  segment.reason = segment.most_workers > 1 ? "can be shared: every batch can be worked on by itself"
                   : fed                    ? "may get a thread: its work can go on beside that of the others"
                                            : "a source";
}

}  // namespace

Result<Plan> decide_auto(const StrategyInput& input) {
  if (std::any_of(input.steps.begin(), input.steps.end(), says_where)) return placed_by_hand(input);
  const Placement shared{Placement::Where::kShared,
                         input.workers != 0 ? input.workers : std::max(kMostWhoWait, input.cores)};
  PENSTOCK_ASSIGN(Plan plan, place_steps(input, std::vector<Placement>(input.steps.size(), shared)));
  for (PlanSegment& segment : plan.segments) begin_alone(segment, segment.queue_depth > 0);
  if (plan.segments.size() == 1 && plan.segments.front().most_workers <= 1) {
    plan.segments.front().worker = "caller";
    plan.reason = "nothing can be divided: one worker, no channels";
    return plan;
  }
  plan.adapting.on = true;
  plan.reason = fmt::format(
      "all begin in one thread, which measures what each segment takes and on {} gives them threads and workers as "
      "soon "
      "as that pays",
      counted(input.cores, "core"));
  return plan;
}

}  // namespace penstock
