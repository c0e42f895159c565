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

bool may_crash(const StrategyInput::Step& step) { return step.may_crash; }
bool says_where(const StrategyInput::Step& step) { return !step.on.name.empty(); }

Result<Plan> placed_by_hand(const StrategyInput& input) {
  PENSTOCK_ASSIGN(Plan plan, decide_hybrid(input));
  plan.reason = "some steps say where they run (run_on), so nothing is left to measure: " + plan.reason;
  return plan;
}

// Steps that may crash in processes, where they can be, and the others as under `parallel`: what crosses into another
// process cannot be moved about while it runs.
Result<Plan> with_crashes_apart(const StrategyInput& input) {
  StrategyInput worth_it = input;
  std::vector<Placement> placements;
  const std::uint32_t workers = input.workers != 0 ? input.workers : std::max(1U, input.cores);
  for (StrategyInput::Step& step : worth_it.steps) {
    const bool apart = step.may_crash;
    placements.push_back({apart ? Placement::Where::kProcess : Placement::Where::kShared, workers});
    if (apart) step.traits.light = false;
  }
  return place_steps(worth_it, std::move(placements));
}

bool in_process(const Plan& plan, std::size_t step) {
  return std::any_of(plan.segments.begin(), plan.segments.end(), [&](const PlanSegment& segment) {
    return segment.worker == "process" &&
           std::find(segment.steps.begin(), segment.steps.end(), step) != segment.steps.end();
  });
}

// "a, b"; of steps that may crash those that do, or do not, run in processes.
std::string names_of_risky(const StrategyInput& input, const Plan& plan, bool apart) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < input.steps.size(); ++i) {
    if (input.steps[i].may_crash && in_process(plan, i) == apart) names.push_back(input.steps[i].name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
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
  std::string risky;
  if (std::any_of(input.steps.begin(), input.steps.end(), may_crash)) {
    PENSTOCK_ASSIGN(Plan plan, with_crashes_apart(input));
    const std::string apart = names_of_risky(input, plan, true);
    risky = names_of_risky(input, plan, false);
    if (!risky.empty()) risky = fmt::format("; may crash, but cannot run in a process: {}", risky);
    if (!apart.empty()) {
      plan.reason = fmt::format("may crash, so in worker processes: {}; the others as under parallel, on {}{}", apart,
                                counted(input.cores, "core"), risky);
      return plan;
    }
  }
  const Placement shared{Placement::Where::kShared,
                         input.workers != 0 ? input.workers : std::max(kMostWhoWait, input.cores)};
  PENSTOCK_ASSIGN(Plan plan, place_steps(input, std::vector<Placement>(input.steps.size(), shared)));
  for (PlanSegment& segment : plan.segments) begin_alone(segment, segment.queue_depth > 0);
  if (plan.segments.size() == 1 && plan.segments.front().most_workers <= 1) {
    plan.segments.front().worker = "caller";
    plan.reason = "nothing can be divided: one worker, no channels" + risky;
    return plan;
  }
  plan.adapting.on = true;
  plan.reason = fmt::format(
      "all begin in one thread, which measures what each segment takes and on {} gives them threads and workers as "
      "soon "
      "as that pays",
      counted(input.cores, "core"));
  plan.reason += risky;
  return plan;
}

}  // namespace penstock
