// SPDX-License-Identifier: MIT
#include "stream/graph.h"

#include <fmt/format.h>

#include <thread>

#include "stream/checkpoints.h"
#include "stream/output_paths.h"
#include "stream/presets.h"
#include "stream/strategies.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

Error at_step(Error error, const Pipeline::Step& step) {
  const std::string place = step.options.origin.to_text();
  Error named = std::move(error).at(step.name);
  return place.empty() || named.where().find(place) != std::string::npos ? std::move(named)
                                                                         : std::move(named).at(place);
}

// The registry's own messages name the operator's place; a step's name adds nothing to "unknown operator".
Error from_registry(Error error, const Pipeline::Step& step) {
  return error.where().empty() ? std::move(error).at(step.name) : std::move(error);
}

Status check_edges(const Pipeline& pipeline, std::size_t index, const Operator& op) {
  const Pipeline::Step& step = pipeline.steps()[index];
  const bool is_source = dynamic_cast<const Source*>(&op) != nullptr;
  if (is_source && step.input != Pipeline::kNone) {
    return at_step(Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is a source, but \"{}\" comes before it",
                                                                  step.op, pipeline.steps()[step.input].name))
                       .hint("sources begin a pipeline; make it the first operator, or start a second stage"),
                   step);
  }
  if (!is_source && step.input == Pipeline::kNone) {
    return at_step(
        Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" needs input, but nothing comes before it", step.op))
            .hint("begin with a source, for instance csv.read or generate"),
        step);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Operator>> make_operator(const Pipeline::Step& step) {
  Result<std::unique_ptr<Operator>> op = guarded(
      [&] { return step.factory == nullptr ? Registry::global().make(step.op, step.options) : step.factory->make(); });
  if (!op) return from_registry(std::move(op).error(), step);
  return op;
}

Result<std::unique_ptr<Operator>> make_fused(const Graph& graph, std::size_t index) {
  const Pipeline::Step& step = *graph.steps[index].spec;
  Result<std::unique_ptr<Operator>> op = guarded([&] { return step.fused->make(); });
  if (!op) return at_step(std::move(op).error(), step);
  Result<StreamType> bound = guarded([&] { return (*op)->bind(graph.steps[index + 1 - step.fused_steps].input); });
  if (!bound) return at_step(std::move(bound).error(), step);
  return op;
}

Result<std::unique_ptr<Operator>> make_bound(const Graph& graph, std::size_t index) {
  PENSTOCK_ASSIGN(std::unique_ptr<Operator> op, make_operator(*graph.steps[index].spec));
  Result<StreamType> bound = guarded([&] { return op->bind(graph.steps[index].input); });
  if (!bound) return at_step(std::move(bound).error(), *graph.steps[index].spec);
  return op;
}

Result<Graph> bind_graph(const Pipeline& pipeline) {
  if (pipeline.steps().empty()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("the pipeline \"{}\" has no operators", pipeline.name()))
        .hint("begin with a source, for instance csv.read or generate");
  }
  Graph graph;
  graph.pipeline = std::make_shared<const Pipeline>(pipeline);
  for (std::size_t i = 0; i < pipeline.steps().size(); ++i) {
    const Pipeline::Step& step = graph.pipeline->steps()[i];
    GraphStep bound;
    bound.spec = &step;
    PENSTOCK_ASSIGN(bound.op, make_operator(step));
    PENSTOCK_TRY(check_edges(pipeline, i, *bound.op));
    if (step.input != Pipeline::kNone) {
      bound.input = graph.steps[step.input].output;
      graph.steps[step.input].consumers.push_back(i);
    }
    Result<StreamType> output = guarded([&] { return bound.op->bind(bound.input); });
    if (!output) return at_step(std::move(output).error(), step);
    bound.output = std::move(*output);
    bound.traits = bound.op->traits();
    bound.traits.light = bound.traits.light || step.light;
    bound.traits.stateless = (bound.traits.stateless || step.stateless) && bound.traits.in_flight == 0;
    graph.steps.push_back(std::move(bound));
  }
  return graph;
}

std::string describe(const StreamType& type) {
  if (type.is_record_batch() && type.schema != nullptr) return type.schema->to_text();
  return type.record_name.empty() ? "nothing" : type.record_name;
}

// From an operator that may need only the first records of its input, back to what may add records or has effects. The
// records looked at before it had enough are then the same for every batch size and strategy.
std::vector<bool> steps_that_stay(const Graph& graph) {
  std::vector<bool> stays(graph.steps.size(), false);
  for (std::size_t i = graph.steps.size(); i-- > 0;) {
    if (!graph.steps[i].traits.ends_early) continue;
    for (std::size_t at = i; !graph.steps[at].is_source(); at = graph.steps[at].spec->input) {
      const GraphStep& input = graph.steps[graph.steps[at].spec->input];
      const bool may_add = !input.is_source() && input.traits.rows == RowEffect::kChanges;
      if (may_add || input.traits.effects) break;
      stays[at] = true;
    }
  }
  return stays;
}

