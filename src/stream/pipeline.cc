// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/pipeline.h>

#include <algorithm>

#include "base/check.h"
#include "stream/checkpoints.h"
#include "stream/graph.h"
#include "stream/output_paths.h"
#include "stream/past_checkpoints.h"
#include "stream/run_loop.h"
#include "stream/sampler.h"

namespace penstock {

OperatorFactory::~OperatorFactory() = default;
ProgressListener::~ProgressListener() = default;
void ProgressListener::alert(const AlertEvent&) {}
RejectionListener::~RejectionListener() = default;

namespace {

std::string unique_name(const std::vector<Pipeline::Step>& steps, const std::string& wanted) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(steps.begin(), steps.end(), [&](const Pipeline::Step& step) { return step.name == name; });
  };
  std::string name = wanted;
  for (int i = 2; taken(name); ++i) name = fmt::format("{}-{}", wanted, i);
  return name;
}

}  // namespace

Pipeline::StepId Pipeline::append(Step step, StepId input) {
  step.input = input == kLast ? last() : input;
  PENSTOCK_CHECK(step.input == kNone || step.input < steps_.size(),
                 "the input of a step must have been added before it");
  step.name = unique_name(steps_, step.name.empty() ? step.op : step.name);
  steps_.push_back(std::move(step));
  return steps_.size() - 1;
}

Pipeline::StepId Pipeline::add(std::string op, Options options, StepOptions step, StepId input) {
  Step added;
  added.op = std::move(op);
  added.options = std::move(options);
  added.name = std::move(step.name);
  added.on_error = std::move(step.on_error);
  added.timeout = step.timeout;
  added.light = step.light;
  added.stateless = step.stateless;
  added.may_crash = step.may_crash;
  added.on = std::move(step.on);
  return append(std::move(added), input);
}

Pipeline::StepId Pipeline::add(std::string op, std::shared_ptr<const OperatorFactory> factory, StepOptions step,
                               StepId input) {
  const StepId id = add(std::move(op), Options(), std::move(step), input);
  steps_[id].factory = std::move(factory);
  return id;
}

void Pipeline::set_fused(StepId id, std::shared_ptr<const OperatorFactory> fused, std::size_t steps) {
  PENSTOCK_CHECK(id < steps_.size() && steps >= 1 && steps <= id + 1, "a fused operator covers steps of the pipeline");
  steps_[id].fused = std::move(fused);
  steps_[id].fused_steps = steps;
}

Status Pipeline::check() const {
  PENSTOCK_TRY(bind_graph(*this));
  return check_output_paths(*this, {});
}

Result<Plan> Pipeline::plan(const RunOptions& options) const {
  PENSTOCK_ASSIGN(const Graph graph, bind_graph(*this));
  return make_plan(graph, options);
}

namespace {

RunOutcome failed_before_it_began(const Pipeline& pipeline, Error error) {
  RunOutcome outcome;
  outcome.report.pipeline = pipeline.name();
  outcome.report.outcome = Report::Outcome::kFailed;
  outcome.status = std::move(error);
  return outcome;
}

// One try to run, at the beginning or from the best checkpoint that is left.
RunOutcome try_to_run(const Pipeline& pipeline, const RunOptions& options, PastCheckpoints& past, RunStart& start) {
  Result<Graph> graph = bind_graph(pipeline);
  if (!graph) return failed_before_it_began(pipeline, std::move(graph).error());
  Result<Plan> plan = make_plan(*graph, options);
  if (!plan) return failed_before_it_began(pipeline, std::move(plan).error());
  const bool wanted = options.checkpoints.interval.count() > 0 && !options.checkpoints.folder.empty();
  if (wanted && plan->no_checkpoints.empty()) {
    Result<std::vector<std::pair<std::string, std::string>>> identity = checkpoint_identity(*graph, options);
    if (!identity) return failed_before_it_began(pipeline, std::move(identity).error());
    start.identity = std::move(*identity);
    start.from = past.next(start.identity);
  }
  const std::string why_not = wanted ? plan->no_checkpoints : std::string();
  RunOutcome outcome = run_plan(std::move(*graph), std::move(*plan), options, start);
  if (!why_not.empty() && !options.checkpoints.resume_from.empty())
    outcome.report.checkpoints.note = "the run began anew: " + why_not;
  if (start.from && outcome.status) past.tell_of(*start.from, outcome.report.checkpoints);
  return outcome;
}

}  // namespace

RunOutcome Pipeline::run_to_outcome(const RunOptions& options) const {
  if (Status watchable = check_monitor(options.monitor); !watchable)
    return failed_before_it_began(*this, std::move(watchable).error());
  PastCheckpoints past(options.checkpoints.resume_from);
  for (;;) {
    RunStart start;
    RunOutcome outcome = try_to_run(*this, options, past, start);
    if (!start.failed) {
      past.add_notes_to(outcome.report.checkpoints);
      return outcome;
    }
    past.refuse(*start.from, outcome.status.error().to_text());
  }
}

Result<Report> Pipeline::run(const RunOptions& options) const {
  RunOutcome outcome = run_to_outcome(options);
  if (!outcome.status) return std::move(outcome.status).error();
  return std::move(outcome.report);
}

Result<Report> Pipeline::run(const Strategy& strategy) const {
  RunOptions options;
  options.strategy = strategy;
  return run(options);
}

}  // namespace penstock
