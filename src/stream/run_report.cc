// SPDX-License-Identifier: MIT
#include "stream/run_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "stream/graph.h"

namespace penstock {
namespace {

Error broken(const StepAtWork& step, std::string what) {
  return Error(ErrorCode::kInternal, std::move(what))
      .at(step.step->spec->name)
      .hint("this is a bug in the operator: it lost or invented records; please report it");
}

Status check_source(const StepAtWork& step) {
  const std::uint64_t read = static_cast<const Source&>(*step.speaker).records_read();
  const std::uint64_t accounted = step.metrics.records_out.get() + step.rejects->count();
  if (read == Source::kUnknown || read == accounted) return {};
  return broken(step, fmt::format("it read {} records, but emitted {} and rejected {}", read,
                                  step.metrics.records_out.get(), step.rejects->count()));
}

Status check_effect(const StepAtWork& step) {
  const std::uint64_t in = step.metrics.records_in.get();
  const std::uint64_t out = step.metrics.records_out.get();
  const std::uint64_t rejected = step.rejects->count();
  const bool fits = step.step->traits.rows == RowEffect::kChanges ||
                    (step.step->traits.rows == RowEffect::kKeeps ? in == out + rejected : in >= out + rejected);
  if (fits) return {};
  return broken(step, fmt::format("of {} records {} came out and {} were rejected", in, out, rejected));
}

}  // namespace

Status check_accounts(const std::vector<std::unique_ptr<StepAtWork>>& steps) {
  for (const auto& step : steps) {
    if (step->step->is_source()) {
      if (step->speaker != nullptr) PENSTOCK_TRY(check_source(*step));
      continue;
    }
    PENSTOCK_TRY(check_effect(*step));
    const StepAtWork& input = *steps[step->step->spec->input];
    const std::uint64_t emitted = input.metrics.records_out.get();
    const std::uint64_t received = step->metrics.records_in.get();
    // Fewer may arrive where a later step had enough and the rest was not needed.
    if (received > emitted) {
      return broken(*step, fmt::format("it received {} records, but \"{}\" emitted {}", received,
                                       input.step->spec->name, emitted));
    }
  }
  return {};
}

namespace {

StepReport report_step(const StepAtWork& step, bool all_ended) {
  const StepMetrics& metrics = step.metrics;
  const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  StepReport report;
  report.name = step.step->spec->name;
  report.op = step.step->spec->op;
  report.segment = step.segment;
  report.records_in = metrics.records_in.get();
  report.records_out = metrics.records_out.get();
  report.records_rejected = step.rejects->count();
  report.retries = step.rejects->retries();
  report.fallbacks = step.rejects->fallbacks();
  report.batches = metrics.batches.get();
  report.busy_seconds = seconds(metrics.all_busy_ns());
  report.wait_seconds = seconds(metrics.wait_ns.get());
  report.blocked_seconds = seconds(metrics.blocked_ns.get());
  if (all_ended) report.first_rejection = step.rejects->first();
  report.fused = step.fused_away;
  return report;
}

// Follows the records from every source as far as they stay the same records; what others rejected counts apart.
void add_totals(Report& report, const std::vector<std::unique_ptr<StepAtWork>>& steps) {
  for (const auto& step : steps) {
    if (!step->step->is_source()) continue;
    report.records_rejected += step->rejects->count();
    report.records_in += step->metrics.records_out.get() + step->rejects->count();
    const StepAtWork* at = step.get();
    std::uint64_t left = at->metrics.records_out.get();
    while (at->step->consumers.size() == 1) {
      const StepAtWork& next = *steps[at->step->consumers[0]];
      if (next.step->traits.rows == RowEffect::kChanges) break;
      const std::uint64_t out = next.metrics.records_out.get();
      const std::uint64_t gone = next.rejects->count() + out;
      report.records_rejected += next.rejects->count();
      report.records_dropped += left > gone ? left - gone : 0;
      left = out;
      at = &next;
    }
    report.records_out += left;
  }
  for (const auto& step : steps) report.records_rejected_further_on += step->rejects->count();
  report.records_rejected_further_on -= report.records_rejected;
}

// What an operator emitted ahead of consumers that had enough depends on the strategy. Nobody looked at it, so it does
// not count.
void forget_what_nobody_took(Report& report, const std::vector<std::unique_ptr<StepAtWork>>& steps) {
  for (const auto& step : steps) {
    const OperatorTraits& traits = step->step->traits;
    if (step->step->is_source() || traits.effects || traits.rows != RowEffect::kChanges) continue;
    std::uint64_t taken = step->step->consumers.empty() ? Operator::kAll : 0;
    for (const std::size_t consumer : step->step->consumers)
      taken = std::max(taken, steps[consumer]->metrics.records_in.get());
    report.steps[step->index].records_out = std::min(report.steps[step->index].records_out, taken);
  }
}

void add_what_is_left(Report& report, const std::string& name, Runner& runner) {
  if (runner.opened()) {
    for (OutputFile& output : runner.op().outputs()) report.outputs.push_back(std::move(output));
    if (std::string rows = runner.op().result(); !rows.empty()) report.results.push_back({name, std::move(rows)});
  }
  report.trace.insert(report.trace.end(), runner.spans().begin(), runner.spans().end());
}

}  // namespace

Report report_steps(const Plan& plan, const std::vector<std::unique_ptr<StepAtWork>>& steps,
                    const std::vector<std::vector<Runner*>>& runners_of, bool all_ended) {
  Report report;
  report.pipeline = plan.pipeline;
  report.plan = plan;
  for (const auto& step : steps) report.steps.push_back(report_step(*step, all_ended));
  forget_what_nobody_took(report, steps);
  add_totals(report, steps);
  for (std::size_t i = 0; all_ended && i < runners_of.size(); ++i) {
    if (runners_of[i].empty()) continue;
    report.steps[i].note = steps[i]->speaker->note();
    for (Runner* const runner : runners_of[i]) add_what_is_left(report, report.steps[i].name, *runner);
  }
  return report;
}

}  // namespace penstock
