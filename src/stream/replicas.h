// SPDX-License-Identifier: MIT
// What the workers of a replicated segment share: the channel they take batches from, the order they give them back in.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "channel/reorder_window.h"
#include "stream/piece_cutter.h"

namespace penstock {

class Segment;

/// A piece of a divided source in the hands of a worker, or the error that came in its place.
struct PieceInHand {
  std::unique_ptr<SourcePiece> piece;
  std::uint64_t ticket = 0;
  std::optional<Error> error;
};

/// Workers take numbered batches from one channel, whoever is free, and hand over parcels, which are delivered in the
/// order of the numbers: counts and rejected records go to the steps of the run, batches to the channels behind. So
/// nothing depends on which worker had which batch, and the first error in the order of the batches ends the run.
///
/// Thread-safe after it was set up.
class Replicas final : public Cancellable {
 public:
  /// `steps`: of the run, in the segment's order.
  Replicas(RunState& run, std::vector<StepAtWork*> steps);

  /// One worker more, also while others work; twice as many batches as workers may be between taking and delivery.
  /// Returns false when the work has ended.
  bool add_worker(Segment& worker);
  /// All of them, in the order in which they came.
  std::vector<Segment*> workers();

  void set_input(Channel& channel) noexcept { input_ = &channel; }
  /// The segment begins with a divided source: its workers take pieces.
  void set_cutter(std::unique_ptr<PieceCutter> cutter) noexcept { cutter_ = std::move(cutter); }
  PieceCutter* cutter() const noexcept { return cutter_.get(); }
  /// Where the time goes that workers spend on behalf of the operator behind them.
  void set_ahead(Counter& ns) noexcept { ahead_ns_ = &ns; }
  void add_output(Channel& channel) { outputs_.push_back(&channel); }

  /// The number of the batch that a worker is handed without asking for it.
  std::uint64_t next_ticket();
  /// Waits for a batch; false at the end.
  bool take(Batch& batch, std::uint64_t& ticket);
  /// Waits for its turn to cut a piece, cuts one as `working`; false at the end. What `hand` held is spent.
  bool take(PieceInHand& hand, WorkerClock& clock, const WorkerClock::Mark& working);
  /// Hands over what became of `ticket`. Waits while it is too far ahead. Returns false when nobody wants more.
  bool submit(std::uint64_t ticket, Parcel parcel);
  /// Waits until everything before `ticket` was delivered, then delivers `batches`, and empties it.
  bool deliver_early(std::uint64_t ticket, std::vector<Batch>& batches);
  /// While nothing is cut or pushed into its channel: whether all that was taken has been delivered; what the workers
  /// did is visible to the caller then.
  bool is_worked_off() const noexcept {
    return delivered_.load(std::memory_order_acquire) ==
           (input_ == nullptr ? next_ticket_ : input_->pushed() + handed_);
  }
  /// Delivers without a ticket; only when all workers have ended, or counts only.
  void deliver_last(Parcel parcel);
  /// True for the worker that ends last.
  bool is_last_to_end();
  /// By the worker that ended last, after everything was delivered: writes the rejected records that are left.
  void flush();
  /// No batch follows, and none is wanted.
  void close() noexcept;

  void cancel() noexcept override { window_.cancel(); }

 private:
  void deliver(Parcel parcel);
  Status deliver_account(StepAtWork& step, StepAccount account);
  bool push(std::vector<Batch>& batches);
  void stop_taking() noexcept;
  bool wanted() const noexcept;

  RunState& run_;
  const std::vector<StepAtWork*> steps_;
  bool keeps_rejects_ = false;
  Channel* input_ = nullptr;             // null for a divided source
  std::unique_ptr<PieceCutter> cutter_;  // null for others
  std::vector<Channel*> outputs_;
  Counter* ahead_ns_ = nullptr;
  ReorderWindow<Parcel> window_;
  std::mutex input_mutex_;
  std::uint64_t next_ticket_ = 0;            // guarded by input_mutex_
  std::uint64_t handed_ = 0;                 // batches that came without being taken; by the thread of the source
  std::atomic<std::uint64_t> delivered_{0};  // tickets
  std::uint64_t next_sequence_ = 0;          // of what is pushed, by one worker at a time
  std::mutex delivery_mutex_;  // parcels with a ticket come one at a time; those without one come beside them
  std::mutex end_mutex_;
  // Guarded by end_mutex_:
  std::vector<Segment*> workers_;
  std::size_t ended_ = 0;
};

}  // namespace penstock
