// SPDX-License-Identifier: MIT
#include "stream/run_loop.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include "platform/clock.h"
#include "platform/machine.h"
#include "stream/adaptation.h"
#include "stream/assembly.h"
#include "stream/checkpoints.h"
#include "stream/monitor.h"
#include "stream/run_report.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

std::vector<std::size_t> segments_of_sources(const Run& run) {
  std::vector<std::size_t> roots;
  for (std::size_t s = 0; s < run.plan.segments.size(); ++s) {
    if (run.plan.segments[s].queue_depth == 0) roots.push_back(s);
  }
  return roots;
}

bool needs_threads(const Run& run) {
  if (run.plan.adapting.on)
    return segments_of_sources(run).size() > 1 || Monitor::is_needed(run.state->options, *run.graph.pipeline);
  // A caller cannot be left behind when its own code hangs, so a deadline needs a thread even for one segment.
  return run.segments.size() > 1 || run.segments.front().workers.size() > 1 ||
         run.plan.segments.front().worker != "caller" || Monitor::is_needed(run.state->options, *run.graph.pipeline);
}

/// The workers that begin; where the plan adapts, others follow.
std::vector<std::shared_ptr<Segment>> first_workers(Run& run, Executor& executor, Monitor* monitor) {
  if (!run.plan.adapting.on) return all_workers(run);
  std::vector<std::shared_ptr<Segment>> first;
  const std::vector<std::size_t> roots = segments_of_sources(run);
  for (const std::size_t root : roots) {
    run.watches.push_back(std::make_unique<Adaptation>(run, root, roots.size(), executor, monitor));
    first.push_back(run.segments[root].workers.front());
  }
  return first;
}

/// Returns false when workers were left behind.
bool work(Run& run) {
  const std::unique_ptr<Executor> executor = needs_threads(run) ? make_thread_executor() : make_inline_executor();
  std::optional<Monitor> monitor;
  if (Monitor::is_needed(run.state->options, *run.graph.pipeline))
    monitor.emplace(run.state, all_workers(run), run.steps, *executor, run.sampler.get());
  const auto workers = first_workers(run, *executor, monitor ? &*monitor : nullptr);
  std::vector<std::shared_ptr<Task>> tasks(workers.begin(), workers.end());
  if (Status started = executor->start(std::move(tasks)); !started) run.state->fail(std::move(started).error());
  return executor->wait();
}

template <class F>
void for_each_runner(Run& run, F&& call) {
  for (const std::vector<Runner*>& runners : run.runners_of) {
    for (Runner* const runner : runners) {
      if (runner->opened()) call(*runner);
    }
  }
}

Status commit_quarantines(Run& run, std::vector<AtomicFile>& committed) {
  std::map<std::string, std::vector<RowRejects*>> parts;
  for (const auto& step : run.steps) {
    const ErrorPolicy& policy = step->step->spec->on_error;
    if (policy.action != ErrorPolicy::Action::kQuarantine) continue;
    parts[quarantine_path(*step->step->spec, run.state->options)].push_back(step->rejects.get());
  }
  for (const auto& [path, of_path] : parts) {
    PENSTOCK_ASSIGN(AtomicFile file, commit_quarantine(path, of_path));
    committed.push_back(std::move(file));
  }
  return {};
}

Status commit_operators(Run& run) {
  Status status;
  for_each_runner(run, [&](Runner& runner) {
    if (!status) return;
    status = guarded([&] { return runner.op().commit(); });
    if (!status) status = Error(std::move(status).error()).at(runner.steps().back()->step->spec->name);
  });
  return status;
}

// All files appear, or none: what was committed before a failure is taken back.
Status commit_or_undo(Run& run, Status status) {
  std::vector<AtomicFile> quarantines;
  if (status) status = commit_quarantines(run, quarantines);
  if (status) status = commit_operators(run);
  if (!status) {
    for_each_runner(run, [](Runner& runner) { runner.op().abort(); });
    for (AtomicFile& file : quarantines) file.abort();
  }
  for (const auto& step : run.steps) step->rejects->remove_part();
  return status;
}

/// The error of the run, or nothing.
Status conclude(Run& run, bool all_ended) {
  Status status;
  if (std::optional<Error> error = run.state->first_error()) {
    status = std::move(*error);
  } else if (run.state->cancelled()) {
    status = Error(ErrorCode::kCancelled, "the run was cancelled; nothing was written");
  } else {
    status = check_accounts(run.steps);
  }
  if (!all_ended) return status;  // what the others still use must not be touched
  return commit_or_undo(run, std::move(status));
}

