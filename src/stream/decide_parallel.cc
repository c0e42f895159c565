// SPDX-License-Identifier: MIT
// The strategies `parallel` and `processes`: which segments get several workers.
#include <fmt/format.h>

#include <algorithm>

#include "stream/strategies.h"
#include "stream/table.h"

namespace penstock {
namespace {

enum class Worker : std::uint8_t { kThread, kProcess };

// Chains of operators, each the only consumer of the one before, that several workers may run side by side: any number
// of stateless ones, and at their end one whose workers' results can be merged. In processes, what is gathered cannot
// be merged, what goes in and comes out must be able to cross, and only the last may make several records of one: so it
// is known which record a crash was about.
class Planner {
 public:
  Planner(const StrategyInput& input, Worker worker)
      : input_(input),
        worker_(worker),
        workers_(input.workers != 0 ? input.workers : std::max(1U, input.cores)),
        segment_of_(input.steps.size()),
        chain_end_(input.steps.size(), 0) {}

  Plan plan() {
    find_chains();
    for (std::size_t i = 0; i < input_.steps.size(); ++i) place(i);
    plan_.reason = reason();
    return std::move(plan_);
  }

 private:
  using Step = StrategyInput::Step;

  std::string reason() const {
    if (worker_ == Worker::kProcess && replicated_ == 0) {
      return fmt::format(
          "asked for, but no operator is worth a process and able to work in one; a thread for each segment, on {} "
          "cores",
          input_.cores);
    }
    if (replicated_ == 0 || (workers_ == 1 && worker_ == Worker::kThread)) {
      return fmt::format("asked for: one worker for each segment, on {} cores; no chain of operators gains by more",
                         input_.cores);
    }
    return fmt::format("asked for: {} in {} of {} segments, on {} cores",
                       counted(workers_, worker_ == Worker::kProcess ? "worker process" : "worker"), replicated_,
                       plan_.segments.size(), input_.cores);
  }

  bool may_replicate(const Step& step) const {
    const auto stays_here = [this](std::size_t consumer) { return input_.steps[consumer].stays; };
    const bool gathers = step.traits.mergeable && worker_ == Worker::kThread;
    const bool can_read_here = step.traits.divisible && worker_ == Worker::kThread;
    if (step.input == Pipeline::kNone ? !can_read_here : !step.traits.stateless && !gathers) return false;
    return !step.stays && !step.traits.effects &&
           std::none_of(step.consumers.begin(), step.consumers.end(), stays_here);
  }

  // The chain's end, moved back to where what comes out can cross into another process.
  std::size_t last_that_crosses(std::size_t begin, std::size_t end) const {
    if (end == begin || !input_.steps[input_.steps[begin].input].output_crosses) return begin;
    while (end > begin && !input_.steps[end - 1].output_crosses) --end;
    return end;
  }

  // chain_end_[i]: behind the last step of the chain that begins at step i; i itself where none is worth its workers.
  void find_chains() {
    for (std::size_t begin = 0; begin < input_.steps.size(); ++begin) {
      std::size_t end = begin;
      bool heavy = false;
      for (bool open = true; open && end < input_.steps.size(); ++end) {
        const Step& step = input_.steps[end];
        const bool follows = end == begin || step.input + 1 == end;
        if (!follows || !may_replicate(step)) break;
        heavy = heavy || !step.traits.light;
        open = (step.traits.stateless || step.traits.divisible) && step.consumers.size() == 1;
        if (worker_ == Worker::kProcess && step.traits.rows == RowEffect::kChanges) open = false;
      }
      if (worker_ == Worker::kProcess) end = last_that_crosses(begin, end);
      chain_end_[begin] = heavy && (workers_ > 1 || worker_ == Worker::kProcess) ? end : begin;
      if (chain_end_[begin] > begin) begin = chain_end_[begin] - 1;
    }
  }

  void place(std::size_t i) {
    const Step& step = input_.steps[i];
    if (i < open_chain_end_) {
      segment_of_[i] = segment_of_[i - 1];
    } else if (chain_end_[i] > i) {
      open_chain_end_ = chain_end_[i];
      begin_segment(i, workers_,
                    step.input == Pipeline::kNone
                        ? "its input can be cut into pieces: whichever worker is free takes the next"
                        : "every batch can be worked on by itself: whichever worker is free takes the next");
      if (worker_ == Worker::kProcess) plan_.segments.back().worker = "process";
      ++replicated_;
    } else if (std::string reason = reason_to_begin(step); !reason.empty()) {
      begin_segment(i, 1, std::move(reason));
    } else {
      segment_of_[i] = segment_of_[step.input];
    }
    plan_.segments[segment_of_[i]].steps.push_back(i);
  }

  // Empty: it goes on in the segment of its input.
  std::string reason_to_begin(const Step& step) const {
    if (step.input == Pipeline::kNone) return "a source";
    const PlanSegment& before = plan_.segments[segment_of_[step.input]];
    if (before.workers > 1 || before.worker == "process") return "it needs the batches in order";
    if (step.traits.light || step.stays) return {};
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

  const StrategyInput& input_;
  const Worker worker_;
  const std::uint32_t workers_;
  Plan plan_;
  std::vector<std::size_t> segment_of_;
  std::vector<std::size_t> chain_end_;
  std::size_t open_chain_end_ = 0;
  std::size_t replicated_ = 0;
};

}  // namespace

Result<Plan> decide_parallel(const StrategyInput& input) { return Planner(input, Worker::kThread).plan(); }

Result<Plan> decide_processes(const StrategyInput& input) { return Planner(input, Worker::kProcess).plan(); }

}  // namespace penstock
