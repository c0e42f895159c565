// SPDX-License-Identifier: MIT
#include "stream/runner.h"

#include <algorithm>

#include "stream/backoff.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

bool may_refuse(const OperatorTraits& traits, const std::vector<StepAtWork*>& steps) {
  if (traits.effects) return false;
  for (const StepAtWork* step : steps) {
    // What a quarantine file holds must not depend on how far the others were when they had enough.
    if (step->step->spec->on_error.action == ErrorPolicy::Action::kQuarantine || step->step->traits.effects)
      return false;
  }
  return true;
}

}  // namespace

Runner::Runner(std::shared_ptr<RunState> run, WorkerClock& clock, std::unique_ptr<Operator> op,
               std::vector<StepAtWork*> steps, OperatorTraits traits)
    : run_(std::move(run)),
      clock_(clock),
      op_(std::move(op)),
      fused_(dynamic_cast<FusedSteps*>(op_.get())),
      steps_(std::move(steps)),
      step_(*steps_.back()),
      traits_(traits),
      may_refuse_(may_refuse(traits, steps_)) {}

Runner::~Runner() = default;

void Runner::add_span(std::int64_t begin_ns) {
  if (!run_->options.trace || spans_.size() >= kMostSpans) return;
  spans_.push_back({static_cast<std::uint32_t>(step_.index), static_cast<std::uint32_t>(step_.segment),
                    begin_ns - run_->started_ns, clock_.last_ns() - run_->started_ns});
}

WorkerClock::Mark Runner::mark(Activity activity) const noexcept {
  return {&step_.metrics, static_cast<std::uint32_t>(step_.index), activity};
}

Status Runner::open(std::uint32_t worker) {
  for (StepAtWork* const step : steps_) {
    OperatorContext context;
    context.name = step->step->spec->name;
    context.worker = worker;
    context.batch_size = std::max<std::size_t>(1, run_->options.batch_size);
    context.pool = &run_->pool;
    context.errors = step->rejects.get();
    context.policy = &step->step->spec->on_error;
    context.stop = &run_->stop;
    contexts_.push_back(std::move(context));
  }
  opened_ = true;  // abort must follow, whatever open says
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  Status status =
      guarded([&] { return fused_ != nullptr ? fused_->open_steps(contexts_) : op_->open(contexts_.back()); });
  clock_.set(before);
  if (!status) return std::move(status.error()).at(step_.step->spec->name);
  return {};
}

Status Runner::begin_batch() {
  if (fused_ == nullptr) {
    step_.rejects->set_base(step_.step->is_source() ? 0 : step_.metrics.records_in.get());
  } else {
    for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i]->rejects->set_base(fused_->counts(i).records_in);
  }
  return {};
}

void Runner::update_counts() noexcept {
  if (fused_ == nullptr) return;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const StepCounts counts = fused_->counts(i);
    steps_[i]->metrics.records_in.set(counts.records_in);
    steps_[i]->metrics.records_out.set(counts.records_out);
  }
}

// Of the steps in one loop, the one that refused a record; a source's own callable is the only other one that can fail.
const StepAtWork& Runner::at_fault() const noexcept {
  for (const StepAtWork* const step : steps_) {
    if (step->rejects->fatal()) return *step;
  }
  return steps_.front()->step->is_source() ? *steps_.front() : step_;
}

void Runner::report_failure(Error error) {
  if (error.code() == ErrorCode::kCancelled && run_->cancelled()) return;
  run_->fail(std::move(error).at(at_fault().step->spec->name));
}

void Runner::consume(Batch batch) {
  if (run_->cancelled() || op_->satisfied()) return;
  const std::size_t records = batch.num_records();
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  const std::int64_t begin_ns = clock_.last_ns();
  step_.metrics.batches.add(1);
  const bool plain =
      step_.step->spec->on_error.action == ErrorPolicy::Action::kFail && step_.step->spec->on_error.max_attempts <= 1;
  Status status = guarded([&]() -> Status {
    PENSTOCK_TRY(begin_batch());
    return plain || traits_.retries_rows ? op_->process(std::move(batch), *this)
                                         : work_safely(std::move(batch), records);
  });
  if (fused_ == nullptr) step_.metrics.records_in.add(records);
  update_counts();
  clock_.set(before);
  add_span(begin_ns);
  if (!status) report_failure(std::move(status).error());
}

