// SPDX-License-Identifier: MIT
#include "stream/monitor.h"

#include <fmt/format.h>

#include <algorithm>

#include "stream/table.h"

namespace penstock {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
constexpr std::int64_t kProgressNs = 200 * kMillisecondNs;
constexpr std::int64_t kStopPollNs = 20 * kMillisecondNs;
constexpr std::int64_t kGraceMs = 1000;  // for user code to look at the stop signal before it is left behind

std::int64_t to_ns(std::chrono::milliseconds duration) { return duration.count() * kMillisecondNs; }

std::string seconds(std::int64_t ns) { return duration_text(static_cast<double>(ns) / 1e9); }

}  // namespace

bool Monitor::is_needed(const RunOptions& options, const Pipeline& pipeline) {
  if (options.timeout.count() > 0 || options.stop != nullptr || options.progress != nullptr) return true;
  if (options.monitor.wanted()) return true;
  return std::any_of(pipeline.steps().begin(), pipeline.steps().end(),
                     [](const auto& step) { return step.timeout.count() > 0; });
}

Monitor::Monitor(std::shared_ptr<RunState> run, std::vector<std::shared_ptr<Segment>> segments,
                 std::vector<std::unique_ptr<StepAtWork>>& steps, Executor& executor, Sampler* sampler)
    : run_(std::move(run)),
      segments_(std::move(segments)),
      steps_(steps),
      executor_(executor),
      sampler_(sampler),
      last_busy_ns_(steps.size(), 0) {
  for (const auto& step : steps_) {
    const std::int64_t timeout = to_ns(step->step->spec->timeout);
    if (timeout > 0)
      shortest_step_timeout_ns_ =
          shortest_step_timeout_ns_ == 0 ? timeout : std::min(shortest_step_timeout_ns_, timeout);
  }
  last_progress_ns_ = run_->started_ns;
  thread_ = std::thread([this] { watch(); });
}

Monitor::~Monitor() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void Monitor::add(const std::vector<std::shared_ptr<Segment>>& segments) {
  const std::lock_guard lock(segments_mutex_);
  segments_.insert(segments_.end(), segments.begin(), segments.end());
}

std::vector<std::shared_ptr<Segment>> Monitor::segments() const {
  const std::lock_guard lock(segments_mutex_);
  return segments_;
}

std::int64_t Monitor::next_wake_ns(std::int64_t now) const {
  std::int64_t wake = now + 3600 * 1000 * kMillisecondNs;
  if (run_->options.timeout.count() > 0 && !gave_up_)
    wake = std::min(wake, run_->started_ns + to_ns(run_->options.timeout));
  if (shortest_step_timeout_ns_ > 0)
    wake = std::min(wake, now + std::max(shortest_step_timeout_ns_ / 4, kMillisecondNs));
  if (run_->options.stop != nullptr) wake = std::min(wake, now + kStopPollNs);
  if (run_->options.progress != nullptr) wake = std::min(wake, last_progress_ns_ + kProgressNs);
  if (sampler_ != nullptr) wake = std::min(wake, sampler_->next_ns());
  return std::max(wake, now + kMillisecondNs);
}

void Monitor::watch() {
  std::unique_lock lock(mutex_);
  while (!end_) {
    const std::int64_t now = now_ns();
    ended_.wait_for(lock, std::chrono::nanoseconds(next_wake_ns(now) - now), [this] { return end_; });
    if (end_) return;
    lock.unlock();
    const std::int64_t then = now_ns();
    run_->poll_stop();
    // Also when the run had failed before: somebody does not come back.
    if (run_->options.stop != nullptr && run_->options.stop->cancelled()) give_up();
    check_run_deadline(then);
    check_step_deadlines(then);
    if (sampler_ != nullptr && then >= sampler_->next_ns()) sampler_->take(then);
    report_progress(then);
    lock.lock();
  }
}

void Monitor::give_up() {
  if (gave_up_) return;
  gave_up_ = true;
  executor_.give_up_in(kGraceMs);
}

// A run that failed or was cancelled before keeps that error, but does not last longer than its timeout either.
void Monitor::time_out(Error error) {
  if (gave_up_) return;
  run_->fail(std::move(error).retryable(true));
  give_up();
}

void Monitor::check_run_deadline(std::int64_t now) {
  const std::int64_t timeout = to_ns(run_->options.timeout);
  if (timeout == 0 || now - run_->started_ns < timeout) return;
  time_out(Error(ErrorCode::kTimeout, fmt::format("the run did not end within its timeout of {}:\n{}", seconds(timeout),
                                                  describe_workers(segments(), steps_, now)))
               .hint("look at the operator that works or waits outside, or allow more time with timeout"));
}

