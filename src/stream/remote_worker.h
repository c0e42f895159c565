// SPDX-License-Identifier: MIT
// Both ends of a worker of a segment that runs in a process of its own.
#pragma once

#include <memory>
#include <string>

#include "executor/worker_nursery.h"
#include "stream/runner.h"

namespace penstock {

/// What a worker process does: opens the segment's operators, works on batches, and answers with parcels.
class WorkServer {
 public:
  virtual ~WorkServer() = default;
  /// Returns false when it failed; see `failure`.
  virtual bool open_here() = 0;
  virtual Parcel work_here(Batch batch) = 0;
  virtual Parcel finish_here() = 0;
  /// The error with which the run would have ended in this process, if there is one.
  virtual std::optional<Error> failure() = 0;
  virtual WorkerClock& worker_clock() = 0;
  /// Lets operators take memory for columns from there. Before `open_here`.
  virtual void use_memory(std::shared_ptr<BufferMemory> memory) = 0;
};

/// Serves until the other end has no more requests. In the worker process. `lent`: where batches of the program lie;
/// may be null.
void serve_segment(WorkServer& server, const StreamType& input, WorkerLink& link, SharedBlocks* lent);

/// The end in the run's process: hands batches over, one at a time, and replaces the process when it crashes, hangs
/// longer than the timeout of the step at work, or answers with nonsense. The batch is then tried once more; when it
/// fails again and the step's policy is not `fail`, it is halved until the record that does it is known, which the
/// policy is applied to. Record batches are not copied, where their columns lie in memory that both share.
///
/// Used by one thread.
class RemoteWorker {
 public:
  /// `steps`: of the segment, in order. `number`: what the nursery knows the worker by. `lent`: see `serve_segment`.
  RemoteWorker(RunState& run, std::shared_ptr<WorkerNursery> nursery, std::uint32_t number,
               std::vector<const StepAtWork*> steps, const StreamType& input, std::shared_ptr<const SharedBlocks> lent);
  ~RemoteWorker();

  /// Starts the process and opens the operators in it. Where it was not called, the first batch does so.
  Status open();
  /// Never fails: errors are in the parcel.
  Parcel work(Batch batch);
  Parcel finish();
  /// Ends the process.
  void close() noexcept;

 private:
  /// Why there is no parcel.
  struct Loss {
    std::string reason;  ///< "its worker process was killed by ...".
    std::size_t step = 0;
    bool timed_out = false;
  };
  /// A parcel, a loss, or neither because the run was cancelled.
  struct Outcome {
    std::optional<Parcel> parcel;
    std::optional<Loss> loss;
  };

  WorkerEnd end_process() noexcept;
  Outcome ask(const WorkRequest& request, const Batch* batch = nullptr);
  Result<Parcel> read_answer(const ParentLink::Answer& answer, std::size_t accounts, const Batch* batch);
  Outcome try_batch(const Batch& batch);
  std::optional<Loss> wait_for_answer();
  Loss lose(std::string how, bool timed_out);
  std::size_t step_at_work() const noexcept;
  bool hangs() const noexcept;
  void find_the_record(const Batch& batch, Parcel& parcel);
  void try_piece(const Batch& batch, Parcel& parcel);
  Parcel without_record(const Batch& batch, const Loss& loss) const;
  Parcel failed_batch(const Batch& batch, const Loss& loss) const;

  RunState& run_;
  const std::shared_ptr<WorkerNursery> nursery_;
  const std::uint32_t number_;
  const std::vector<const StepAtWork*> steps_;
  const StreamType input_;
  const std::shared_ptr<const SharedBlocks> lent_;
  WorkerProcess process_;
  bool started_ = false;
  std::int64_t asked_ns_ = 0;  // when it was asked last
};

}  // namespace penstock
