// SPDX-License-Identifier: MIT
#include "stream/adaptation.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "platform/clock.h"
#include "platform/machine.h"
#include "stream/monitor.h"
#include "stream/table.h"

namespace penstock {
namespace {

constexpr std::int64_t kMicro = 1'000;
constexpr std::int64_t kMilli = 1'000'000;

// A batch that takes as long as this can be handed to another thread without the cost being felt.
constexpr std::int64_t kWorthABatch = 500 * kMicro;
constexpr std::size_t kGrowth = 4;
constexpr double kGained = 0.5;                  // of the time of a record in a smaller batch
constexpr std::int64_t kTooLong = 100 * kMilli;  // to try a larger batch
// Processor time of both sides for one batch through a channel, caches included.
constexpr double kHandoverNs = 3'000;
// Of entering and leaving one segment while it is measured.
constexpr std::int64_t kMeasuringNs = 600;
constexpr std::int64_t kLeastBatchesPerMeasuring = 100;  // measuring takes a hundredth of the time at most
// Old measurements count half as much with every decision that changes nothing.
constexpr double kKept = 0.5;

// A single batch may have taken as long as it did since it was the first: a program was started, a model was loaded.
constexpr std::uint32_t kMostAfterOneBatch = 4;

// Who has its workers needs some time to show what they do.
constexpr std::int64_t kBetweenLooks = 10 * kMilli;
constexpr double kBusy = 0.9;
constexpr double kMostlyWaits = 0.5;
constexpr double kCoresInUse = 0.85;
// Looking costs some small files; what they say about pressure changes every two seconds.
// Smaller batches save no memory worth the name, and cost much time.
constexpr std::size_t kLeastWhenShort = 256;
constexpr std::int64_t kBetweenMemoryLooks = 100 * kMilli;

// The segments that get their batches from `root`, itself first. Every segment of a plan follows what feeds it.
std::vector<std::size_t> segments_behind(const Run& run, std::size_t root) {
  std::vector<std::size_t> behind = {root};
  for (std::size_t s = root + 1; s < run.plan.segments.size(); ++s) {
    const std::size_t input = run.graph.steps[run.plan.segments[s].steps.front()].spec->input;
    if (input == Pipeline::kNone) continue;
    if (std::find(behind.begin(), behind.end(), run.steps[input]->segment) != behind.end()) behind.push_back(s);
  }
  return behind;
}

// Where an operator may give up a whole batch, what is in it must not depend on how fast it is.
bool may_reject_whole_batches(const GraphStep& step) {
  const ErrorPolicy& policy = step.spec->on_error;
  const bool plain = policy.action == ErrorPolicy::Action::kFail && policy.max_attempts <= 1;
  return !plain && !step.is_source() && !step.traits.retries_rows;
}

std::string share_of_waiting(const SegmentLoad& load) {
  const double waits = load.wall_ns > 0 ? std::clamp(1 - load.cpu_ns / load.wall_ns, 0.0, 1.0) : 0;
  return waits < 0.2 ? "at work" : fmt::format("{:.0f} % of it waiting", waits * 100);
}

}  // namespace

Adaptation::Adaptation(Run& run, std::size_t root, std::size_t roots, Executor& executor, Monitor* monitor)
    : run_(run),
      cores_(std::max<std::uint32_t>(1, std::thread::hardware_concurrency() / static_cast<std::uint32_t>(roots))),
      is_alone_(roots == 1),
      may_set_batch_size_(is_alone_ && run.state->options.batch_size == RunOptions::kDefaultBatchSize &&
                          std::none_of(run.graph.steps.begin(), run.graph.steps.end(), may_reject_whole_batches)),
      sets_batch_size_(may_set_batch_size_),
      executor_(executor),
      monitor_(monitor) {
  for (const std::size_t segment : segments_behind(run, root)) {
    Part& part = parts_.emplace_back();
    part.segment = segment;
    part.reason = plan_of(part).reason;
  }
  first_worker_of(parts_.front()).set_watch(this);
}

bool Adaptation::begin() {
  for (Part& part : parts_) {
    if (&part == &parts_.front()) continue;
    Segment& worker = first_worker_of(part);
    if (!worker.open_all()) return false;
    worker.work_in_thread_of_producer(*run_.segments[part.segment].input, part.unit, meter_);
  }
  delay_ns_ = thread_delay_ns();
  meter_.turn(true);
  if (sets_batch_size_) run_.state->batch_size.store(1, std::memory_order_relaxed);
  first_worker_of(parts_.front()).measure(parts_.front().unit, meter_);
  meter_.enter(parts_.front().unit);
  return true;
}

void Adaptation::at_boundary() {
  if (run_.state->cancelled()) return;  // perhaps left behind: nothing else may be there any more
  if (spread_) return look_at_workers();
  for (Part& part : parts_) {
    if (&part != &parts_.front()) first_worker_of(part).go_on(false);
  }
  if (meter_.on()) return measure();
  if (--skip_ <= 0) meter_.turn(true);
}

void Adaptation::measure() {
  std::int64_t measured = 0;
  for (const Part& part : parts_) measured += part.unit.wall_ns;
  const std::int64_t batch_ns = measured - seen_ns_;
  seen_ns_ = measured;
  ++batches_;
  if (run_.plan.adapting.all_at_once) return decide();
  if (sets_batch_size_ && !memory_is_short() && grow_batches(batch_ns - (thread_delay_ns() - delay_ns_)))
    return forget(0);
  if (measured >= run_.plan.adapting.least_measured.count()) return decide();
  const std::int64_t cost = kMeasuringNs * static_cast<std::int64_t>(parts_.size());
  // By the mean of all: a batch of what was left of a block may be short. Now and then one more, or only the short ones
  // might be measured where every second one is.
  skip_ = cost * kLeastBatchesPerMeasuring / std::max<std::int64_t>(1, measured / batches_);
  if (skip_ > 0) skip_ += batches_ % 2;
  meter_.turn(skip_ == 0);
}

// Each time that it turns out to be short batches are halved, for memory that others may have taken down to some that
// are small, and so are the queues that they wait in.
bool Adaptation::memory_is_short() {
  const std::int64_t now = now_ns();
  if (memory_looked_ns_ != 0 && now - memory_looked_ns_ < kBetweenMemoryLooks) return memory_.is_short;
  memory_looked_ns_ = now;
  const MemoryBudget& budget = run_.state->budget;
  memory_ = advise_on_memory(memory_use(), spread_ ? budget.used() : budget.peak(), budget.limit());
  if (!memory_.is_short) return false;
  if (run_.state->options.queue_depth == RunOptions().queue_depth) shorten_queues();
  if (!may_set_batch_size_) return true;
  sets_batch_size_ = false;
  const std::size_t size = run_.state->batch_size.load(std::memory_order_relaxed);
  run_.state->batch_size.store(std::max(memory_.by_others ? kLeastWhenShort : std::size_t{1}, size / 2),
                               std::memory_order_relaxed);
  return true;
}

void Adaptation::shorten_queues() {
  for (const Part& part : parts_) {
    PlanSegment& segment = plan_of(part);
    if (segment.queue_depth <= 1) continue;
    segment.queue_depth /= 2;
    run_.segments[part.segment].input->lower_depth(segment.queue_depth);
  }
}

std::uint64_t Adaptation::records_read() const {
  return run_.steps[plan_of(parts_.front()).steps.front()]->metrics.records_out.get();
}

// Grows batches until one is worth a channel, and further while a record takes less time in a larger one: an operator
// may take as long for any batch. What the first batch took may have been spent once and for all. Returns true when
// what was measured says nothing about the batches that follow.
bool Adaptation::grow_batches(std::int64_t batch_ns) {
  const std::size_t size = run_.state->batch_size.load(std::memory_order_relaxed);
  const std::size_t most = std::max<std::size_t>(1, run_.state->options.batch_size);
  const std::uint64_t records =
      std::max<std::uint64_t>(1, records_read() - std::exchange(records_seen_, records_read()));
  const double record_ns = static_cast<double>(batch_ns) / static_cast<double>(records);
  const bool gained = smaller_.size == 0 || record_ns < kGained * smaller_.record_ns;
  const bool worth_a_batch = batch_ns >= kWorthABatch;
  if (worth_a_batch && !std::exchange(saw_a_batch_, true)) return true;
  if (worth_a_batch && (!gained || batch_ns >= kTooLong)) {
    sets_batch_size_ = false;
    if (!smaller_.worth_a_batch || gained) return false;
    run_.state->batch_size.store(smaller_.size, std::memory_order_relaxed);
    return true;
  }
  sets_batch_size_ = size < most;
  if (!sets_batch_size_) return false;
  smaller_ = {size, record_ns, worth_a_batch};
  run_.state->batch_size.store(std::min(most, size * kGrowth), std::memory_order_relaxed);
  return true;
}

void Adaptation::forget(double keep) {
  seen_ns_ = 0;
  for (Part& part : parts_) {
    part.unit.wall_ns = static_cast<std::int64_t>(static_cast<double>(part.unit.wall_ns) * keep);
    part.unit.cpu_ns = static_cast<std::int64_t>(static_cast<double>(part.unit.cpu_ns) * keep);
    seen_ns_ += part.unit.wall_ns;
  }
  batches_ = static_cast<std::int64_t>(static_cast<double>(batches_) * keep);
  delay_ns_ = thread_delay_ns();
}

// Without the time in which other programs had the processor: it says nothing about the work.
std::vector<SegmentLoad> Adaptation::loads() const {
  std::vector<SegmentLoad> loads;
  double cpu_ns = 0;
  for (const Part& part : parts_) {
    loads.push_back({static_cast<double>(part.unit.wall_ns), static_cast<double>(part.unit.cpu_ns),
                     std::max(1U, plan_of(part).most_workers)});
    cpu_ns += loads.back().cpu_ns;
  }
  const auto delay_ns = static_cast<double>(thread_delay_ns() - delay_ns_);
  for (SegmentLoad& load : loads) {
    const double lost_ns = cpu_ns > 0 ? delay_ns * load.cpu_ns / cpu_ns : 0;
    load.wall_ns = std::max(load.wall_ns - lost_ns, load.cpu_ns);
  }
  return loads;
}

// Two decisions in a row, since the first batches often do what later ones need not; but where a single batch takes so
// long that it is better to look at few workers meanwhile than to wait for a second one, one is enough.
void Adaptation::decide() {
  last_.loads = loads();
  last_.batches = batches_;
  last_.sizing = size_workers(last_.loads, cores_, kHandoverNs * static_cast<double>(batches_));
  if (run_.plan.adapting.all_at_once) {
    for (std::size_t i = 0; i < parts_.size(); ++i) last_.sizing.workers[i] = last_.loads[i].most_workers;
    return spread();
  }
  in_favour_ = last_.sizing.gain() >= run_.plan.adapting.least_gain ? in_favour_ + 1 : 0;
  const bool one_is_enough = in_favour_ == 1 && batches_ == 1 && last_.sizing.one_thread_ns >= kBetweenLooks;
  if (!one_is_enough && in_favour_ < 2) return forget(in_favour_ > 0 ? 0 : kKept);
  if (memory_is_short()) {
    held_back_ = memory_.why;
    in_favour_ = 0;
    return forget(kKept);
  }
  held_back_.clear();
  if (one_is_enough) {
    for (std::uint32_t& workers : last_.sizing.workers) workers = std::min(workers, kMostAfterOneBatch);
  }
  spread();
}

void Adaptation::say_what_was_decided() {
  if (last_.batches == 0) return;
  const auto per_batch = [this](double ns) { return duration_text(ns / static_cast<double>(last_.batches) / 1e9); };
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].decided = fmt::format("{}; measured: {} for a batch, {}", parts_[i].reason,
                                    per_batch(last_.loads[i].wall_ns), share_of_waiting(last_.loads[i]));
    plan_of(parts_[i]).reason = parts_[i].decided;
  }
  if (!is_alone_) return;
  run_.plan.reason = fmt::format(
      "measured in one thread: {} for a batch; with threads and workers of their own on {} it should take {}: {}",
      per_batch(last_.sizing.one_thread_ns), counted(cores_, "core"), per_batch(last_.sizing.spread_ns),
      spread_              ? fmt::format("{:.1f} times as fast", last_.sizing.gain())
      : held_back_.empty() ? "not worth it, all stayed in one thread"
                           : fmt::format("but memory is short ({}), so all stayed in one thread", held_back_));
  run_.plan.batch_size = run_.state->batch_size.load(std::memory_order_relaxed);
}

