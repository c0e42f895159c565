// SPDX-License-Identifier: MIT
#include "stream/sampler.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/machine.h"
#include "platform/process_use.h"
#include "stream/assembly.h"

namespace penstock {
namespace {

constexpr std::size_t kMostEvents = 1000;
constexpr std::chrono::milliseconds kLeastInterval{10};

// The later sample of two as one: what was counted is in it anyway, of levels the higher one counts.
void join_into(MonitorSample& to, MonitorSample later) {
  if (later.steps.size() == to.steps.size()) {
    for (std::size_t i = 0; i < to.steps.size(); ++i)
      later.steps[i].queue = std::max(later.steps[i].queue, to.steps[i].queue);
  }
  later.memory_bytes = std::max(later.memory_bytes, to.memory_bytes);
  later.in_flight_bytes = std::max(later.in_flight_bytes, to.in_flight_bytes);
  to = std::move(later);
}

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

double percent(double part, double whole) { return whole > 0 ? part / whole * 100 : 0; }

}  // namespace

void SampleLog::add(MonitorSample sample) {
  ++added_;
  if (in_open_ == 0) {
    open_ = std::move(sample);
  } else {
    join_into(open_, std::move(sample));
  }
  if (++in_open_ < per_kept_) return;
  if (kept_.size() == kMost) {
    thin_out();  // from now on it is but half of one
    return;
  }
  in_open_ = 0;
  kept_.push_back(std::move(open_));
}

void SampleLog::add_last(MonitorSample sample, bool join) {
  if (join && in_open_ == 0 && !kept_.empty()) {
    ++added_;
    join_into(kept_.back(), std::move(sample));
    return;
  }
  add(std::move(sample));
  if (in_open_ == 0) return;
  in_open_ = 0;
  if (kept_.size() == kMost) thin_out();
  kept_.push_back(std::move(open_));
}

void SampleLog::thin_out() {
  for (std::size_t i = 0; i < kMost / 2; ++i) {
    MonitorSample two = std::move(kept_[2 * i]);
    join_into(two, std::move(kept_[2 * i + 1]));
    kept_[i] = std::move(two);
  }
  kept_.resize(kMost / 2);
  per_kept_ *= 2;
}

MetricValues metrics_between(const MonitorSample& before, const MonitorSample& now, const MonitorScale& scale) {
  MetricValues values;
  const double seconds = now.seconds - before.seconds;
  values.cpu_usage = percent(std::max(0.0, now.cpu_seconds - before.cpu_seconds), seconds * scale.cores);
  values.memory_bytes = static_cast<double>(now.memory_bytes);
  values.memory = percent(values.memory_bytes, static_cast<double>(scale.memory_limit));
  values.in_flight_bytes = static_cast<double>(now.in_flight_bytes);
  values.throughput = seconds > 0 ? static_cast<double>(now.records_in - before.records_in) / seconds : 0;
  values.records = static_cast<double>(now.records_in);
  values.errors = static_cast<double>(now.errors);
  values.seconds = now.seconds;
  for (std::size_t i = 0; i < now.steps.size(); ++i) {
    if (scale.queue_depths[i] > 0)
      values.queue = std::max(values.queue, percent(now.steps[i].queue, scale.queue_depths[i]));
    const double blocked_before = before.steps.empty() ? 0 : before.steps[i].blocked_seconds;
    values.blocked =
        std::max(values.blocked, std::min(100.0, percent(now.steps[i].blocked_seconds - blocked_before, seconds)));
  }
  return values;
}

Sampler::Sampler(const Run& run)
    : run_(run),
      options_(run.state->options.monitor),
      actions_(run.plan.pipeline),
      last_ns_(run.state->started_ns),
      next_ns_(run.state->started_ns + std::chrono::nanoseconds(options_.interval).count()) {
  const Machine machine = this_machine();
  scale_.cores = std::max<std::uint32_t>(1, machine.cores);
  scale_.memory_limit = machine.memory_bytes;
  scale_.queue_depths.resize(run.steps.size(), 0);
  for (std::size_t s = 0; s < run.segments.size(); ++s) {
    if (run.segments[s].input != nullptr)
      scale_.queue_depths[run.plan.segments[s].steps.front()] =
          static_cast<std::uint32_t>(run.segments[s].input->depth());
  }
  last_.records_in = sample(last_ns_).records_in;  // of a run that this one goes on from
  for (const AlertRule& rule : options_.alerts) watches_.push_back(AlertWatch::make(rule).value());
}

Sampler::~Sampler() = default;

MonitorSample Sampler::sample(std::int64_t now_ns) const {
  RunState& state = *run_.state;
  const ProcessUse own = this_process_use();
  const LiveProcesses::Use workers = state.processes.use();
  MonitorSample sample;
  sample.seconds = static_cast<double>(now_ns - state.started_ns) / 1e9;
  sample.cpu_seconds = own.cpu_seconds - run_.cpu_before + workers.cpu_seconds;
  sample.memory_bytes = own.resident_bytes + workers.own_bytes;
  sample.in_flight_bytes = state.budget.used();
  for (const auto& step : run_.steps) {
    const std::uint64_t rejected = step->rejects->count();
    const std::uint64_t out = step->metrics.records_out.get();
    if (step->step->is_source()) sample.records_in += out + rejected;
    sample.errors += rejected;
    sample.steps.push_back({out, seconds_of(step->metrics.all_busy_ns()), seconds_of(step->metrics.wait_ns.get()),
                            seconds_of(step->metrics.blocked_ns.get())});
  }
  for (std::size_t s = 0; s < run_.segments.size(); ++s) {
    if (const Channel* const input = run_.segments[s].input)
      sample.steps[run_.plan.segments[s].steps.front()].queue = static_cast<std::uint32_t>(input->size());
  }
  return sample;
}

void Sampler::take(std::int64_t now_ns) {
  MonitorSample now = sample(now_ns);
  look(last_, now, now_ns);
  before_last_ = std::exchange(last_, now);
  last_ns_ = now_ns;
  // A sample that came late does not make those that follow come closer together.
  next_ns_ = now_ns + std::chrono::nanoseconds(options_.interval).count();
  log_.add(std::move(now));
}

void Sampler::look(const MonitorSample& before, const MonitorSample& now, std::int64_t now_ns) {
  values_ = metrics_between(before, now, scale_);
  if (watches_.empty()) return;
  const RecordBatch row = metric_row(values_);
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (std::optional<AlertEvent> event = watches_[i].look(values_, row, now_ns))
      report(options_.alerts[i], std::move(*event));
  }
}

