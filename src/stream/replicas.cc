// SPDX-License-Identifier: MIT
#include "stream/replicas.h"

#include <algorithm>
#include <utility>

namespace penstock {
namespace {

std::uint64_t take(Counter& counter) noexcept {
  const std::uint64_t value = counter.get();
  counter.set(0);
  return value;
}

}  // namespace

StepAccount take_account(StepMetrics& metrics, HeldRejects& rejects) {
  StepAccount account;
  account.records_in = take(metrics.records_in);
  account.records_out = take(metrics.records_out);
  account.batches = take(metrics.batches);
  account.busy_ns = take(metrics.busy_ns);
  account.wait_ns = take(metrics.wait_ns);
  account.blocked_ns = take(metrics.blocked_ns);
  account.retries = rejects.take_retries();
  account.fallbacks = rejects.take_fallbacks();
  account.rejected = rejects.take();
  return account;
}

void StepAccount::add(StepAccount next) {
  for (Rejection& rejection : next.rejected) {
    rejection.record += records_in;
    rejected.push_back(std::move(rejection));
  }
  records_in += next.records_in;
  records_out += next.records_out;
  batches += next.batches;
  busy_ns += next.busy_ns;
  wait_ns += next.wait_ns;
  blocked_ns += next.blocked_ns;
  retries += next.retries;
  fallbacks += next.fallbacks;
}

Replicas::Replicas(RunState& run, std::vector<StepAtWork*> steps) : run_(run), steps_(std::move(steps)), window_(1) {
  for (const StepAtWork* const step : steps_) {
    keeps_rejects_ = keeps_rejects_ || step->step->spec->on_error.action == ErrorPolicy::Action::kQuarantine;
  }
}

bool Replicas::add_worker(Segment& worker) {
  const std::lock_guard lock(end_mutex_);
  if (ended_ > 0 && ended_ == workers_.size()) return false;
  workers_.push_back(&worker);
  window_.widen(2 * workers_.size());
  return true;
}

std::vector<Segment*> Replicas::workers() {
  const std::lock_guard lock(end_mutex_);
  return workers_;
}

std::uint64_t Replicas::next_ticket() {
  const std::lock_guard lock(input_mutex_);
  run_.batches_in_hands.fetch_add(1, std::memory_order_relaxed);
  ++handed_;
  return next_ticket_++;
}

bool Replicas::take(Batch& batch, std::uint64_t& ticket) {
  const std::lock_guard lock(input_mutex_);
  if (!input_->pop(batch)) return false;
  ticket = next_ticket_++;
  run_.batches_in_hands.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool Replicas::take(PieceInHand& hand, WorkerClock& clock, const WorkerClock::Mark& working) {
  const std::lock_guard lock(input_mutex_);
  run_.wait_for_memory();
  run_.pass_checkpoint(clock);
  clock.set(working);
  Result<std::unique_ptr<SourcePiece>> next = cutter_->next(std::exchange(hand.piece, nullptr));
  if (next && *next == nullptr) return false;
  hand.ticket = next_ticket_++;
  run_.batches_in_hands.fetch_add(1, std::memory_order_relaxed);
  if (next) {
    hand.piece = std::move(*next);
  } else {
    hand.error = std::move(next).error();
  }
  return true;
}

void Replicas::stop_taking() noexcept {
  if (cutter_ != nullptr) cutter_->close();
  if (input_ != nullptr) input_->stop_consuming();
}

bool Replicas::submit(std::uint64_t ticket, Parcel parcel) {
  const bool taken = window_.submit(ticket, std::move(parcel), [this](Parcel next) {
    deliver(std::move(next));
    run_.batches_in_hands.fetch_sub(1, std::memory_order_relaxed);
    delivered_.fetch_add(1, std::memory_order_acq_rel);
  });
  if (taken && wanted()) return true;
  stop_taking();  // also for the worker that waits for a batch which nobody needs
  return false;
}

bool Replicas::deliver_early(std::uint64_t ticket, std::vector<Batch>& batches) {
  return window_.claim(ticket) && push(batches);
}

void Replicas::deliver_last(Parcel parcel) { deliver(std::move(parcel)); }

bool Replicas::is_last_to_end() {
  const std::lock_guard lock(end_mutex_);
  return ++ended_ == workers_.size();
}

void Replicas::flush() {
  for (StepAtWork* const step : steps_) {
    if (run_.cancelled()) return;
    if (Status status = step->rejects->flush(); !status)
      run_.fail(std::move(status).error().at(step->step->spec->name));
  }
}

void Replicas::close() noexcept {
  stop_taking();
  for (Channel* const output : outputs_) output->close();
}

// Where every consumer has enough, the rest of the input need not be worked on; but what a quarantine file holds must
// not depend on how far the workers were.
bool Replicas::wanted() const noexcept {
  if (run_.cancelled()) return false;
  return keeps_rejects_ || outputs_.empty() ||
         std::any_of(outputs_.begin(), outputs_.end(), [](const Channel* output) { return output->wants_more(); });
}

void Replicas::deliver(Parcel parcel) {
  if (run_.cancelled()) return;
  {
    const std::lock_guard lock(delivery_mutex_);
    for (std::size_t i = 0; i < parcel.accounts.size(); ++i) {
      Status status = deliver_account(*steps_[i], std::move(parcel.accounts[i]));
      if (!status) return run_.fail(std::move(status).error().at(steps_[i]->step->spec->name));
    }
    if (ahead_ns_ != nullptr) ahead_ns_->add(parcel.ahead_ns);
  }
  if (parcel.error) return run_.fail(std::move(*parcel.error));
  push(parcel.batches);
}

Status Replicas::deliver_account(StepAtWork& step, StepAccount account) {
  // Sources number what they reject among all that they read.
  const std::uint64_t before =
      step.step->is_source() ? step.metrics.records_out.get() + step.rejects->count() : step.metrics.records_in.get();
  step.rejects->set_base(before);
  step.metrics.records_in.add(account.records_in);
  step.metrics.records_out.add(account.records_out);
  step.metrics.batches.add(account.batches);
  step.metrics.busy_ns.add(account.busy_ns);
  step.metrics.wait_ns.add(account.wait_ns);
  step.metrics.blocked_ns.add(account.blocked_ns);
  step.rejects->add_retries(account.retries);
  step.rejects->add_fallbacks(account.fallbacks);
  for (Rejection& rejection : account.rejected) PENSTOCK_TRY(step.rejects->reject(std::move(rejection)));
  return {};
}

bool Replicas::push(std::vector<Batch>& batches) {
  for (Batch& batch : batches) {
    batch.sequence = next_sequence_++;
    for (std::size_t i = 0; i + 1 < outputs_.size(); ++i) {
      Batch same = batch.copy();
      if (!same) {
        run_.fail(records_cannot_be_shared().at(steps_.back()->step->spec->name));
        return false;
      }
      outputs_[i]->push(std::move(same));
    }
    if (!outputs_.empty()) outputs_.back()->push(std::move(batch));
  }
  batches.clear();
  return wanted();
}

}  // namespace penstock
