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
#include "stream/monitor.h"
#include "stream/run_report.h"
#include "stream/segment.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

/// The workers of one segment of the plan: one, or several that share their input.
struct SegmentAtWork {
  std::vector<std::shared_ptr<Segment>> workers;
  Replicas* replicas = nullptr;                    // null for one worker; belongs to the run's state
  std::vector<std::unique_ptr<StepAtWork>> steps;  // the workers' own, in a replicated segment
};

/// Everything that lives as long as the run; kept alive by a worker that was left behind.
struct Run {
  Graph graph;
  Plan plan;
  std::shared_ptr<RunState> state;
  std::vector<std::unique_ptr<StepAtWork>> steps;
  std::vector<SegmentAtWork> segments;
  std::vector<std::vector<Runner*>>
      runners_of;  // by step, one per worker; none for steps that run inside a later step's loop
  double cpu_before = 0;
};

double cpu_seconds_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return cpu_seconds(usage);
}

// Steps share a file also when they spell its path differently ("a.jsonl", "./a.jsonl").
std::string quarantine_path(const Pipeline::Step& step, const RunOptions& options) {
  const std::string& path = step.on_error.quarantine_path;
  return std::filesystem::path(path.empty() ? options.artifacts + "/quarantine.jsonl" : path)
      .lexically_normal()
      .string();
}

void make_steps(Run& run) {
  for (std::size_t i = 0; i < run.graph.steps.size(); ++i) {
    const GraphStep& step = run.graph.steps[i];
    auto at_work = std::make_unique<StepAtWork>();
    at_work->step = &step;
    at_work->index = i;
    const std::string part =
        fmt::format("{}.{}.{}.part", quarantine_path(*step.spec, run.state->options), this_process_mark(), i);
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
    const bool chained =
        i == step || (run.graph.steps[i].consumers.size() == 1 && run.graph.steps[i].consumers[0] == i + 1);
    if (!chained) return 1;
  }
  return spec.fused_steps;
}

// The steps in one runner: the run's own, or copies that belong to one worker of a replicated segment.
std::vector<StepAtWork*> steps_of_runner(Run& run, SegmentAtWork& at_work, std::size_t first, std::size_t last) {
  std::vector<StepAtWork*> steps;
  for (std::size_t i = first; i <= last; ++i) {
    run.steps[i]->fused_away = i != last;
    if (at_work.replicas == nullptr) {
      steps.push_back(run.steps[i].get());
      continue;
    }
    auto own = std::make_unique<StepAtWork>();
    own->step = run.steps[i]->step;
    own->index = i;
    own->segment = run.steps[i]->segment;
    own->held = std::make_unique<HeldRejects>(own->step->spec->on_error);
    steps.push_back(own.get());
    at_work.steps.push_back(std::move(own));
  }
  return steps;
}

// The bound graph has one operator per step; a segment's further workers, and fused loops, get new ones.
Result<std::unique_ptr<Operator>> operator_for(Run& run, std::size_t last, std::size_t cover) {
  if (cover > 1) return make_fused(run.graph, last);
  if (run.graph.steps[last].op != nullptr) return std::move(run.graph.steps[last].op);
  // The readers of a divided source are not bound: the input may change between two looks at it.
  if (run.graph.steps[last].is_source()) return make_operator(*run.graph.steps[last].spec);
  return make_bound(run.graph, last);
}

Status add_runner(Run& run, SegmentAtWork& at_work, Segment& worker, std::size_t last, std::size_t cover) {
  PENSTOCK_ASSIGN(std::unique_ptr<Operator> op, operator_for(run, last, cover));
  std::vector<StepAtWork*> steps = steps_of_runner(run, at_work, last + 1 - cover, last);
  auto runner =
      std::make_unique<Runner>(run.state, worker.clock, std::move(op), std::move(steps), run.graph.steps[last].traits);
  StepAtWork& step = *run.steps[last];
  if (step.speaker == nullptr) step.speaker = &runner->op();
  run.runners_of[last].push_back(&worker.add(std::move(runner)));
  return {};
}