void Sampler::report(const AlertRule& rule, AlertEvent event) {
  if (ProgressListener* const listener = run_.state->options.progress) listener->alert(event);
  if (events_.size() == kMostEvents) {
    ++events_lost_;
    return;
  }
  actions_.take(rule, event, events_.size());
  events_.push_back(std::move(event));
}

void Sampler::fill(Progress& progress) const {
  if (log_.added() == 0) return;
  Progress::Use use;
  use.cpu_usage = values_.cpu_usage;
  use.memory_bytes = last_.memory_bytes;
  use.in_flight_bytes = last_.in_flight_bytes;
  use.throughput = values_.throughput;
  for (const AlertWatch& watch : watches_) {
    if (watch.has_fired()) use.alerts.push_back(watch.name());
  }
  const double seconds = last_.seconds - before_last_.seconds;
  for (std::size_t i = 0; i < progress.steps.size(); ++i) {
    Progress::Step& step = progress.steps[i];
    const double before = before_last_.steps.empty() ? 0 : before_last_.steps[i].blocked_seconds;
    step.blocked = seconds > 0 ? std::clamp((last_.steps[i].blocked_seconds - before) / seconds, 0.0, 1.0) : 0;
    step.queue = last_.steps[i].queue;
    step.queue_depth = scale_.queue_depths[i];
  }
  progress.use = std::move(use);
}

MonitorLog Sampler::finish(std::int64_t now_ns) {
  // Rates over a part of an interval say little, so a short one counts as one with that before.
  const bool join = log_.added() > 0 && now_ns - last_ns_ < std::chrono::nanoseconds(options_.interval).count() / 2;
  MonitorSample now = sample(now_ns);
  look(join ? before_last_ : last_, now, now_ns);
  log_.add_last(std::move(now), join);
  for (AlertActions::Done& done : actions_.finish(run_.state->options.stop))
    events_[done.event].actions.push_back(std::move(done.action));
  MonitorLog log;
  log.cores = scale_.cores;
  log.memory_limit = scale_.memory_limit;
  log.interval_seconds = static_cast<double>(options_.interval.count()) / 1e3 * static_cast<double>(log_.per_kept());
  log.samples_taken = log_.added();
  log.samples = log_.take();
  log.events = std::move(events_);
  log.events_lost = events_lost_;
  return log;
}

Status check_monitor(const MonitorOptions& options) {
  if (options.interval < kLeastInterval) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the time between two samples is {} ms, but must be at least {} ms",
                             options.interval.count(), kLeastInterval.count()))
        .at("monitor_interval");
  }
  for (auto rule = options.alerts.begin(); rule != options.alerts.end(); ++rule) {
    if (Status checked = check_alert(*rule); !checked) return std::move(checked).error().at("alert " + rule->name);
    const auto same = [&](const AlertRule& other) { return other.name == rule->name; };
    if (std::any_of(options.alerts.begin(), rule, same))
      return Error(ErrorCode::kAlreadyExists, fmt::format("there is an alert \"{}\" already", rule->name))
          .at("alert " + rule->name);
  }
  return {};
}

}  // namespace penstock
