// SPDX-License-Identifier: MIT
// The strategy `async`: that of `threads`, with the operators that keep records in flight named.
#include <fmt/format.h>

#include "stream/strategies.h"
#include "stream/table.h"

namespace penstock {
namespace {

std::string waiting_in(const StrategyInput& input, const PlanSegment& segment) {
  std::string text;
  for (const std::size_t index : segment.steps) {
    const StrategyInput::Step& step = input.steps[index];
    if (step.traits.in_flight == 0) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("\"{}\" keeps up to {} waiting at once", step.name, counted(step.traits.in_flight, "record"));
  }
  return text;
}

}  // namespace

Result<Plan> decide_async(const StrategyInput& input) {
  PENSTOCK_ASSIGN(Plan plan, decide_threads(input));
  std::size_t waiting = 0;
  for (PlanSegment& segment : plan.segments) {
    const std::string text = waiting_in(input, segment);
    if (text.empty()) continue;
    segment.reason += "; " + text;
    ++waiting;
  }
  const std::string threads = counted(plan.segments.size(), "thread");
  plan.reason =
      waiting == 0 ? fmt::format("asked for, but no operator keeps records in flight: {} on {} cores, as under threads",
                                 threads, input.cores)
                   : fmt::format("asked for: {} on {} cores, of which {} for many records at once", threads,
                                 input.cores, waiting == 1 ? "1 waits" : fmt::format("{} wait", waiting));
  return plan;
}

}  // namespace penstock