// Operators of a segment, from its end: the longest fused loop wins. Pairs of the last step and how many.
std::vector<std::pair<std::size_t, std::size_t>> choose_loops(const Run& run, const PlanSegment& plan) {
  std::vector<std::pair<std::size_t, std::size_t>> chosen;
  std::vector<bool> taken(run.graph.steps.size(), false);
  for (std::size_t i = plan.steps.size(); i-- > 0;) {
    const std::size_t step = plan.steps[i];
    if (taken[step]) continue;
    const std::size_t cover = fused_cover(run, step);
    for (std::size_t k = step + 1 - cover; k <= step; ++k) taken[k] = true;
    chosen.emplace_back(step, cover);
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

void make_replicas(Run& run, const PlanSegment& plan, SegmentAtWork& at_work) {
  std::vector<StepAtWork*> steps;
  for (const std::size_t step : plan.steps) steps.push_back(run.steps[step].get());
  auto replicas = std::make_unique<Replicas>(*run.state, std::move(steps), std::size_t{2} * plan.workers);
  at_work.replicas = replicas.get();
  run.state->waits.push_back(std::move(replicas));
  StepAtWork& first = *run.steps[plan.steps.front()];
  if (!first.step->is_source()) return;
  // The bound instance cuts, since it has spoken to the plan already; the workers get others.
  auto cutter = std::make_unique<PieceCutter>(*run.state, first, std::move(run.graph.steps[first.index].op));
  first.speaker = &cutter->op();
  at_work.replicas->set_cutter(std::move(cutter));
}

Status make_workers(Run& run, std::size_t index, bool timed) {
  const PlanSegment& plan = run.plan.segments[index];
  SegmentAtWork& at_work = run.segments[index];
  if (plan.workers > 1 || plan.worker == "process") make_replicas(run, plan, at_work);
  const std::vector<std::pair<std::size_t, std::size_t>> loops = choose_loops(run, plan);
  for (std::uint32_t w = 0; w < std::max(1U, plan.workers); ++w) {
    const std::string name = at_work.replicas == nullptr ? fmt::format("{}/{}", run.plan.pipeline, index)
                                                         : fmt::format("{}/{}.{}", run.plan.pipeline, index, w);
    at_work.workers.push_back(std::make_shared<Segment>(run.state, name, timed));
    for (const auto& [last, cover] : loops)
      PENSTOCK_TRY(add_runner(run, at_work, *at_work.workers.back(), last, cover));
  }
  return {};
}

// Runners that follow each other in one worker, for each worker.
void connect_inside(Run& run, std::size_t producer, std::size_t consumer) {
  for (std::size_t w = 0; w < run.runners_of[consumer].size(); ++w) {
    run.runners_of[producer][w]->add_consumer(*run.runners_of[consumer][w]);
  }
}

void connect_by_channel(Run& run, std::size_t producer, std::size_t consumer) {
  const std::size_t index = run.steps[consumer]->segment;
  run.state->channels.push_back(std::make_unique<Channel>(run.plan.segments[index].queue_depth, run.state->budget));
  Channel& channel = *run.state->channels.back();
  const SegmentAtWork& from = run.segments[run.steps[producer]->segment];
  if (from.replicas != nullptr) {
    from.replicas->add_output(channel);
  } else {
    run.runners_of[producer].front()->add_consumer(channel);
    channel.set_upstream(from.workers.front()->input());
  }
  const SegmentAtWork& to = run.segments[index];
  if (to.replicas != nullptr) {
    to.replicas->set_input(channel);
  } else {
    to.workers.front()->set_input(channel);
  }
}

// Connects every runner with the runners and channels that take its output.
void connect(Run& run) {
  for (std::size_t step = 0; step < run.runners_of.size(); ++step) {
    if (run.runners_of[step].empty()) continue;
    const std::size_t input = run.runners_of[step].front()->steps().front()->step->spec->input;
    if (input == Pipeline::kNone) continue;
    if (run.steps[input]->segment == run.steps[step]->segment) {
      connect_inside(run, input, step);
    } else {
      connect_by_channel(run, input, step);
    }
  }
  for (const SegmentAtWork& segment : run.segments) {
    if (segment.replicas == nullptr) continue;
    std::vector<Segment*> workers;
    for (const auto& worker : segment.workers) workers.push_back(worker.get());
    for (const auto& worker : segment.workers) worker->join(*segment.replicas, workers);
  }
}

Status set_up(Run& run) {
  const bool timed = run.state->options.metrics || run.state->options.trace ||
                     Monitor::is_needed(run.state->options, *run.graph.pipeline);
  run.runners_of.resize(run.graph.steps.size());
  run.segments.resize(run.plan.segments.size());
  make_steps(run);
  for (std::size_t s = 0; s < run.plan.segments.size(); ++s) PENSTOCK_TRY(make_workers(run, s, timed));
  connect(run);
  return {};
}

std::vector<std::shared_ptr<Segment>> all_workers(const Run& run) {
  std::vector<std::shared_ptr<Segment>> all;
  for (const SegmentAtWork& segment : run.segments)
    all.insert(all.end(), segment.workers.begin(), segment.workers.end());
  return all;
}

bool needs_threads(const Run& run) {
  // A caller cannot be left behind when its own code hangs, so a deadline needs a thread even for one segment.
  return run.segments.size() > 1 || run.segments.front().workers.size() > 1 ||
         run.plan.segments.front().worker != "caller" || Monitor::is_needed(run.state->options, *run.graph.pipeline);
}

// Workers that work in processes, numbered through all segments, and what goes into them.
struct ProcessSeat {
  Segment* worker = nullptr;
  StreamType input;
};

std::vector<ProcessSeat> process_seats(const Run& run) {
  std::vector<ProcessSeat> seats;
  for (std::size_t s = 0; s < run.plan.segments.size(); ++s) {
    if (run.plan.segments[s].worker != "process") continue;
    const std::size_t input = run.graph.steps[run.plan.segments[s].steps.front()].spec->input;
    for (const auto& worker : run.segments[s].workers) seats.push_back({worker.get(), run.graph.steps[input].output});
  }
  return seats;
}

// Before the run has threads: processes have none but the one that forked them.
Status start_processes(Run& run) {
  std::vector<ProcessSeat> seats = process_seats(run);
  if (seats.empty()) return {};
  PENSTOCK_ASSIGN(std::shared_ptr<WorkerNursery> nursery,
                  WorkerNursery::start([seats](std::uint32_t number, WorkerLink& link) {
                    serve_segment(*seats[number].worker, seats[number].input, link);
                  }));
  for (std::uint32_t number = 0; number < seats.size(); ++number) {
    Segment& worker = *seats[number].worker;
    std::vector<const StepAtWork*> steps;
    for (const auto& runner : worker.runners())
      steps.insert(steps.end(), runner->steps().begin(), runner->steps().end());
    worker.work_in(std::make_unique<RemoteWorker>(*run.state, nursery, number, std::move(steps), seats[number].input));
  }
  return {};
}

/// Returns false when workers were left behind.
bool work(Run& run) {
  const std::unique_ptr<Executor> executor = needs_threads(run) ? make_thread_executor() : make_inline_executor();
  const std::vector<std::shared_ptr<Segment>> workers = all_workers(run);
  std::vector<std::shared_ptr<Task>> tasks(workers.begin(), workers.end());
  std::optional<Monitor> monitor;
  if (Monitor::is_needed(run.state->options, *run.graph.pipeline))
    monitor.emplace(run.state, workers, run.steps, *executor);
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
  if (status) {
    add_quarantine_files(report, run);
  } else {
    report.outputs.clear();
    report.results.clear();
  }
  report.wall_seconds = static_cast<double>(now_ns() - run.state->started_ns) / 1e9;
  report.cpu_seconds =
      cpu_seconds_so_far() - run.cpu_before + static_cast<double>(run.state->worker_cpu_ns.load()) / 1e9;
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
  run->cpu_before = cpu_seconds_so_far();
  run->graph = std::move(graph);
  run->plan = std::move(plan);
  run->state = std::make_shared<RunState>(options);
  RunOutcome outcome;
  outcome.status = set_up(*run);
  bool all_ended = true;
  if (outcome.status) outcome.status = start_processes(*run);
  if (outcome.status) {
    all_ended = work(*run);
    outcome.status = conclude(*run, all_ended);
  }
  outcome.report = make_report(*run, outcome.status, all_ended);
  if (!all_ended) keep_for_ever(run);
  return outcome;
}

}  // namespace penstock
