// SPDX-License-Identifier: MIT
#include "stream/remote_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "stream/parcel_bytes.h"
#include "stream/table.h"

namespace penstock {
namespace {

enum RequestKind : std::uint32_t { kOpen, kWork, kFinish };

constexpr int kLookMs = 20;  // how often a waiting worker looks whether the run was cancelled

Parcel failed(Error error) {
  Parcel parcel;
  parcel.error = std::move(error);
  return parcel;
}

// What several parcels say of the same worker, one after the other.
void append(Parcel& to, Parcel more) {
  for (Batch& batch : more.batches) to.batches.push_back(std::move(batch));
  if (to.accounts.empty()) {
    to.accounts = std::move(more.accounts);
  } else {
    for (std::size_t i = 0; i < to.accounts.size(); ++i) to.accounts[i].add(std::move(more.accounts[i]));
  }
  to.spans.insert(to.spans.end(), more.spans.begin(), more.spans.end());
  if (!to.error) to.error = std::move(more.error);
}

Batch part_of(const Batch& batch, std::size_t begin, std::size_t end, const StreamType& type, BufferPool& pool) {
  if (batch.is_record_batch()) {
    std::vector<std::uint32_t> rows(end - begin);
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(begin));
    return Batch(batch.record_batch().take(rows, pool));
  }
  const std::span<const std::byte> bytes = batch.flat_bytes();
  const std::size_t record = bytes.size() / batch.num_records();
  return Batch(type.from_flat(bytes.subspan(begin * record, (end - begin) * record)));
}

/// In the worker process.
class SegmentServer {
 public:
  SegmentServer(WorkServer& server, const StreamType& input, WorkerLink& link, SharedBlocks* lent)
      : server_(server), input_(input), link_(link), lent_(lent) {}

  void serve() {
    if (lent_ != nullptr) lent_->protect();
    server_.use_memory(link_.memory());
    server_.worker_clock().show_in(link_.status().what, link_.status().since_ns);
    while (const Result<WorkRequest> request = link_.receive()) {
      RecordBatch batch;  // whose columns the answer may name
      Result<Parcel> parcel = handle(*request, batch);
      if (!parcel) parcel = failed(std::move(parcel).error());
      if (!parcel->error) parcel->error = server_.failure();
      const auto kept = std::make_shared<Parcel>(std::move(*parcel));
      if (const Status answered = answer(kept, &batch); answered) continue;
      // An answer for which there is no memory.
      const auto failed = std::make_shared<Parcel>();
      failed->accounts = std::move(kept->accounts);
      failed->error =
          Error(ErrorCode::kResourceExhausted, "there is no memory for what a worker process made of a batch")
              .hint("use a smaller batch_size");
      if (!answer(failed, nullptr)) return;
    }
  }

 private:
  Result<Parcel> handle(const WorkRequest& request, RecordBatch& same) {
    if (request.kind == kOpen) {
      server_.open_here();  // see failure()
      return Parcel();
    }
    if (request.kind == kFinish) return server_.finish_here();
    LentSource source;
    source.lent = [this](const BlockPlace& place) { return lent_ == nullptr ? nullptr : lent_->data() + place.offset; };
    PENSTOCK_ASSIGN(Batch batch, batch_for_worker(link_.request_bytes(request), input_, source));
    if (batch.is_record_batch()) same = batch.record_batch();
    return server_.work_here(std::move(batch));
  }

  Status answer(std::shared_ptr<const Parcel> parcel, const RecordBatch* input) {
    const EncodedParcel encoded(*parcel, link_.memory().get(), input);
    PENSTOCK_ASSIGN(const std::span<std::byte> room, link_.room(encoded.size_bytes()));
    encoded.write(room);
    return link_.reply(std::move(parcel));
  }

  WorkServer& server_;
  const StreamType& input_;
  WorkerLink& link_;
  SharedBlocks* const lent_;
};

}  // namespace

void serve_segment(WorkServer& server, const StreamType& input, WorkerLink& link, SharedBlocks* lent) {
  SegmentServer(server, input, link, lent).serve();
}

RemoteWorker::RemoteWorker(RunState& run, std::shared_ptr<WorkerNursery> nursery, std::uint32_t number,
                           std::vector<const StepAtWork*> steps, const StreamType& input,
                           std::shared_ptr<const SharedBlocks> lent)
    : run_(run),
      nursery_(std::move(nursery)),
      number_(number),
      steps_(std::move(steps)),
      input_(input),
      lent_(std::move(lent)) {}

RemoteWorker::~RemoteWorker() { close(); }