Report::Outcome outcome_of(const Status& status, const RunState& state) {
  if (status)
    return state.stop.state() == StopSignal::State::kDrain ? Report::Outcome::kDrained : Report::Outcome::kDone;
  return status.error().code() == ErrorCode::kCancelled ? Report::Outcome::kCancelled : Report::Outcome::kFailed;
}

void add_quarantine_files(Report& report, const Run& run) {
  for (const auto& step : run.steps) {
    const Pipeline::Step& spec = *step->step->spec;
    if (spec.on_error.action != ErrorPolicy::Action::kQuarantine) continue;
    const std::string path = quarantine_path(spec, run.state->options);
    const auto known =
        std::find_if(report.outputs.begin(), report.outputs.end(), [&](const auto& file) { return file.path == path; });
    OutputFile& file =
        known != report.outputs.end() ? *known : report.outputs.emplace_back(OutputFile{path, "quarantine"});
    file.records += step->rejects->count();
    if (Result<FileStamp> stamp = stamp_of(path)) file.size_bytes = static_cast<std::uint64_t>(stamp->size_bytes);
  }
}

Report make_report(const Run& run, const Status& status, bool all_ended) {
  Report report = report_steps(run.plan, run.steps, run.runners_of, all_ended);
  report.outcome = outcome_of(status, *run.state);
  for (std::size_t i = 0; i < run.state->crashes.size(); ++i) report.steps[i].crashes = run.state->crashes[i].load();
  if (status) {
    add_quarantine_files(report, run);
  } else {
    report.outputs.clear();
    report.results.clear();
  }
  report.wall_seconds = static_cast<double>(now_ns() - run.state->started_ns) / 1e9;
  report.cpu_seconds = process_cpu_seconds() - run.cpu_before + run.state->processes.ended_cpu_seconds();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  report.memory_peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  report.buffer_peak_bytes = run.state->budget.peak();
  return report;
}

}  // namespace

namespace {

// A worker that was left behind still uses its run.
void keep_for_ever(std::shared_ptr<Run> run) {
  static std::mutex mutex;
  static auto* const runs = new std::vector<std::shared_ptr<Run>>;
  const std::lock_guard lock(mutex);
  runs->push_back(std::move(run));
}

void end_checkpoints(Run& run, RunOutcome& outcome) {
  Checkpoints& checkpoints = *run.state->checkpoints;
  checkpoints.end(outcome.status.has_value());
  outcome.report.checkpoints.written = checkpoints.written();
  outcome.report.checkpoints.note = checkpoints.why_ended();
}

}  // namespace

RunOutcome run_plan(Graph graph, Plan plan, const RunOptions& options, RunStart& start) {
  const auto run = std::make_shared<Run>();
  run->cpu_before = process_cpu_seconds();
  run->graph = std::move(graph);
  run->plan = std::move(plan);
  run->state = std::make_shared<RunState>(options);
  run->from = start.from ? &*start.from : nullptr;
  if (!start.identity.empty()) {
    run->state->checkpoints = std::make_unique<Checkpoints>(*run, start.identity, start.from ? start.from->number : 0,
                                                            options.checkpoints.resume_from);
  }
  RunOutcome outcome;
  outcome.status = assemble(*run);
  bool all_ended = true;
  if (outcome.status) {
    if (options.monitor.wanted()) run->sampler = std::make_unique<Sampler>(*run);
    all_ended = work(*run);
    if (all_ended) std::for_each(run->watches.begin(), run->watches.end(), [](const auto& watch) { watch->ended(); });
    outcome.status = conclude(*run, all_ended);
  } else {
    for (const auto& step : run->steps) step->rejects->remove_part();
  }
  start.failed = run->state->restore_failed.load(std::memory_order_relaxed);
  outcome.report = make_report(*run, outcome.status, all_ended);
  if (run->sampler != nullptr) outcome.report.monitor = run->sampler->finish(now_ns());
  if (run->state->checkpoints != nullptr) end_checkpoints(*run, outcome);
  if (!all_ended) keep_for_ever(run);
  return outcome;
}

}  // namespace penstock
