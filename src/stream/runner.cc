// SPDX-License-Identifier: MIT
#include "stream/runner.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "stream/backoff.h"
#include "stream/user_call.h"

namespace penstock {
namespace {

bool has_effects(const OperatorTraits& traits, const std::vector<StepAtWork*>& steps) {
  return traits.effects ||
         std::any_of(steps.begin(), steps.end(), [](const auto* step) { return step->step->traits.effects; });
}

// What a quarantine file holds must not depend on how far the others were when they had enough.
bool keeps_rejects(const std::vector<StepAtWork*>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const StepAtWork* step) {
    return step->step->spec->on_error.action == ErrorPolicy::Action::kQuarantine;
  });
}

// A source's own effect says nothing about what it emits.
bool may_add_records(const std::vector<StepAtWork*>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const StepAtWork* step) {
    return !step->step->is_source() && step->step->traits.rows == RowEffect::kChanges;
  });
}

}  // namespace

Error records_cannot_be_shared() {
  return Error(ErrorCode::kInvalidArgument, "records that cannot be copied have several consumers")
      .hint("make the record type copyable, or give the step one consumer");
}

OperatorContext context_of(RunState& run, const StepAtWork& step, std::uint32_t worker) {
  OperatorContext context;
  context.name = step.step->spec->name;
  context.worker = worker;
  context.batch_size = std::max<std::size_t>(1, run.options.batch_size);
  context.pool = &run.pool;
  context.policy = &step.step->spec->on_error;
  context.stop = &run.stop;
  return context;
}

Runner::Runner(std::shared_ptr<RunState> run, WorkerClock& clock, std::unique_ptr<Operator> op,
               std::vector<StepAtWork*> steps, OperatorTraits traits)
    : run_(std::move(run)),
      clock_(clock),
      op_(std::move(op)),
      fused_(dynamic_cast<FusedSteps*>(op_.get())),
      steps_(std::move(steps)),
      step_(*steps_.back()),
      traits_(traits),
      has_effects_(has_effects(traits, steps_)),
      keeps_rejects_(keeps_rejects(steps_)),
      may_add_records_(may_add_records(steps_)),
      taken_(steps_.size()) {}

Runner::~Runner() = default;

void Runner::add_span(std::int64_t begin_ns) {
  if (!run_->options.trace) return;
  add_span(Report::Span{static_cast<std::uint32_t>(step_.index), static_cast<std::uint32_t>(step_.segment),
                        begin_ns - run_->started_ns, clock_.last_ns() - run_->started_ns});
}

void Runner::add_span(const Report::Span& span) {
  if (spans_.size() + spans_taken_ < kMostSpans) spans_.push_back(span);
}

std::vector<Report::Span> Runner::take_spans() noexcept {
  spans_taken_ += spans_.size();
  return std::exchange(spans_, {});
}

WorkerClock::Mark Runner::mark(Activity activity) const noexcept {
  return {&step_.metrics, static_cast<std::uint32_t>(step_.index), activity};
}

Status Runner::open(std::uint32_t worker) {
  for (StepAtWork* const step : steps_) {
    contexts_.push_back(context_of(*run_, *step, worker));
    contexts_.back().errors = &step->errors();
  }
  opened_ = true;  // abort must follow, whatever open says
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  Status status =
      guarded([&] { return fused_ != nullptr ? fused_->open_steps(contexts_) : op_->open(contexts_.back()); });
  if (status) status = restored_.give_to(*op_, *run_);
  clock_.set(before);
  if (!status) return std::move(status.error()).at(step_.step->spec->name);
  return {};
}

Status Runner::begin_batch() {
  if (fused_ == nullptr) {
    const bool counts_itself = step_.step->is_source() || traits_.in_flight > 0;
    step_.errors().set_base(counts_itself ? 0 : step_.metrics.records_in.get());
  } else {
    for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i]->errors().set_base(steps_[i]->metrics.records_in.get());
  }
  return {};
}

void Runner::update_counts() noexcept {
  if (fused_ == nullptr) return;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const StepCounts counts = fused_->counts(i);
    steps_[i]->metrics.records_in.set(counts.records_in - taken_[i].records_in);
    steps_[i]->metrics.records_out.set(counts.records_out - taken_[i].records_out);
  }
}