void Adaptation::ended() {
  if (!spread_) return say_what_was_decided();
  if (held_back_.empty() || !is_alone_) return;
  run_.plan.reason += fmt::format("; no workers were added later, since memory was short ({})", held_back_);
  run_.plan.batch_size = run_.state->batch_size.load(std::memory_order_relaxed);
}

void Adaptation::spread() {
  spread_ = true;
  say_what_was_decided();
  std::vector<std::shared_ptr<Segment>> to_start;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    const SegmentAtWork& at_work = run_.segments[part.segment];
    first_worker_of(part).leave_thread_of_producer();
    if (at_work.replicas != nullptr) first_worker_of(part).add_load_to(part.load);
    if (i > 0) to_start.push_back(at_work.workers.front());
    if (last_.sizing.workers[i] <= 1) continue;
    const std::vector<std::shared_ptr<Segment>> more = more_workers(part, last_.sizing.workers[i] - 1);
    to_start.insert(to_start.end(), more.begin(), more.end());
  }
  looked_ns_ = now_ns();
  cpu_seen_ = process_cpu_seconds();
  start(to_start);
}

// The run ends with the error of an instance that cannot be made, as it does where all are made before it begins.
std::vector<std::shared_ptr<Segment>> Adaptation::more_workers(Part& part, std::uint32_t count) {
  Result<std::vector<std::shared_ptr<Segment>>> added = add_workers(run_, part.segment, count);
  if (!added) {
    run_.state->fail(std::move(added).error());
    return {};
  }
  for (const auto& worker : *added) worker->add_load_to(part.load);
  plan_of(part).workers += static_cast<std::uint32_t>(added->size());
  return std::move(*added);
}

