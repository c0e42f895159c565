// SPDX-License-Identifier: MIT
#include "stream/segment.h"

#include "stream/user_call.h"

namespace penstock {

Runner& Segment::add(std::unique_ptr<Runner> runner) {
  runners_.push_back(std::move(runner));
  if (runners_.back()->keeps_in_flight()) waiting_.push_back(runners_.back().get());
  return *runners_.back();
}

void Segment::set_input(Channel& channel) noexcept {
  input_ = &channel;
  for (const auto& runner : runners_) runner->set_input(channel);
}

bool Segment::join(Replicas& replicas) {
  replicas_ = &replicas;
  parcel_.outlet = this;
  for (const auto& runner : runners_) runner->pack_into(parcel_, &runner == &runners_.back());
  return replicas.add_worker(*this);
}

void Segment::work() noexcept {
  if (replicas_ != nullptr) return work_as_replica();
  clock.set({});
  if (open_all() && (watch_ == nullptr || watch_->begin())) {
    if (input_ != nullptr) {
      pull_from_channel();
    } else {
      run_sources();
    }
  }
  if (input_ != nullptr) input_->stop_consuming();
  for (const auto& runner : runners_) runner->close_channels();
  clock.set({nullptr, clock.step(), Activity::kEnded});
}

bool Segment::open_all() {
  for (const auto& runner : runners_) {
    if (run_->cancelled()) return false;
    if (runner->opened()) continue;
    Status status = runner->open(0);
    if (status) continue;
    run_->fail(std::move(status).error());
    return false;
  }
  open_.store(true, std::memory_order_release);
  return true;
}

void Segment::pull_from_channel() {
  Runner& head = *runners_.front();
  Batch batch;
  for (;;) {
    while (!input_->ready() && go_on(true)) {
    }
    const WorkerClock::Mark before = clock.set(head.mark(Activity::kWaitingForInput));
    const bool more = input_->pop(batch);
    clock.set(before);
    if (!more) break;
    head.consume_wanted(std::move(batch));
    if (run_->cancelled() || head.refuses()) break;
    input_->finish_popped();
  }
  head.finish();
}

bool Segment::go_on(bool may_wait) {
  bool busy = false;
  for (Runner* const runner : waiting_) busy = runner->idle(may_wait && !busy) || busy;
  return busy && !run_->cancelled();
}

void Segment::run_sources() {
  for (const auto& runner : runners_) {
    if (!runner->steps().front()->step->is_source()) continue;
    while (run_->poll_stop() == StopSignal::State::kRun && !runner->done()) {
      run_->wait_for_memory();
      run_->pass_checkpoint(clock);
      if (!runner->produce()) break;
      go_on(false);
      pass_boundary();
    }
    runner->finish();
  }
}

// ---- Several segments in one thread ----

void Segment::measure(LoadMeter::Unit& unit, LoadMeter& meter) noexcept {
  unit_ = &unit;
  meter_ = &meter;
}

void Segment::work_in_thread_of_producer(Channel& input, LoadMeter::Unit& unit, LoadMeter& meter) noexcept {
  handed_by_ = &input;
  input.hand_to(this);
  measure(unit, meter);
}

void Segment::leave_thread_of_producer() noexcept {
  if (handed_by_ != nullptr) handed_by_->hand_to(nullptr);
  handed_by_ = nullptr;
  meter_ = nullptr;
}

void Segment::pass_boundary() {
  if (watch_ == nullptr) return;
  const std::lock_guard lock(run_->workers_mutex);
  if (meter_ != nullptr) meter_->leave();
  watch_->at_boundary();
  if (meter_ != nullptr) meter_->enter(*unit_);
}

void Segment::take(Batch batch) {
  Runner& head = *runners_.front();
  LoadMeter::Unit* const before = meter_->enter(*unit_);
  const WorkerClock::Mark outside = clock.set(head.mark(Activity::kWorking));
  bool wanted = true;
  if (replicas_ == nullptr) {
    head.consume_wanted(std::move(batch));
    wanted = !head.refuses();
  } else {
    ticket_ = replicas_->next_ticket();
    wanted = hand_over(work_here(std::move(batch)));
  }
  if (!wanted || run_->cancelled()) handed_by_->stop_consuming();
  clock.set(outside);
  meter_->back_to(before);
}

void Segment::end() noexcept {
  LoadMeter::Unit* const before = meter_->enter(*unit_);
  if (replicas_ == nullptr) {
    if (!run_->cancelled()) runners_.front()->finish();
    handed_by_->stop_consuming();
    for (const auto& runner : runners_) runner->close_channels();
  } else {
    end_as_replica();
  }
  clock.set({nullptr, clock.step(), Activity::kEnded});
  meter_->back_to(before);
}

// ---- Workers of a replicated segment ----

// Who has ended touches nothing any more: the one that ends last finishes for all, with everybody's clocks and
// operators.
void Segment::work_as_replica() noexcept {
  clock.set({});
  if (open_workers_operators() && (watch_ == nullptr || watch_->begin()))
    replicas_->cutter() == nullptr ? take_batches() : take_pieces();
  clock.set({});
  end_as_replica();
}

void Segment::end_as_replica() noexcept {
  deliver_leftovers();
  clock.set({nullptr, clock.step(), Activity::kEnded});
  if (!replicas_->is_last_to_end()) return;
  if (!run_->cancelled()) finish_all_workers();
  replicas_->close();
}

bool Segment::open_workers_operators() {
  if (process_ == nullptr) return open_all();
  // One tells whether the operators can be opened; processes that no batch comes to are not worth their start.
  if (this != replicas_->workers().front()) return true;
  clock.set(runners_.front()->mark(Activity::kWaitingForProcess));
  Status status = process_->open();
  if (!status) run_->fail(std::move(status).error());
  return status.has_value();
}

void Segment::take_batches() {
  Runner& head = *runners_.front();
  Batch batch;
  for (bool wanted = true; wanted;) {
    const WorkerClock::Mark before = clock.set(head.mark(Activity::kWaitingForInput));
    const bool more = replicas_->take(batch, ticket_);
    clock.set(before);
    if (!more) return;
    wanted = hand_over(work_on(std::move(batch)));
  }
}

void Segment::take_pieces() {
  Runner& head = *runners_.front();
  PieceInHand hand;
  for (bool wanted = true; wanted;) {
    const WorkerClock::Mark before = clock.set(head.mark(Activity::kWaitingForInput));
    const bool more = replicas_->take(hand, clock, head.mark(Activity::kWorking));
    clock.set(before);
    if (!more) return;
    ticket_ = hand.ticket;
    SharedLoad::Span span(load_);
    if (!hand.error) head.read(*hand.piece);
    Parcel parcel = pack();
    span.end();
    if (hand.error) parcel.error = std::move(hand.error);
    wanted = hand_over(std::move(parcel));
    if (wanted) pass_boundary();
  }
}

bool Segment::hand_over(Parcel parcel) {
  const WorkerClock::Mark before = clock.set(runners_.back()->mark(Activity::kBlockedOnOutput));
  const bool wanted = replicas_->submit(ticket_, std::move(parcel));
  clock.set(before);
  return wanted;
}

Parcel Segment::work_on(Batch batch) {
  const SharedLoad::Span span(load_);
  if (process_ == nullptr) return work_here(std::move(batch));
  const WorkerClock::Mark before = clock.set(runners_.front()->mark(Activity::kWaitingForProcess));
  Parcel parcel = process_->work(std::move(batch));
  clock.set(before);
  for (const Report::Span& span : parcel.spans) {
    for (const auto& runner : runners_) {
      if (runner->steps().back()->index == span.step) runner->add_span(span);
    }
  }
  return parcel;
}

Parcel Segment::work_here(Batch batch) {
  runners_.front()->consume(std::move(batch));
  return pack();
}

Parcel Segment::finish_here() {
  finish_this_worker(runners_.size());
  return pack();
}

void Segment::finish_this_worker(std::size_t runners) {
  for (std::size_t i = 0; i < runners; ++i) runners_[i]->finish_here();
}

// Times that came after the last parcel.
void Segment::deliver_leftovers() { replicas_->deliver_last(pack()); }

void Segment::prepare_for(std::unique_ptr<Operator> op, std::size_t step) noexcept {
  next_ = std::move(op);
  next_step_ = step;
}

void Segment::prepare(std::vector<Batch>& batches) {
  if (next_ == nullptr || batches.empty()) return;
  const WorkerClock::Mark before = clock.set({&ahead_, static_cast<std::uint32_t>(next_step_), Activity::kWorking});
  for (Batch& batch : batches) {
    if (run_->cancelled()) break;
    Result<Buffer> made = guarded([&]() -> Result<Buffer> { return next_->prepare(batch, run_->pool); });
    if (made) batch.prepared = std::move(*made);
  }
  clock.set(before);
}

Parcel Segment::pack() {
  prepare(parcel_.batches);
  parcel_.ahead_ns = ahead_.busy_ns.get();
  ahead_.busy_ns.set(0);
  for (const auto& runner : runners_) {
    for (StepAccount& account : runner->take_accounts()) parcel_.accounts.push_back(std::move(account));
    if (!holds_back_) continue;
    const std::vector<Report::Span> spans = runner->take_spans();
    parcel_.spans.insert(parcel_.spans.end(), spans.begin(), spans.end());
  }
  Parcel packed = std::move(parcel_);
  parcel_ = Parcel();
  parcel_.outlet = this;
  return packed;
}

bool Segment::deliver_early(std::vector<Batch>& batches) {
  // What had left a worker process could not be taken back when it crashes.
  if (holds_back_) return true;
  prepare(batches);
  if (straight_) {
    Parcel parcel;
    parcel.batches = std::exchange(batches, {});
    replicas_->deliver_last(std::move(parcel));
    return !run_->cancelled();
  }
  const WorkerClock::Mark before = clock.set(runners_.back()->mark(Activity::kBlockedOnOutput));
  const bool wanted = replicas_->deliver_early(ticket_, batches);
  clock.set(before);
  return wanted;
}

// By the worker that ended last, in the order of the workers: nobody else touches theirs any more.
void Segment::finish_all_workers() {
  const std::vector<Segment*> workers = replicas_->workers();
  Runner& gathering = *workers.front()->runners_.back();
  const bool merges = gathering.is_mergeable();
  for (Segment* const worker : workers) {
    worker->straight_ = true;
    if (worker->process_ != nullptr) {
      replicas_->deliver_last(worker->process_->finish());
      worker->process_->close();
      continue;
    }
    worker->finish_this_worker(worker->runners_.size() - (merges ? 1 : 0));
    if (PieceCutter* const cutter = replicas_->cutter()) cutter->merge(worker->runners_.front()->op());
    worker->deliver_leftovers();
    if (merges && worker != workers.front()) gathering.merge(*worker->runners_.back());
  }
  if (merges) gathering.finish_here();
  workers.front()->deliver_leftovers();
  replicas_->flush();
  for (Segment* const worker : workers) worker->clock.set({nullptr, worker->clock.step(), Activity::kEnded});
}

}  // namespace penstock