// Of the steps in one loop, the one that refused a record; a source's own callable is the only other one that can fail.
const StepAtWork& Runner::at_fault() const noexcept {
  for (const StepAtWork* const step : steps_) {
    if (step->errors().fatal()) return *step;
  }
  return steps_.front()->step->is_source() ? *steps_.front() : step_;
}

void Runner::report_failure(Error error) {
  if (error.code() == ErrorCode::kCancelled && run_->cancelled()) return;
  Error named = std::move(error).at(at_fault().step->spec->name);
  if (parcel_ == nullptr) {
    run_->fail(std::move(named));
  } else if (!parcel_->error) {
    parcel_->error = std::move(named);
  }
}

void Runner::consume(Batch batch) {
  if (stopped() || op_->records_wanted() == 0) return;
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
  StepRejects& rejects = step_.errors();
  Status status;
  struct Hold {
    Runner& runner;
    explicit Hold(Runner& held) : runner(held) { runner.holding_ = true; }
    void end() noexcept {
      runner.holding_ = false;
      runner.step_.errors().release();
    }
    ~Hold() {
      end();
      runner.held_.clear();
    }
  } hold(*this);
  for (std::uint32_t attempt = 1;; ++attempt) {
    PENSTOCK_TRY(rejects.mark());
    Batch input = batch.copy();
    if (input) input.prepared = std::exchange(batch.prepared, Buffer());  // for the first attempt
    const bool copied = input || records == 0;
    status = guarded([&] { return op_->process(copied ? std::move(input) : std::move(batch), *this); });
    if (status || rejects.fatal() || stopped()) break;
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
    if (batch.is_record_batch() && !step_.errors().raw_unused()) rejection.raw = batch.record_batch().row_to_json(row);
    PENSTOCK_TRY(step_.errors().reject(std::move(rejection)));
  }
  return {};
}

bool Runner::idle(bool may_wait) {
  if (traits_.in_flight == 0 || stopped() || op_->records_wanted() == 0) return false;
  const WorkerClock::Mark before = clock_.set(mark(may_wait ? Activity::kWaitingForInput : Activity::kWorking));
  Result<bool> busy = guarded([&] { return op_->idle(*this, may_wait); });
  clock_.set(before);
  if (busy) return *busy;
  report_failure(std::move(busy).error());
  return false;
}

template <class Call>
Status Runner::work_as_source(Call&& call) {
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  const std::int64_t begin_ns = clock_.last_ns();
  step_.metrics.batches.add(1);
  Status status = guarded([&]() -> Status {
    PENSTOCK_TRY(begin_batch());
    return call(static_cast<Source&>(*op_));
  });
  update_counts();
  clock_.set(before);
  add_span(begin_ns);
  return status;
}

void Runner::read(SourcePiece& piece) {
  if (stopped()) return;
  Status status = work_as_source([&](Source& source) { return source.read(piece, *this); });
  if (!status) report_failure(std::move(status).error());
}

bool Runner::produce() {
  contexts_.front().batch_size = static_cast<std::size_t>(
      std::clamp<std::uint64_t>(records_wanted(), 1, run_->batch_size.load(std::memory_order_relaxed)));
  Source::Next next = Source::Next::kEnd;
  Status status = work_as_source([&](Source& source) -> Status {
    PENSTOCK_ASSIGN(next, source.produce(*this));
    return {};
  });
  if (status) return next == Source::Next::kMore;
  // A source that waited for input which nobody wants any more.
  const bool drained =
      status.error().code() == ErrorCode::kCancelled && run_->stop.state() == StopSignal::State::kDrain;
  if (!drained) report_failure(std::move(status).error());
  return false;
}

void Runner::finish() {
  if (!finish_here()) return;
  for (Target& target : targets_) {
    if (target.runner != nullptr) target.runner->finish();
  }
}

bool Runner::finish_here() {
  if (stopped()) return false;
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  Status status = guarded([&]() -> Status {
    PENSTOCK_TRY(begin_batch());
    return op_->finish(*this);
  });
  update_counts();
  for (StepAtWork* const step : steps_) {
    if (status) status = step->errors().flush();
  }
  clock_.set(before);
  if (!status) report_failure(std::move(status).error());
  return status.has_value();
}

void Runner::merge(Runner& other) {
  if (stopped()) return;
  const WorkerClock::Mark before = clock_.set(mark(Activity::kWorking));
  Status status = guarded([&] { return op_->merge(*other.op_); });
  clock_.set(before);
  if (!status) report_failure(std::move(status).error());
}