void Adaptation::start(const std::vector<std::shared_ptr<Segment>>& workers) {
  if (monitor_ != nullptr) monitor_->add(workers);
  std::vector<std::shared_ptr<Task>> tasks(workers.begin(), workers.end());
  if (Status started = executor_.start(std::move(tasks)); !started) run_.state->fail(std::move(started).error());
}

void Adaptation::look_at_workers() {
  const std::int64_t now = now_ns();
  const std::int64_t elapsed_ns = now - looked_ns_;
  if (elapsed_ns < kBetweenLooks) return;
  memory_is_short();
  const double cpu = process_cpu_seconds();
  const bool cores_are_free =
      (cpu - cpu_seen_) * 1e9 < kCoresInUse * cores_ * static_cast<double>(elapsed_ns) && threads_running() <= cores_;
  for (Part& part : parts_) {
    if (run_.segments[part.segment].replicas != nullptr) help(part, elapsed_ns, cores_are_free);
  }
  looked_ns_ = now;
  cpu_seen_ = cpu;
}

// Where all are always busy, more of them do more: as many again can wait at once, and one more can use a free core.
void Adaptation::help(Part& part, std::int64_t elapsed_ns, bool cores_are_free) {
  PlanSegment& segment = plan_of(part);
  const std::int64_t wall_ns = part.load.wall_ns();
  const std::int64_t waited_ns = part.load.waited_ns();
  const auto of_their_time = [&](std::int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(elapsed_ns * segment.workers);
  };
  const double busy = of_their_time(wall_ns - std::exchange(part.wall_seen_ns, wall_ns));
  const double waited = of_their_time(waited_ns - std::exchange(part.waited_seen_ns, waited_ns));
  if (busy < kBusy || segment.workers >= segment.most_workers) return;
  const std::uint32_t wanted = waited > kMostlyWaits ? segment.workers : cores_are_free ? 1 : 0;
  if (wanted == 0) return;
  if (memory_.is_short) {
    held_back_ = memory_.why;
    return;
  }
  start(more_workers(part, std::min(wanted, segment.most_workers - segment.workers)));
  segment.reason =
      fmt::format("{}; {} later, since all were always busy", part.decided, counted(segment.workers, "worker"));
}

}  // namespace penstock
