// SPDX-License-Identifier: MIT
// A strategy of one's own: two operators per thread. A program that is linked with this file has it; the conformance
// suite of the library is one of them, and tries it like the built-in ones.
#include <penstock/pipeline.h>

namespace ps = penstock;

namespace {

ps::Result<ps::Plan> decide_pairs(const ps::StrategyInput& input) {
  ps::Plan plan;
  plan.reason = "asked for: two operators per thread";
  std::vector<std::size_t> segment_of(input.steps.size());
  for (std::size_t i = 0; i < input.steps.size(); ++i) {
    const ps::StrategyInput::Step& step = input.steps[i];
    const bool is_source = step.input == ps::Pipeline::kNone;
    if (!is_source && (step.stays || plan.segments[segment_of[step.input]].steps.size() % 2 == 1)) {
      segment_of[i] = segment_of[step.input];
    } else {
      segment_of[i] = plan.segments.size();
      ps::PlanSegment segment;
      segment.queue_depth = is_source ? 0 : input.queue_depth;
      segment.reason = is_source ? "a source" : "the segment before it has its two";
      plan.segments.push_back(std::move(segment));
    }
    plan.segments[segment_of[i]].steps.push_back(i);
  }
  return plan;
}

// Runs before main.
const bool added = ps::add_strategy({"pairs", "two operators per thread", decide_pairs}).has_value();

}  // namespace
