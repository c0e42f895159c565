// SPDX-License-Identifier: MIT
#include "stream/assembly.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "platform/machine.h"
#include "stream/monitor.h"

namespace penstock {

// Steps share a file also when they spell its path differently ("a.jsonl", "./a.jsonl").
std::string quarantine_path(const Pipeline::Step& step, const RunOptions& options) {
  const std::string& path = step.on_error.quarantine_path;
  return std::filesystem::path(path.empty() ? options.artifacts + "/quarantine.jsonl" : path)
      .lexically_normal()
      .string();
}

namespace {

void make_steps(Run& run) {
  run.state->crashes = std::vector<std::atomic<std::uint64_t>>(run.graph.steps.size());
  for (std::size_t i = 0; i < run.graph.steps.size(); ++i) {
    const GraphStep& step = run.graph.steps[i];
    auto at_work = std::make_unique<StepAtWork>();
    at_work->step = &step;
    at_work->index = i;
    const std::string part =
        fmt::format("{}.{}.{}.part", quarantine_path(*step.spec, run.state->options), this_process_mark(), i);
    at_work->rejects = std::make_unique<RowRejects>(step.spec->name, step.spec->on_error, part, run.state->rejects,
                                                    run.state->options.rejections);
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
    own->held = std::make_unique<HeldRejects>(own->step->spec->on_error, run.state->options.rejections != nullptr);
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

bool may_have_several_workers(const PlanSegment& plan) {
  return plan.workers > 1 || plan.most_workers > 1 || plan.worker == "process";
}

// The step that a segment with several workers hands its batches to, when it can prepare them; else kNone.
std::size_t preparing_consumer(const Run& run, const PlanSegment& plan) {
  const std::vector<std::size_t>& consumers = run.graph.steps[plan.steps.back()].consumers;
  if (!may_have_several_workers(plan) || plan.worker == "process" || consumers.size() != 1) return Pipeline::kNone;
  return run.graph.steps[consumers.front()].traits.prepares ? consumers.front() : Pipeline::kNone;
}

void make_replicas(Run& run, const PlanSegment& plan, SegmentAtWork& at_work) {
  std::vector<StepAtWork*> steps;
  for (const std::size_t step : plan.steps) steps.push_back(run.steps[step].get());
  auto replicas = std::make_unique<Replicas>(*run.state, std::move(steps));
  at_work.replicas = replicas.get();
  run.state->waits.push_back(std::move(replicas));
  if (const std::size_t next = preparing_consumer(run, plan); next != Pipeline::kNone)
    at_work.replicas->set_ahead(run.steps[next]->metrics.ahead_ns);
  StepAtWork& first = *run.steps[plan.steps.front()];
  if (!first.step->is_source()) return;
  // The bound instance cuts, since it has spoken to the plan already; the workers get others.
  auto cutter = std::make_unique<PieceCutter>(*run.state, first, std::move(run.graph.steps[first.index].op));
  first.speaker = &cutter->op();
  at_work.replicas->set_cutter(std::move(cutter));
}

// Runners of one worker that follow each other.
void connect_inside(Run& run, const PlanSegment& plan, std::size_t worker) {
  for (const std::size_t step : plan.steps) {
    if (run.runners_of[step].empty()) continue;
    Runner& consumer = *run.runners_of[step][worker];
    const std::size_t input = consumer.steps().front()->step->spec->input;
    if (input == Pipeline::kNone || run.steps[input]->segment != run.steps[step]->segment) continue;
    run.runners_of[input][worker]->add_consumer(consumer);
  }
}

// Null when it comes too late.
Result<std::shared_ptr<Segment>> make_worker(Run& run, std::size_t index) {
  const PlanSegment& plan = run.plan.segments[index];
  SegmentAtWork& at_work = run.segments[index];
  const std::size_t number = at_work.workers.size();
  const std::string name = at_work.replicas == nullptr ? fmt::format("{}/{}", run.plan.pipeline, index)
                                                       : fmt::format("{}/{}.{}", run.plan.pipeline, index, number);
  const auto worker = std::make_shared<Segment>(run.state, name, run.timed);
  at_work.workers.push_back(worker);  // before the run knows its runners, which it owns
  for (const auto& [last, cover] : choose_loops(run, plan))
    PENSTOCK_TRY(add_runner(run, at_work, *worker, last, cover));
  connect_inside(run, plan, number);
  if (const std::size_t next = preparing_consumer(run, plan); next != Pipeline::kNone) {
    PENSTOCK_ASSIGN(std::unique_ptr<Operator> op, make_bound(run.graph, next));
    worker->prepare_for(std::move(op), next);
  }
  if (at_work.replicas != nullptr && !worker->join(*at_work.replicas)) return nullptr;
  return worker;
}

Status make_workers(Run& run, std::size_t index) {
  const PlanSegment& plan = run.plan.segments[index];
  if (may_have_several_workers(plan)) make_replicas(run, plan, run.segments[index]);
  for (std::uint32_t worker = 0; worker < std::max(1U, plan.workers); ++worker) PENSTOCK_TRY(make_worker(run, index));
  return {};
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
  SegmentAtWork& to = run.segments[index];
  to.input = &channel;
  if (to.replicas != nullptr) {
    to.replicas->set_input(channel);
  } else {
    to.workers.front()->set_input(channel);
  }
}

void connect_segments(Run& run) {
  for (std::size_t step = 0; step < run.runners_of.size(); ++step) {
    if (run.runners_of[step].empty()) continue;
    const std::size_t input = run.runners_of[step].front()->steps().front()->step->spec->input;
    if (input == Pipeline::kNone || run.steps[input]->segment == run.steps[step]->segment) continue;
    connect_by_channel(run, input, step);
  }
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

// From now on columns are made where workers in processes can read them. Null where the machine gives no addresses for
// that: then they are copied.
std::shared_ptr<SharedBlocks> lend_columns(Run& run) {
  Result<std::shared_ptr<SharedBlocks>> lent = SharedBlocks::create("penstock-batches");
  if (!lent) return nullptr;
  run.state->pool = BufferPool(run.state->budget, *lent);
  return std::move(*lent);
}

// Before the run has threads: processes have none but the one that forked them.
Status start_processes(Run& run) {
  std::vector<ProcessSeat> seats = process_seats(run);
  if (seats.empty()) return {};
  const std::shared_ptr<SharedBlocks> lent = lend_columns(run);
  PENSTOCK_ASSIGN(std::shared_ptr<WorkerNursery> nursery,
                  WorkerNursery::start([seats, lent](std::uint32_t number, WorkerLink& link) {
                    serve_segment(*seats[number].worker, seats[number].input, link, lent.get());
                  }));
  for (std::uint32_t number = 0; number < seats.size(); ++number) {
    Segment& worker = *seats[number].worker;
    std::vector<const StepAtWork*> steps;
    for (const auto& runner : worker.runners())
      steps.insert(steps.end(), runner->steps().begin(), runner->steps().end());
    worker.work_in(
        std::make_unique<RemoteWorker>(*run.state, nursery, number, std::move(steps), seats[number].input, lent));
  }
  return {};
}

}  // namespace

namespace {

Status restore_counts(Run& run) {
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    const Checkpoint::Step& then = run.from->steps[i];
    StepMetrics& metrics = run.steps[i]->metrics;
    metrics.records_in.set(then.records_in);
    metrics.records_out.set(then.records_out);
    metrics.batches.set(then.batches);
    StateReader reader(then.rejects);
    PENSTOCK_TRY(run.steps[i]->rejects->restore(reader));
  }
  return {};
}

// The first instance goes on for all that there were.
Status restore_operators(Run& run) {
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    const GraphStep& step = run.graph.steps[i];
    RestoredState restored;
    for (const std::string& state : run.from->steps[i].states) {
      std::unique_ptr<Operator> helper;
      if (&state != &run.from->steps[i].states.front()) {
        PENSTOCK_ASSIGN(helper, step.is_source() ? make_operator(*step.spec) : make_bound(run.graph, i));
      }
      restored.add(state, std::move(helper));
    }
    const SegmentAtWork& at_work = run.segments[run.steps[i]->segment];
    PieceCutter* const cutter = at_work.replicas != nullptr ? at_work.replicas->cutter() : nullptr;
    if (cutter != nullptr && step.is_source()) {
      cutter->restore_from(std::move(restored));
    } else {
      run.runners_of[i].front()->restore_from(std::move(restored));
    }
  }
  return {};
}

Status restore(Run& run) {
  Status status = restore_counts(run);
  if (status) status = restore_operators(run);
  if (!status) run.state->restore_failed.store(true, std::memory_order_relaxed);
  return status;
}

}  // namespace

Status assemble(Run& run) {
  run.timed = run.state->options.metrics || run.state->options.trace ||
              Monitor::is_needed(run.state->options, *run.graph.pipeline);
  run.runners_of.resize(run.graph.steps.size());
  run.segments.resize(run.plan.segments.size());
  make_steps(run);
  for (std::size_t s = 0; s < run.plan.segments.size(); ++s) PENSTOCK_TRY(make_workers(run, s));
  connect_segments(run);
  if (run.from != nullptr) PENSTOCK_TRY(restore(run));
  return start_processes(run);
}

Result<std::vector<std::shared_ptr<Segment>>> add_workers(Run& run, std::size_t segment, std::uint32_t count) {
  std::vector<std::shared_ptr<Segment>> added;
  for (std::uint32_t i = 0; i < count; ++i) {
    PENSTOCK_ASSIGN(std::shared_ptr<Segment> worker, make_worker(run, segment));
    if (worker == nullptr) break;
    added.push_back(std::move(worker));
  }
  return added;
}

std::vector<std::shared_ptr<Segment>> all_workers(const Run& run) {
  std::vector<std::shared_ptr<Segment>> all;
  for (const SegmentAtWork& segment : run.segments)
    all.insert(all.end(), segment.workers.begin(), segment.workers.end());
  return all;
}

}  // namespace penstock
