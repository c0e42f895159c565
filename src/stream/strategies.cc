// SPDX-License-Identifier: MIT
#include "stream/strategies.h"

#include <fmt/format.h>

#include <mutex>

#include "base/nearest_name.h"

namespace penstock {
namespace {

struct KnownStrategies {
  std::mutex mutex;
  std::vector<StrategyInfo> infos = {
      {"serial", "one fused loop in the calling thread", decide_serial},
      {"threads", "a thread per segment, in order, with bounded channels between them", decide_threads},
      {"parallel", "threads, with several workers wherever batches can be worked on independently", decide_parallel},
      {"processes", "as parallel, with each of these workers in a process that may crash or hang", decide_processes},
      {"hybrid", "each operator where it says (run_on), the others in a thread per segment", decide_hybrid},
      {"async", "as threads, for operators that wait: says how many records wait at once, and where", decide_async},
      {"auto", "one thread, until measuring says which segments are worth threads and workers of their own",
       decide_auto},
  };
};

KnownStrategies& known_strategies() {
  static auto* const known = new KnownStrategies;  // never destroyed: runs may outlive main
  return *known;
}

}  // namespace

Status add_strategy(StrategyInfo info) {
  KnownStrategies& known = known_strategies();
  const std::lock_guard lock(known.mutex);
  for (const StrategyInfo& other : known.infos) {
    if (other.name != info.name) continue;
    return Error(ErrorCode::kAlreadyExists, fmt::format("there is a strategy \"{}\" already", info.name))
        .hint("choose another name");
  }
  known.infos.push_back(std::move(info));
  return {};
}

std::vector<StrategyInfo> all_strategies() {
  KnownStrategies& known = known_strategies();
  const std::lock_guard lock(known.mutex);
  return known.infos;
}

Result<StrategyInfo> find_strategy(const std::string& name) {
  std::vector<std::string> names;
  for (StrategyInfo& info : all_strategies()) {
    if (info.name == name) return std::move(info);
    names.push_back(info.name);
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown strategy: \"{}\"", name))
      .hint(suggest_name(name, names));
}

Result<Plan> decide_serial(const StrategyInput& input) {
  Plan plan;
  plan.reason = "asked for: one worker, no channels";
  PlanSegment all;
  all.worker = "caller";
  all.reason = "the whole pipeline is one loop";
  for (std::size_t i = 0; i < input.steps.size(); ++i) all.steps.push_back(i);
  // Two sources in one worker run one after the other.
  plan.segments.push_back(std::move(all));
  return plan;
}

namespace {

// Why step `index` begins a segment; empty: it goes on in the segment of its input.
std::string reason_to_begin(const StrategyInput& input, std::size_t index, std::size_t segments_so_far) {
  const StrategyInput::Step& step = input.steps[index];
  if (step.input == Pipeline::kNone) return "a source";
  if (step.traits.light || step.stays) return {};
  if (input.workers != 0 && segments_so_far >= input.workers) return {};
  if (input.steps[step.input].consumers.size() > 1) return "one of several consumers";
  return "its own thread works beside the others";
}

}  // namespace

Result<Plan> decide_threads(const StrategyInput& input) {
  Plan plan;
  std::vector<std::size_t> segment_of(input.steps.size());
  for (std::size_t i = 0; i < input.steps.size(); ++i) {
    std::string reason = reason_to_begin(input, i, plan.segments.size());
    if (reason.empty()) {
      segment_of[i] = segment_of[input.steps[i].input];
    } else {
      segment_of[i] = plan.segments.size();
      PlanSegment segment;
      segment.queue_depth = input.steps[i].input == Pipeline::kNone ? 0 : std::max<std::size_t>(1, input.queue_depth);
      segment.reason = std::move(reason);
      plan.segments.push_back(std::move(segment));
    }
    plan.segments[segment_of[i]].steps.push_back(i);
  }
  plan.reason = fmt::format("asked for: {} threads on {} cores, light operators run in the thread of their input",
                            plan.segments.size(), input.cores);
  return plan;
}

}  // namespace penstock