std::vector<StepAccount> Runner::take_accounts() {
  std::vector<StepAccount> accounts;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (fused_ != nullptr) taken_[i] = fused_->counts(i);
    accounts.push_back(take_account(steps_[i]->metrics, *steps_[i]->held));
  }
  return accounts;
}

void Runner::close_channels() noexcept {
  for (Target& target : targets_) {
    if (target.channel != nullptr) target.channel->close();
  }
}

std::uint64_t Runner::records_wanted() const noexcept {
  const std::uint64_t own = op_->records_wanted();
  if (own == 0 || has_effects_ || may_add_records_ || targets_.empty()) return own;
  return std::min(own, output_wanted());
}

// Where every record is looked at only if it is wanted, an early end is the same for every batch size. Where it is not,
// those who keep what they reject see all of their input.
bool Runner::output_unwanted() const noexcept {
  if (has_effects_ || targets_.empty() || (keeps_rejects_ && may_add_records_)) return false;
  return std::all_of(targets_.begin(), targets_.end(), [this](const Target& target) {
    return keeps_rejects_ ? target.records_wanted() == 0 : target.refuses();
  });
}

bool Runner::refuses() const noexcept { return op_->records_wanted() == 0 || output_unwanted(); }

bool Runner::done() const noexcept { return stopped() || output_unwanted(); }

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

namespace {

// Calls `take(piece)` for pieces of `batch`, each no larger than `wanted()` says, until nothing is left or wanted.
template <class Wanted, class Take>
void in_wanted_pieces(const Batch& batch, BufferPool& pool, Wanted&& wanted, Take&& take) {
  const std::size_t size = batch.num_records();
  for (std::size_t at = 0; at < size;) {
    const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(wanted(), size - at));
    if (piece == 0) return;
    std::vector<std::uint32_t> rows(piece);
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(at));
    take(Batch(batch.record_batch().take(rows, pool)));
    at += piece;
  }
}

bool is_larger(const Batch& batch, std::uint64_t wanted) {
  return batch.is_record_batch() && batch.num_records() > wanted;
}

}  // namespace

void Runner::consume_wanted(Batch batch) {
  if (!is_larger(batch, records_wanted())) return consume(std::move(batch));
  in_wanted_pieces(
      batch, run_->pool, [this] { return records_wanted(); }, [this](Batch piece) { consume(std::move(piece)); });
}

std::uint64_t Runner::output_wanted() const noexcept {
  std::uint64_t most = targets_.empty() ? Operator::kAll : 0;
  for (const Target& target : targets_) most = std::max(most, target.records_wanted());
  return most;
}

// Nobody behind looks at a record too many. What an operator that keeps its records emitted counts all the same: it has
// effects, and was not asked for fewer.
bool Runner::deliver(Batch batch) {
  const bool counts_all = !may_add_records_ || !is_larger(batch, output_wanted());
  if (fused_ == nullptr && counts_all) step_.metrics.records_out.add(batch.num_records());
  if (!is_larger(batch, output_wanted())) return pass_on(std::move(batch));
  in_wanted_pieces(
      batch, run_->pool, [this] { return output_wanted(); },
      [&](Batch piece) {
        if (fused_ == nullptr && !counts_all) step_.metrics.records_out.add(piece.num_records());
        pass_on(std::move(piece));
      });
  return !done();
}

bool Runner::pass_on(Batch batch) {
  batch.prepared = Buffer();  // was made for this operator only
  batch.sequence = next_sequence_++;
  for (std::size_t i = 0; i + 1 < targets_.size(); ++i) {
    Batch same = batch.copy();
    if (!same) {
      run_->fail(records_cannot_be_shared().at(step_.step->spec->name));
      return false;
    }
    hand_over(targets_[i], std::move(same));
  }
  if (packs_output_) return parcel_->add(std::move(batch));
  return targets_.empty() ? !run_->cancelled() : hand_over(targets_.back(), std::move(batch));
}

bool Runner::hand_over(Target& target, Batch batch) {
  if (target.runner != nullptr) {
    target.runner->consume_wanted(std::move(batch));  // other targets may want more than this one
    return !run_->cancelled();
  }
  const WorkerClock::Mark before = clock_.set(mark(Activity::kBlockedOnOutput));
  const bool taken = target.channel->push(std::move(batch));
  clock_.set(before);
  return taken;
}

}  // namespace penstock
