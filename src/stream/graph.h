// SPDX-License-Identifier: MIT
// A pipeline whose operators were made and bound: types are known, every edge fits. What plans and runs start from.
#pragma once

#include <penstock/pipeline.h>

namespace penstock {

struct GraphStep {
  const Pipeline::Step* spec = nullptr;
  std::unique_ptr<Operator> op;
  StreamType input;
  StreamType output;
  OperatorTraits traits;
  std::vector<std::size_t> consumers;

  bool is_source() const noexcept { return spec->input == Pipeline::kNone; }
};

/// A tree of steps; every step follows its input.
struct Graph {
  std::shared_ptr<const Pipeline> pipeline;  // its own copy: a worker left behind may outlive the caller's
  std::vector<GraphStep> steps;
};

/// Makes and binds the operators in order. The first error carries the step's name and place.
Result<Graph> bind_graph(const Pipeline& pipeline);

/// Makes the operator of one step.
Result<std::unique_ptr<Operator>> make_operator(const Pipeline::Step& step);
/// Makes one more operator for a step of a bound graph, bound to the same input; or its fused form.
Result<std::unique_ptr<Operator>> make_bound(const Graph& graph, std::size_t step);
Result<std::unique_ptr<Operator>> make_fused(const Graph& graph, std::size_t step);

/// What strategies see of the graph.
StrategyInput strategy_input(const Graph& graph, const RunOptions& options);

/// Asks the strategy of `options` and completes its plan with what the graph knows.
Result<Plan> make_plan(const Graph& graph, const RunOptions& options);

/// "an edge type" for people: the schema, or the name of the record type.
std::string describe(const StreamType& type);

}  // namespace penstock