// Like a batch, opening is tried once more: what killed the worker may have nothing to do with it.
Status RemoteWorker::open() {
  started_ = true;
  for (int attempt = 1;; ++attempt) {
    PENSTOCK_ASSIGN(process_, nursery_->spawn(number_, run_.options.worker_memory));
    run_.processes.add(process_.pid);
    Outcome outcome = ask({.kind = kOpen});
    if (outcome.parcel && outcome.parcel->error) return std::move(*outcome.parcel->error);
    if (!outcome.loss) return {};
    if (attempt == 2)
      return Error(ErrorCode::kUserCode, outcome.loss->reason).at(steps_[outcome.loss->step]->step->spec->name);
  }
}

void RemoteWorker::close() noexcept { end_process(); }

WorkerEnd RemoteWorker::end_process() noexcept {
  process_.link.reset();
  WorkerEnd end;
  run_.processes.remove(process_.pid, [&] {
    end = nursery_->end(process_);
    return end.cpu_seconds;
  });
  return end;
}

Parcel RemoteWorker::finish() {
  if (!started_) return {};
  Outcome outcome = ask({.kind = kFinish});
  // Its operators keep nothing from batch to batch, so another worker finishes as well.
  if (outcome.loss) {
    if (Status opened = open(); !opened) return failed(std::move(opened).error());
    outcome = ask({.kind = kFinish});
  }
  if (outcome.parcel) return std::move(*outcome.parcel);
  if (!outcome.loss) return {};  // cancelled
  return failed(Error(ErrorCode::kUserCode, outcome.loss->reason + " at the end of its input")
                    .at(steps_[outcome.loss->step]->step->spec->name));
}

Parcel RemoteWorker::work(Batch batch) {
  if (Status opened = started_ ? Status() : open(); !opened) return failed(std::move(opened).error());
  for (int attempt = 1;; ++attempt) {
    Outcome outcome = try_batch(batch);
    if (outcome.parcel) return std::move(*outcome.parcel);
    if (!outcome.loss) return {};  // cancelled
    if (Status opened = open(); !opened) return failed(std::move(opened).error());
    if (attempt < 2) continue;
    const ErrorPolicy& policy = steps_[outcome.loss->step]->step->spec->on_error;
    if (policy.action == ErrorPolicy::Action::kFail) return failed_batch(batch, *outcome.loss);
    Parcel parcel;
    find_the_record(batch, parcel);
    return parcel;
  }
}

RemoteWorker::Outcome RemoteWorker::try_batch(const Batch& batch) {
  if (process_.link == nullptr) return {};
  const BatchForWorker encoded(batch, lent_.get(), nullptr);
  const std::size_t size = encoded.size_bytes();
  Result<std::span<std::byte>> room = process_.link->room(size);
  if (!room) {
    Outcome outcome;
    outcome.parcel.emplace().error = std::move(room).error().at(steps_.front()->step->spec->name);
    return outcome;
  }
  encoded.write(*room);
  return ask({.kind = kWork, .size = size}, &batch);
}

// Also when it had gone before it was asked: the end is looked at in one place.
RemoteWorker::Outcome RemoteWorker::ask(const WorkRequest& request, const Batch* batch) {
  Outcome outcome;
  if (process_.link == nullptr) return outcome;  // the run has failed
  asked_ns_ = now_ns();
  (void)process_.link->send(request).has_value();
  outcome.loss = wait_for_answer();
  if (outcome.loss || run_.cancelled()) return outcome;
  Result<ParentLink::Answer> answer = process_.link->take();
  if (!answer) {
    outcome.loss = lose(std::move(answer).error().message(), false);
    return outcome;
  }
  Result<Parcel> parcel = read_answer(*answer, request.kind == kOpen ? 0 : steps_.size(), batch);
  if (parcel) {
    outcome.parcel = std::move(*parcel);
  } else {
    outcome.loss = lose(std::move(parcel).error().message(), false);
  }
  return outcome;
}

namespace {

/// Counts what a worker lent against the budget as long as it is kept.
struct KeptAnswer {
  KeptAnswer(ParentLink::Answer the_answer, const MemoryBudget& of_run)
      : answer(std::move(the_answer)), budget(of_run) {}
  KeptAnswer(const KeptAnswer&) = delete;
  KeptAnswer& operator=(const KeptAnswer&) = delete;
  ~KeptAnswer() { budget.release(bytes); }
  void count(std::size_t more) {
    budget.charge(more);
    bytes += more;
  }

  const ParentLink::Answer answer;
  const MemoryBudget budget;
  std::size_t bytes = 0;
};

}  // namespace