void Monitor::check_step_deadlines(std::int64_t now) {
  if (shortest_step_timeout_ns_ == 0) return;
  for (const auto& segment : segments()) {
    if (segment->clock.activity() != Activity::kWorking) continue;
    const StepAtWork& step = *steps_[segment->clock.step()];
    const std::int64_t timeout = to_ns(step.step->spec->timeout);
    const std::int64_t spent = now - segment->clock.since_ns();
    if (timeout == 0 || spent < timeout) continue;
    time_out(Error(ErrorCode::kTimeout, fmt::format("worked on its batch {} for {}, longer than its timeout of {}:\n{}",
                                                    step.metrics.batches.get(), seconds(spent), seconds(timeout),
                                                    describe_workers(segments(), steps_, now)))
                 .hint("make the operator faster or its batches smaller, or raise its timeout")
                 .at(step.step->spec->name));
  }
}

void Monitor::report_progress(std::int64_t now) {
  if (run_->options.progress == nullptr || now - last_progress_ns_ < kProgressNs) return;
  Progress progress;
  progress.seconds = static_cast<double>(now - run_->started_ns) / 1e9;
  const auto interval = static_cast<double>(now - last_progress_ns_);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const StepAtWork& step = *steps_[i];
    const std::uint64_t busy = step.metrics.all_busy_ns();
    Progress::Step out;
    out.name = step.step->spec->name;
    out.records_in = step.metrics.records_in.get();
    out.records_out = step.metrics.records_out.get();
    out.records_rejected = step.rejects->count();
    out.load = std::clamp(static_cast<double>(busy - last_busy_ns_[i]) / interval, 0.0, 1.0);
    last_busy_ns_[i] = busy;
    if (step.step->is_source()) progress.records_in += out.records_out + out.records_rejected;
    progress.records_rejected += out.records_rejected;
    progress.steps.push_back(std::move(out));
  }
  for (const auto& step : steps_) {
    if (auto* const source = dynamic_cast<Source*>(step->speaker)) progress.source = source->progress();
  }
  if (sampler_ != nullptr) sampler_->fill(progress);
  last_progress_ns_ = now;
  run_->options.progress->update(progress);
}

namespace {

std::string waits_for_input(const Pipeline::Step& first, const std::vector<std::unique_ptr<StepAtWork>>& steps,
                            const std::string& spent) {
  if (first.input == Pipeline::kNone)
    return fmt::format("  \"{}\" has waited for its turn to cut a piece for {}", first.name, spent);
  return fmt::format("  \"{}\" has waited for a batch from \"{}\" for {}", first.name,
                     steps[first.input]->step->spec->name, spent);
}

}  // namespace

std::string describe_workers(const std::vector<std::shared_ptr<Segment>>& segments,
                             const std::vector<std::unique_ptr<StepAtWork>>& steps, std::int64_t now) {
  std::string text;
  for (const auto& segment : segments) {
    const StepAtWork& step = *steps[segment->clock.step()];
    const std::string& name = step.step->spec->name;
    const std::string spent = seconds(now - segment->clock.since_ns());
    if (!text.empty()) text += '\n';
    switch (segment->clock.activity()) {
      case Activity::kWorking:
        text += fmt::format("  \"{}\" has worked on its batch {} for {}", name, step.metrics.batches.get(), spent);
        break;
      case Activity::kWaitingForInput:
        text += waits_for_input(*segment->runners().front()->steps().front()->step->spec, steps, spent);
        break;
      case Activity::kBlockedOnOutput: {
        std::string consumers;
        for (const std::size_t consumer : step.step->consumers) {
          consumers += fmt::format("{}\"{}\"", consumers.empty() ? "" : " or ", steps[consumer]->step->spec->name);
        }
        text += fmt::format("  \"{}\" has waited for {} to take a batch for {}", name, consumers, spent);
        break;
      }
      case Activity::kWaitingForProcess:
        text += fmt::format("  \"{}\" has waited for its worker process for {}", name, spent);
        break;
      case Activity::kIdle: text += fmt::format("  {} has not begun", segment->name()); break;
      case Activity::kEnded: text += fmt::format("  {} has ended", segment->name()); break;
    }
  }
  return text;
}

}  // namespace penstock
