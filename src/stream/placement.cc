// SPDX-License-Identifier: MIT
#include "stream/placement.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock {
namespace {

using Step = StrategyInput::Step;
using Where = Placement::Where;

// Chains of operators, each the only consumer of the one before, that several workers may run side by side: any number
// of stateless ones, perhaps behind a source that can be cut into pieces, and at their end one whose workers' results
// can be merged. In processes nothing is read and nothing merged, what goes in and comes out must be able to cross, and
// only the last may make several records of one: so it is known which record a crash was about.
class Planner {
 public:
  Planner(const StrategyInput& input, std::vector<Placement> placements)
      : input_(input),
        placements_(std::move(placements)),
        segment_of_(input.steps.size()),
        chain_end_(input.steps.size(), 0) {}

  Result<Plan> plan() {
    find_chains();
    for (std::size_t i = 0; i < input_.steps.size(); ++i) {
      place(i);
      PENSTOCK_TRY(check_wish(i));
    }
    return std::move(plan_);
  }

 private:
  bool shares(std::size_t i) const {
    return placements_[i].where == Where::kShared || placements_[i].where == Where::kProcess;
  }
  bool in_processes(std::size_t i) const { return placements_[i].where == Where::kProcess; }

  // Why step `i` cannot be shared by several workers, or run in a process, at the beginning of a chain or inside it;
  // empty: it can.
  std::string obstacle(std::size_t i, bool begins) const {
    const Step& step = input_.steps[i];
    const bool process = in_processes(i);
    const auto stays_here = [this](std::size_t consumer) { return input_.steps[consumer].stays; };
    if (step.stays || std::any_of(step.consumers.begin(), step.consumers.end(), stays_here))
      return "a later step may need only the first records, and not one more is to be looked at";
    if (step.traits.effects) return "it writes something, in order";
    if (step.input == Pipeline::kNone) {
      if (process) return "it is a source";
      return step.traits.divisible ? std::string() : "its input cannot be cut into pieces";
    }
    if (process && begins && !input_.steps[step.input].output_crosses)
      return "its input cannot be handed to another process";
    if (process && step.traits.mergeable && !step.traits.stateless)
      return "what it gathers cannot be merged across processes";
    if (step.traits.in_flight > 0) return "it waits for many records at once by itself (max_concurrent)";
    if (!step.traits.stateless && !step.traits.mergeable)
      return "it keeps something from batch to batch (if it does not, say .stateless = true)";
    return {};
  }

  // The chain's end, moved back to where what comes out can cross into another process.
  std::size_t last_that_crosses(std::size_t begin, std::size_t end) const {
    while (end > begin && !input_.steps[end - 1].output_crosses) --end;
    return end;
  }

  // chain_end_[i]: behind the last step of the chain that begins at step i; i itself where none is worth its workers.
  void find_chains() {
    for (std::size_t begin = 0; begin < input_.steps.size(); ++begin) {
      chain_end_[begin] = begin;
      if (!shares(begin)) continue;
      const std::size_t end = chain_from(begin);
      if (end == begin) continue;
      chain_end_[begin] = end;
      begin = end - 1;
    }
  }

  std::size_t chain_from(std::size_t begin) const {
    std::size_t end = begin;
    bool worth_it = placements_[begin].asked;
    for (bool open = true; open && end < input_.steps.size(); ++end) {
      const Step& step = input_.steps[end];
      const bool follows = end == begin || (step.input + 1 == end && placements_[end] == placements_[begin]);
      if (!follows || !obstacle(end, end == begin).empty()) break;
      worth_it = worth_it || !step.traits.light;
      open = (step.traits.stateless || step.traits.divisible) && step.consumers.size() == 1;
      if (in_processes(begin) && step.traits.rows == RowEffect::kChanges) open = false;
    }
    if (in_processes(begin)) end = last_that_crosses(begin, end);
    return worth_it && (placements_[begin].workers > 1 || in_processes(begin)) ? end : begin;
  }

  void place(std::size_t i) {
    const Step& step = input_.steps[i];
    if (i < open_chain_end_) {
      segment_of_[i] = segment_of_[i - 1];
    } else if (chain_end_[i] > i) {
      open_chain_end_ = chain_end_[i];
      begin_segment(
          i, placements_[i].workers,
          fmt::format("{}{}: whichever worker is free takes the next", placements_[i].asked ? "asked for; " : "",
                      step.input == Pipeline::kNone ? "its input can be cut into pieces"
                                                    : "every batch can be worked on by itself"));
      if (in_processes(i)) plan_.segments.back().worker = "process";
    } else if (std::string reason = reason_to_begin(i); !reason.empty()) {
      begin_segment(i, 1, std::move(reason));
    } else {
      segment_of_[i] = segment_of_[step.input];
    }
    plan_.segments[segment_of_[i]].steps.push_back(i);
  }

  // Empty: it goes on in the segment of its input.
  std::string reason_to_begin(std::size_t i) const {
    const Step& step = input_.steps[i];
    if (step.input == Pipeline::kNone) return "a source";
    const PlanSegment& before = plan_.segments[segment_of_[step.input]];
    if (before.workers > 1 && before.worker != "process" && step.traits.prepares &&
        input_.steps[step.input].consumers.size() == 1)
      return "it needs the batches in order; the workers before prepare them";
    if (before.workers > 1 || before.worker == "process") return "it needs the batches in order";
    const Placement& placement = placements_[i];
    if (step.stays || placement.where == Where::kWithInput) return {};
    if (placement.asked) return "asked for: a thread of its own";
    if (step.traits.light) return {};
    if (input_.steps[step.input].consumers.size() > 1) return "one of several consumers";
    return "its own thread works beside the others";
  }

  void begin_segment(std::size_t i, std::uint32_t workers, std::string reason) {
    segment_of_[i] = plan_.segments.size();
    PlanSegment segment;
    segment.workers = workers;
    segment.queue_depth = input_.steps[i].input == Pipeline::kNone ? 0 : std::max<std::size_t>(1, input_.queue_depth);
    segment.reason = std::move(reason);
    plan_.segments.push_back(std::move(segment));
  }

  Status check_wish(std::size_t i) const {
    const Placement& wish = placements_[i];
    const PlanSegment& segment = plan_.segments[segment_of_[i]];
    if (!wish.asked || !shares(i)) return {};
    const bool granted = in_processes(i) ? segment.worker == "process" : segment.workers == wish.workers;
    if (granted) return {};
    std::string why = obstacle(i, true);
    if (why.empty()) why = "what it emits cannot be handed to another process";
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("it cannot run on {}({}): {}", in_processes(i) ? "processes" : "parallel", wish.workers,
                             why))
        .at(input_.steps[i].name)
        .hint("say another place, or none");
  }

  const StrategyInput& input_;
  const std::vector<Placement> placements_;
  Plan plan_;
  std::vector<std::size_t> segment_of_;
  std::vector<std::size_t> chain_end_;
  std::size_t open_chain_end_ = 0;
};

}  // namespace

Result<Plan> place_steps(const StrategyInput& input, std::vector<Placement> placements) {
  return Planner(input, std::move(placements)).plan();
}

}  // namespace penstock
