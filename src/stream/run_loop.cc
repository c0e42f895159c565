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

#include "stream/monitor.h"
#include "stream/run_report.h"
#include "stream/segment.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

/// Everything that lives as long as the run; kept alive by a worker that was left behind.
struct Run {
  Graph graph;
  Plan plan;
  std::shared_ptr<RunState> state;
  std::vector<std::unique_ptr<StepAtWork>> steps;
  std::vector<std::shared_ptr<Segment>> segments;
  std::vector<Runner*> runner_of;  // by step; null for steps that run inside a later step's loop
  double cpu_before = 0;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Steps share a file also when they spell its path differently ("a.jsonl", "./a.jsonl").
std::string quarantine_path(const Pipeline::Step& step, const RunOptions& options) {
  const std::string& path = step.on_error.quarantine_path;
  return std::filesystem::path(path.empty() ? options.artifacts + "/quarantine.jsonl" : path).lexically_normal().string();
}

void make_steps(Run& run) {
  for (std::size_t i = 0; i < run.graph.steps.size(); ++i) {
    const GraphStep& step = run.graph.steps[i];
    auto at_work = std::make_unique<StepAtWork>();
    at_work->step = &step;
    at_work->index = i;
    const std::string part = fmt::format("{}.{}.{}.part", quarantine_path(*step.spec, run.state->options), getpid(), i);
    at_work->rejects = std::make_unique<RowRejects>(step.spec->name, step.spec->on_error, part, run.state->rejects);
    run.steps.push_back(std::move(at_work));
  }
  for (std::size_t s = 0; s < run.plan.segments.size(); ++s) {
    for (const std::size_t step : run.plan.segments[s].steps) run.steps[step]->segment = s;
  }
}

// How many steps the fused form that ends at `step` covers, if all of them are in this segment with one consumer each.
std::size_t fused_cover(const Run& run, std::size_t step) {
  const Pipeline::Step& spec = *run.graph.steps[step].spec;
  if (spec.fused == nullptr || spec.fused_steps < 2) return 1;
  const std::size_t first = step + 1 - spec.fused_steps;
  for (std::size_t i = first; i <= step; ++i) {
    if (run.steps[i]->segment != run.steps[step]->segment) return 1;
    if (run.graph.steps[i].spec->timeout.count() > 0) return 1;  // its time must be told apart from that of the others
    const bool chained = i == step || (run.graph.steps[i].consumers.size() == 1 && run.graph.steps[i].consumers[0] == i + 1);
    if (!chained) return 1;
  }
  return spec.fused_steps;
}

Status add_runner(Run& run, Segment& segment, std::size_t last, std::size_t cover) {
  std::vector<StepAtWork*> steps;
  OperatorTraits traits = run.graph.steps[last].traits;
  std::unique_ptr<Operator> op;
  if (cover == 1) {
    op = std::move(run.graph.steps[last].op);
  } else {
    PENSTOCK_ASSIGN(op, make_fused(run.graph, last));
  }
  for (std::size_t i = last + 1 - cover; i <= last; ++i) {
    steps.push_back(run.steps[i].get());
    run.steps[i]->fused_away = i != last;
  }
  run.runner_of[last] = &segment.add(std::make_unique<Runner>(run.state, segment.clock, std::move(op), std::move(steps), traits));
  return {};
}

// Operators of a segment, from its end: the longest fused loop wins.
Status make_runners(Run& run, Segment& segment, const PlanSegment& plan) {
  std::vector<std::pair<std::size_t, std::size_t>> chosen;  // last step, how many
  std::vector<bool> taken(run.graph.steps.size(), false);
  for (std::size_t i = plan.steps.size(); i-- > 0;) {
    const std::size_t step = plan.steps[i];
    if (taken[step]) continue;
    const std::size_t cover = fused_cover(run, step);
    for (std::size_t k = step + 1 - cover; k <= step; ++k) taken[k] = true;
    chosen.emplace_back(step, cover);
  }
  for (std::size_t i = chosen.size(); i-- > 0;) PENSTOCK_TRY(add_runner(run, segment, chosen[i].first, chosen[i].second));
  return {};
}

// Connects every runner with the runners and channels that take its output.
void connect(Run& run) {
  for (std::size_t step = 0; step < run.runner_of.size(); ++step) {
    Runner* const runner = run.runner_of[step];
    if (runner == nullptr) continue;
    const std::size_t input = runner->steps().front()->step->spec->input;
    if (input == Pipeline::kNone) continue;
    Runner& producer = *run.runner_of[input];
    Segment& segment = *run.segments[run.steps[step]->segment];
    if (run.steps[input]->segment == run.steps[step]->segment) {
      producer.add_consumer(*runner);
    } else {
      const std::size_t depth = run.plan.segments[run.steps[step]->segment].queue_depth;
      run.state->channels.push_back(std::make_unique<Channel>(depth, run.state->budget));
      producer.add_consumer(*run.state->channels.back());
      segment.set_input(run.state->channels.back().get());
    }
  }
}

Status set_up(Run& run) {
  const bool timed = run.state->options.metrics || run.state->options.trace || Monitor::is_needed(run.state->options, *run.graph.pipeline);
  run.runner_of.resize(run.graph.steps.size(), nullptr);
  make_steps(run);
  for (std::size_t s = 0; s < run.plan.segments.size(); ++s) {
    const std::string name = fmt::format("{}/{}", run.plan.pipeline, s);
    run.segments.push_back(std::make_shared<Segment>(run.state, name, timed));
    PENSTOCK_TRY(make_runners(run, *run.segments.back(), run.plan.segments[s]));
  }
  connect(run);
  return {};
}

bool needs_threads(const Run& run) {
  // A caller cannot be left behind when its own code hangs, so a deadline needs a thread even for one segment.
  return run.segments.size() > 1 || run.plan.segments.front().worker != "caller" ||
         Monitor::is_needed(run.state->options, *run.graph.pipeline);
}

/// Returns false when workers were left behind.
bool work(Run& run) {
  const std::unique_ptr<Executor> executor = needs_threads(run) ? make_thread_executor() : make_inline_executor();
  std::vector<std::shared_ptr<Task>> tasks(run.segments.begin(), run.segments.end());
  std::optional<Monitor> monitor;
  if (Monitor::is_needed(run.state->options, *run.graph.pipeline)) monitor.emplace(run.state, run.segments, run.steps, *executor);
  if (Status started = executor->start(std::move(tasks)); !started) run.state->fail(std::move(started).error());
  return executor->wait();
}

template <class F>
void for_each_runner(Run& run, F&& call) {
  for (Runner* const runner : run.runner_of) {
    if (runner != nullptr && runner->opened()) call(*runner);
  }
}

Status commit_quarantines(Run& run) {
  std::map<std::string, std::vector<RowRejects*>> parts;
  for (const auto& step : run.steps) {
    const ErrorPolicy& policy = step->step->spec->on_error;
    if (policy.action != ErrorPolicy::Action::kQuarantine) continue;
    parts[quarantine_path(*step->step->spec, run.state->options)].push_back(step->rejects.get());
  }
  for (const auto& [path, of_path] : parts) PENSTOCK_TRY(commit_quarantine(path, of_path));
  return {};
}

Status commit(Run& run) {
  Status status = commit_quarantines(run);
  for_each_runner(run, [&](Runner& runner) {
    if (!status) return;
    status = guarded([&] { return runner.op().commit(); });
    if (!status) status = Error(std::move(status).error()).at(runner.steps().back()->step->spec->name);
  });
  return status;
}

void undo(Run& run) {
  for_each_runner(run, [](Runner& runner) { runner.op().abort(); });
  for (const auto& step : run.steps) step->rejects->remove_part();
}

/// The error of the run, or nothing.
Status conclude(Run& run, bool all_ended) {
  Status status;
  if (std::optional<Error> error = run.state->first_error()) {
    status = std::move(*error);
  } else if (run.state->cancelled()) {
    status = Error(ErrorCode::kCancelled, "the run was cancelled; nothing was written");
  } else {
    status = check_accounts(run.steps, run.runner_of);
  }
  if (!all_ended) return status;  // what the others still use must not be touched
  if (status) status = commit(run);
  if (!status) undo(run);
  return status;
}

Report::Outcome outcome_of(const Status& status, const RunState& state) {
  if (status) return state.stop.state() == StopSignal::State::kDrain ? Report::Outcome::kDrained : Report::Outcome::kDone;
  return status.error().code() == ErrorCode::kCancelled ? Report::Outcome::kCancelled : Report::Outcome::kFailed;
}

void add_quarantine_files(Report& report, const Run& run) {
  for (const auto& step : run.steps) {
    const Pipeline::Step& spec = *step->step->spec;
    if (spec.on_error.action != ErrorPolicy::Action::kQuarantine) continue;
    const std::string path = quarantine_path(spec, run.state->options);
    const auto known = std::find_if(report.outputs.begin(), report.outputs.end(), [&](const auto& file) { return file.path == path; });
    OutputFile& file = known != report.outputs.end() ? *known : report.outputs.emplace_back(OutputFile{path, "quarantine"});
    file.records += step->rejects->count();
    if (Result<FileStamp> stamp = stamp_of(path)) file.size_bytes = static_cast<std::uint64_t>(stamp->size_bytes);
  }
}

Report make_report(const Run& run, const Status& status, bool all_ended) {
  Report report = report_steps(run.plan, run.steps, run.runner_of, all_ended);
  report.outcome = outcome_of(status, *run.state);
  if (status) add_quarantine_files(report, run);
  report.wall_seconds = static_cast<double>(now_ns() - run.state->started_ns) / 1e9;
  report.cpu_seconds = cpu_seconds() - run.cpu_before;
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

}  // namespace

RunOutcome run_plan(Graph graph, Plan plan, const RunOptions& options) {
  const auto run = std::make_shared<Run>();
  run->cpu_before = cpu_seconds();
  run->graph = std::move(graph);
  run->plan = std::move(plan);
  run->state = std::make_shared<RunState>(options);
  RunOutcome outcome;
  outcome.status = set_up(*run);
  bool all_ended = true;
  if (outcome.status) {
    all_ended = work(*run);
    outcome.status = conclude(*run, all_ended);
  }
  outcome.report = make_report(*run, outcome.status, all_ended);
  if (!all_ended) keep_for_ever(run);
  return outcome;
}

}  // namespace penstock
