// SPDX-License-Identifier: MIT
// A segment at work: a chain (or small tree) of runners in one worker, fed by a source or a channel.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "executor/executor.h"
#include "stream/load_meter.h"
#include "stream/remote_worker.h"
#include "stream/replicas.h"
#include "stream/runner.h"

namespace penstock {

/// Is told when no batch is on its way through the segments that work in one thread.
class BoundaryWatch {
 public:
  virtual ~BoundaryWatch() = default;
  /// In the worker of a source: opens the segments that work in its thread. Returns false when it failed.
  virtual bool begin() = 0;
  /// Behind every batch of it.
  virtual void at_boundary() = 0;
  /// When all workers have ended.
  virtual void ended() = 0;
};

/// Used by one worker after it was set up.
class Segment final : public Task, public WorkServer, private ParcelOutlet, private BatchTaker {
 public:
  Segment(std::shared_ptr<RunState> run, std::string name, bool timed)
      : clock(timed), run_(std::move(run)), name_(std::move(name)) {}

  /// Adds a runner whose consumers in this worker are added later.
  Runner& add(std::unique_ptr<Runner> runner);
  /// Where batches come from; null for segments of sources.
  void set_input(Channel& channel) noexcept;
  Channel* input() const noexcept { return input_; }

  /// Makes it one of the workers of a replicated segment. Returns false when that one's work has ended.
  bool join(Replicas& replicas);

  /// For a segment that begins with a source.
  void set_watch(BoundaryWatch* watch) noexcept { watch_ = watch; }
  /// Lets it work in the thread that pushes into `input`, which feeds it or the workers that it belongs to, until
  /// `leave_thread_of_producer`; from then on `work` does.
  void work_in_thread_of_producer(Channel& input, LoadMeter::Unit& unit, LoadMeter& meter) noexcept;
  void leave_thread_of_producer() noexcept;
  /// For the first segment of such a thread.
  void measure(LoadMeter::Unit& unit, LoadMeter& meter) noexcept;
  /// For workers that share a segment: what they do is added there.
  void add_load_to(SharedLoad& load) noexcept { load_ = &load; }
  bool open_all();
  /// True once all operators are open, which is visible to the caller then.
  bool is_open() const noexcept { return open_.load(std::memory_order_acquire); }
  bool works_in_process() const noexcept { return process_ != nullptr; }
  /// What operators have in flight gets on while there is no input. Returns whether there is more of it.
  bool go_on(bool may_wait);

  /// Lets a worker of a replicated segment do ahead what `op` can: another instance of the operator that its batches go
  /// to, step `step` of the run.
  void prepare_for(std::unique_ptr<Operator> op, std::size_t step) noexcept;
  /// Lets a worker of a replicated segment work in a process: its own runners are used only there.
  void work_in(std::unique_ptr<RemoteWorker> process) noexcept { process_ = std::move(process); }

  void work() noexcept override;

  // In the worker process:
  bool open_here() override {
    holds_back_ = true;
    return open_all();
  }
  Parcel work_here(Batch batch) override;
  Parcel finish_here() override;
  std::optional<Error> failure() override { return run_->first_error(); }
  WorkerClock& worker_clock() override { return clock; }
  void use_memory(std::shared_ptr<BufferMemory> memory) override {
    run_->pool = BufferPool(run_->budget, std::move(memory));
  }

  std::string name() const override { return name_; }

  const std::vector<std::unique_ptr<Runner>>& runners() const noexcept { return runners_; }

  WorkerClock clock;

 private:
  void take(Batch batch) override;
  void end() noexcept override;
  void pull_from_channel();
  void run_sources();
  void pass_boundary();
  void work_as_replica() noexcept;
  void end_as_replica() noexcept;
  bool open_workers_operators();
  void take_batches();
  void take_pieces();
  bool hand_over(Parcel parcel);
  Parcel work_on(Batch batch);
  void finish_this_worker(std::size_t runners);
  void finish_all_workers();
  void deliver_leftovers();
  void prepare(std::vector<Batch>& batches);
  Parcel pack();
  bool deliver_early(std::vector<Batch>& batches) override;

  const std::shared_ptr<RunState> run_;
  const std::string name_;
  std::vector<std::unique_ptr<Runner>> runners_;  // in pipeline order
  std::vector<Runner*> waiting_;                  // those of them that keep records in flight
  Channel* input_ = nullptr;
  BoundaryWatch* watch_ = nullptr;
  std::atomic<bool> open_{false};

  // While it works in the thread of another one, or others in its own:
  Channel* handed_by_ = nullptr;
  LoadMeter* meter_ = nullptr;
  LoadMeter::Unit* unit_ = nullptr;

  // For workers of a replicated segment:
  Replicas* replicas_ = nullptr;
  SharedLoad* load_ = nullptr;
  std::unique_ptr<RemoteWorker> process_;  // null: works in its thread
  std::unique_ptr<Operator> next_;         // null: what its batches go to has nothing to prepare
  std::size_t next_step_ = 0;
  StepMetrics ahead_;
  Parcel parcel_;
  std::uint64_t ticket_ = 0;
  bool holds_back_ = false;  // is a worker process
  bool straight_ = false;    // all workers have ended: nothing to wait for
};

}  // namespace penstock