Result<Parcel> RemoteWorker::read_answer(const ParentLink::Answer& answer, std::size_t accounts, const Batch* batch) {
  const auto kept = std::make_shared<KeptAnswer>(answer, run_.budget);
  LentSource source;
  source.lent = [this](const BlockPlace& place) { return process_.link->lent(place); };
  source.keeper = kept;
  source.input = batch != nullptr && batch->is_record_batch() ? &batch->record_batch() : nullptr;
  source.pool = &run_.pool;
  Result<Parcel> parcel = decode_parcel(answer.bytes, steps_.back()->step->output, accounts, source);
  kept->count(answer.bytes.size() + source.lent_bytes);
  return parcel;
}

// Nothing: there is an answer, or the run was cancelled.
std::optional<RemoteWorker::Loss> RemoteWorker::wait_for_answer() {
  for (;;) {
    switch (process_.link->wait(kLookMs, process_.ended.get())) {
      case ParentLink::Event::kAnswer: return std::nullopt;
      case ParentLink::Event::kGone: return lose({}, false);
      case ParentLink::Event::kTimeout: break;
    }
    if (run_.cancelled()) return std::nullopt;
    if (hangs()) return lose({}, true);
  }
}

std::size_t RemoteWorker::step_at_work() const noexcept {
  const std::size_t index = static_cast<std::size_t>(process_.link->status().what.load() >> 8);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i]->index == index) return i;
  }
  return 0;
}

bool RemoteWorker::hangs() const noexcept {
  const auto timeout = steps_[step_at_work()]->step->spec->timeout;
  // A worker that is stopped does not even begin.
  const std::int64_t since = std::max(asked_ns_, process_.link->status().since_ns.load());
  return timeout.count() > 0 && now_ns() - since >= timeout.count() * 1'000'000;
}

// The process is of no more use: ends it, and says why. `how`: in words; empty: as the system says.
RemoteWorker::Loss RemoteWorker::lose(std::string how, bool timed_out) {
  Loss loss;
  loss.step = step_at_work();
  loss.timed_out = timed_out;
  run_.crashes[steps_[loss.step]->index].fetch_add(1, std::memory_order_relaxed);
  const WorkerEnd end = end_process();
  if (timed_out) {
    const double seconds = static_cast<double>(steps_[loss.step]->step->spec->timeout.count()) / 1e3;
    how = fmt::format("worked longer than its timeout of {}", duration_text(seconds));
  }
  loss.reason = "its worker process " + (how.empty() ? end.to_text() : "was ended: " + how);
  return loss;
}

// ---- A batch that ends its worker ----------------------------------------------------------------------------------

void RemoteWorker::find_the_record(const Batch& batch, Parcel& parcel) {
  const std::size_t records = batch.num_records();
  if (records == 1) return try_piece(batch, parcel);
  try_piece(part_of(batch, 0, records / 2, input_, run_.pool), parcel);
  try_piece(part_of(batch, records / 2, records, input_, run_.pool), parcel);
}

void RemoteWorker::try_piece(const Batch& batch, Parcel& parcel) {
  // A record is convicted only when it ends two workers in a row.
  for (int attempt = 1; !parcel.error && !run_.cancelled(); ++attempt) {
    Outcome outcome = try_batch(batch);
    if (outcome.parcel) return append(parcel, std::move(*outcome.parcel));
    if (!outcome.loss) return;
    if (Status opened = open(); !opened) {
      parcel.error = std::move(opened).error();
      return;
    }
    if (batch.num_records() > 1) return find_the_record(batch, parcel);
    if (attempt == 2) return append(parcel, without_record(batch, *outcome.loss));
  }
}

// It came as far as the step at fault: those before keep or drop records, they make none.
Parcel RemoteWorker::without_record(const Batch& batch, const Loss& loss) const {
  Parcel parcel;
  parcel.accounts.resize(steps_.size());
  for (std::size_t i = 0; i <= loss.step; ++i) {
    parcel.accounts[i].records_in = 1;
    parcel.accounts[i].batches = 1;
    parcel.accounts[i].records_out = i < loss.step ? 1 : 0;
  }
  Rejection rejection{.record = 0, .reason = loss.reason, .raw = {}};
  if (batch.is_record_batch()) rejection.raw = batch.record_batch().row_to_json(0);
  parcel.accounts[loss.step].rejected.push_back(std::move(rejection));
  return parcel;
}

Parcel RemoteWorker::failed_batch(const Batch& batch, const Loss& loss) const {
  return failed(Error(loss.timed_out ? ErrorCode::kTimeout : ErrorCode::kUserCode,
                      fmt::format("{}, twice, while it worked on the same batch of {}", loss.reason,
                                  counted(batch.num_records(), "record")))
                    .hint("on_error = \"quarantine\" finds the record that does it, puts it aside, and goes on")
                    .at(steps_[loss.step]->step->spec->name));
}

}  // namespace penstock