// A batch may fail as a whole and be tried again or given up, so nothing of it may leave before it went well.
Status Runner::work_safely(Batch batch, std::size_t records) {
  const ErrorPolicy& policy = step_.step->spec->on_error;
  RowRejects& rejects = *step_.rejects;
  Status status;
  struct Hold {
    Runner& runner;
    explicit Hold(Runner& held) : runner(held) { runner.holding_ = true; }
    void end() noexcept {
      runner.holding_ = false;
      runner.step_.rejects->release();
    }
    ~Hold() {
      end();
      runner.held_.clear();
    }
  } hold(*this);
  for (std::uint32_t attempt = 1;; ++attempt) {
    PENSTOCK_TRY(rejects.mark());
    Batch input = batch.copy();
    const bool copied = input || records == 0;
    status = guarded([&] { return op_->process(copied ? std::move(input) : std::move(batch), *this); });
    if (status || rejects.fatal() || run_->cancelled()) break;
    held_.clear();
    rejects.roll_back();
    if (!copied || attempt >= policy.max_attempts) {
      if (copied && policy.action != ErrorPolicy::Action::kFail) status = reject_batch(batch, status.error());
      break;
    }
    rejects.count_retry();
    if (!wait_before_attempt(attempt + 1, policy, run_->stop)) break;
  }
  hold.end();
  if (status) deliver_held();
  return status;
}

Status Runner::reject_batch(const Batch& batch, const Error& cause) {
  for (std::size_t row = 0; row < batch.num_records(); ++row) {
    Rejection rejection{.record = row, .reason = cause.message(), .raw = {}};
    if (batch.is_record_batch() && !step_.rejects->raw_unused()) rejection.raw = batch.record_batch().row_to_json(row);
    PENSTOCK_TRY(step_.rejects->reject(std::move(rejection)));
  }
  return {};
}

bool Runner::produce() {
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  const std::int64_t begin_ns = clock_.last_ns();
  step_.metrics.batches.add(1);
  Source::Next next = Source::Next::kEnd;
  Status status = guarded([&]() -> Status {
    PENSTOCK_TRY(begin_batch());
    PENSTOCK_ASSIGN(next, static_cast<Source&>(*op_).produce(*this));
    return {};
  });
  update_counts();
  clock_.set(before);
  add_span(begin_ns);
  if (!status) report_failure(std::move(status).error());
  return status && next == Source::Next::kMore;
}

void Runner::finish() {
  if (run_->cancelled()) return;
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  Status status = guarded([&]() -> Status {
    PENSTOCK_TRY(begin_batch());
    return op_->finish(*this);
  });
  update_counts();
  for (StepAtWork* const step : steps_) {
    if (status) status = step->rejects->flush();
  }
  clock_.set(before);
  if (!status) return report_failure(std::move(status).error());
  for (Target& target : targets_) {
    if (target.runner != nullptr) target.runner->finish();
  }
}

void Runner::close_channels() noexcept {
  for (Target& target : targets_) {
    if (target.channel != nullptr) target.channel->close();
  }
}

bool Runner::output_unwanted() const noexcept {
  return may_refuse_ && !targets_.empty() &&
         std::all_of(targets_.begin(), targets_.end(), [](const Target& target) { return target.refuses(); });
}

bool Runner::refuses() const noexcept { return op_->satisfied() || output_unwanted(); }

bool Runner::done() const noexcept { return run_->cancelled() || output_unwanted(); }

bool Runner::emit(Batch batch) {
  if (batch.num_records() > 0) {
    if (holding_) {
      held_.push_back(std::move(batch));
    } else {
      deliver(std::move(batch));
    }
  }
  return !done();
}

bool Runner::deliver_held() {
  bool wanted = true;
  for (Batch& batch : held_) wanted = deliver(std::move(batch));
  return wanted;
}

bool Runner::deliver(Batch batch) {
  if (fused_ == nullptr) step_.metrics.records_out.add(batch.num_records());
  batch.sequence = next_sequence_++;
  for (std::size_t i = 0; i + 1 < targets_.size(); ++i) {
    Batch same = batch.copy();
    if (!same) {
      run_->fail(Error(ErrorCode::kInvalidArgument, "records that cannot be copied have several consumers")
                     .hint("make the record type copyable, or give the step one consumer")
                     .at(step_.step->spec->name));
      return false;
    }
    hand_over(targets_[i], std::move(same));
  }
  return targets_.empty() ? !run_->cancelled() : hand_over(targets_.back(), std::move(batch));
}

bool Runner::hand_over(Target& target, Batch batch) {
  if (target.runner != nullptr) {
    target.runner->consume(std::move(batch));
    return !run_->cancelled();
  }
  const WorkerClock::Mark before = clock_.set(mark(Activity::kBlockedOnOutput));
  const bool taken = target.channel->push(std::move(batch));
  clock_.set(before);
  return taken;
}

}  // namespace penstock