StrategyInput strategy_input(const Graph& graph, const RunOptions& options) {
  StrategyInput input;
  input.workers = options.strategy.workers;
  input.queue_depth = options.queue_depth;
  input.cores = std::max(1U, std::thread::hardware_concurrency());
  const std::vector<bool> stays = steps_that_stay(graph);
  for (std::size_t i = 0; i < graph.steps.size(); ++i) {
    const GraphStep& step = graph.steps[i];
    input.steps.push_back({step.spec->input, step.consumers, step.traits, step.spec->name, step.spec->on, stays[i],
                           step.output.can_cross_processes(), step.spec->may_crash});
  }
  return input;
}

namespace {

std::string describe(const ErrorPolicy& policy) {
  static constexpr const char* kNames[] = {"fail", "skip", "quarantine"};
  std::string text = kNames[static_cast<std::size_t>(policy.action)];
  if (policy.max_attempts > 1) text += fmt::format(" after {} attempts", policy.max_attempts);
  return text;
}

Plan::Step plan_step(const GraphStep& step) {
  Plan::Step out;
  out.name = step.spec->name;
  out.op = step.spec->op;
  if (!step.is_source()) out.inputs.push_back(step.spec->input);
  out.output = describe(step.output);
  out.note = step.op->note();
  out.on_error = describe(step.spec->on_error);
  out.unordered = step.traits.unordered;
  out.light = step.traits.light;
  return out;
}

// Several workers may share a segment whose steps follow each other, each alone behind the one before: divisible
// sources and stateless steps, and at the end one that can be merged.
bool may_be_shared(const PlanSegment& segment, const Graph& graph) {
  for (std::size_t i = 0; i < segment.steps.size(); ++i) {
    const GraphStep& step = graph.steps[segment.steps[i]];
    const bool last = i + 1 == segment.steps.size();
    const bool fits =
        step.is_source() ? i == 0 && step.traits.divisible : step.traits.stateless || (last && step.traits.mergeable);
    const bool follows =
        i == 0 || (step.spec->input == segment.steps[i - 1] && graph.steps[step.spec->input].consumers.size() == 1);
    if (!fits || !follows || step.traits.effects) return false;
  }
  return true;
}

Status check_workers(const Plan& plan, const Graph& graph) {
  for (const PlanSegment& segment : plan.segments) {
    const bool in_process = segment.worker == "process";
    if (segment.workers <= 1 && segment.most_workers <= 1 && !in_process) continue;
    const GraphStep& first = graph.steps[segment.steps.front()];
    if (may_be_shared(segment, graph) && !(in_process && first.is_source())) continue;
    return Error(ErrorCode::kInternal,
                 fmt::format(
                     "the strategy \"{}\" gave several workers, or a process, to a segment that cannot have them: "
                     "\"{}\"",
                     plan.strategy, first.spec->name))
        .hint(
            "only chains of stateless operators may be shared; a divisible source may begin one and a mergeable "
            "operator end it");
  }
  return {};
}

// A strategy may come from outside: what it decided is checked like any input.
Status check_segments(const Plan& plan, const Graph& graph) {
  std::vector<bool> covered(graph.steps.size(), false);
  const std::vector<bool> stays = steps_that_stay(graph);
  for (const PlanSegment& segment : plan.segments) {
    if (segment.steps.empty())
      return Error(ErrorCode::kInternal, fmt::format("the strategy \"{}\" made an empty segment", plan.strategy));
    for (std::size_t i = 0; i < segment.steps.size(); ++i) {
      const std::size_t step = segment.steps[i];
      const bool inside = step < covered.size() && !covered[step];
      // Sources beside each other take turns, so all of them begin in a worker without a channel.
      const std::size_t input = inside ? graph.steps[step].spec->input : Pipeline::kNone;
      bool fed = (i == 0 && !(inside && stays[step])) ||
                 (input == Pipeline::kNone && graph.steps[segment.steps[0]].is_source());
      for (std::size_t j = 0; inside && j < i; ++j) fed = fed || segment.steps[j] == input;
      if (!inside || !fed) {
        return Error(
                   ErrorCode::kInternal,
                   fmt::format("the strategy \"{}\" made a plan whose segments do not fit the pipeline", plan.strategy))
            .hint(
                "every step belongs to one segment, behind its input or at the segment's start; steps that stay, "
                "behind their input");
      }
      covered[step] = true;
    }
  }
  for (std::size_t i = 0; i < covered.size(); ++i) {
    if (covered[i]) continue;
    return Error(ErrorCode::kInternal,
                 fmt::format("the strategy \"{}\" left out the step \"{}\"", plan.strategy, graph.steps[i].spec->name));
  }
  return {};
}

}  // namespace

Result<Plan> make_plan(const Graph& graph, const RunOptions& options) {
  PENSTOCK_TRY(check_output_paths(*graph.pipeline, options));
  PENSTOCK_ASSIGN(const StrategyInfo strategy, find_strategy(options.strategy.name));
  PENSTOCK_ASSIGN(Plan plan, strategy.decide(strategy_input(graph, options)));
  plan.pipeline = graph.pipeline->name();
  plan.strategy = strategy.name;
  plan.batch_size = std::max<std::size_t>(1, options.batch_size);
  plan.memory_limit = options.memory_limit;
  plan.preset = preset_text(options);
  plan.no_checkpoints = why_no_checkpoints(graph);
  for (const GraphStep& step : graph.steps) plan.steps.push_back(plan_step(step));
  PENSTOCK_TRY(check_segments(plan, graph));
  PENSTOCK_TRY(check_workers(plan, graph));
  return plan;
}

}  // namespace penstock
