// SPDX-License-Identifier: MIT
// One operator at work in its worker: hands it batches, counts and times it, applies its policy, passes its output on.
#pragma once

#include <penstock/fused.h>
#include <penstock/operator.h>

#include <memory>
#include <vector>

#include "stream/graph.h"
#include "stream/parcel.h"
#include "stream/restored_state.h"
#include "stream/run_state.h"
#include "stream/step_metrics.h"

namespace penstock {

/// One step of the run as the report sees it; several of them may be one runner (a fused loop). A step that is
/// replicated has one besides for each worker, whose counts go over into the first with every parcel.
struct StepAtWork {
  const GraphStep* step = nullptr;
  std::size_t index = 0;
  std::size_t segment = 0;
  StepMetrics metrics;
  std::unique_ptr<RowRejects> rejects;  // null in a worker's own
  std::unique_ptr<HeldRejects> held;    // only there
  Operator* speaker = nullptr;          // the instance that knows most: of a divided source the one that cuts
  bool fused_away = false;              // runs inside the loop of a later step

  StepRejects& errors() const noexcept {
    if (held != nullptr) return *held;
    return *rejects;
  }
};

/// What the engine hands to an operator of `step`.
OperatorContext context_of(RunState& run, const StepAtWork& step, std::uint32_t worker);

/// What a run ends with when a batch that cannot be copied has several consumers.
Error records_cannot_be_shared();

/// Belongs to one worker after it was set up; not thread-safe.
class Runner final : public Emitter {
 public:
  /// `steps`: the steps that `op` does, in order; the last one names it in messages.
  Runner(std::shared_ptr<RunState> run, WorkerClock& clock, std::unique_ptr<Operator> op,
         std::vector<StepAtWork*> steps, OperatorTraits traits);
  ~Runner() override;

  void add_consumer(Runner& runner) { targets_.push_back({&runner, nullptr}); }
  void add_consumer(Channel& channel) { targets_.push_back({nullptr, &channel}); }
  /// The channel that feeds the worker; spent batches go back there.
  void set_input(Channel& channel) noexcept { input_ = &channel; }
  /// For workers of a replicated segment: failures, and what leaves the last runner, go into `parcel`.
  void pack_into(Parcel& parcel, bool last) noexcept {
    parcel_ = &parcel;
    packs_output_ = last;
  }

  /// What its operator goes on from; before `open`.
  void restore_from(RestoredState state) { restored_ = std::move(state); }
  Status open(std::uint32_t worker);
  /// Works on one batch and all that follows from it in this worker.
  void consume(Batch batch);
  /// The same, with no more records than are wanted.
  void consume_wanted(Batch batch);
  /// Lets an operator go on that has records in flight; returns whether it still has some.
  bool idle(bool may_wait);
  bool keeps_in_flight() const noexcept { return traits_.in_flight > 0; }
  /// For a source: one call of produce. Returns false at the end.
  bool produce();
  /// For an instance of a divided source.
  void read(SourcePiece& piece);
  /// After the last batch: finishes the operator and then its consumers in this worker.
  void finish();
  /// The first half: without the consumers. Returns false when it failed.
  bool finish_here();
  bool is_mergeable() const noexcept { return traits_.mergeable; }
  /// Takes over what the runner of the same step in another worker gathered.
  void merge(Runner& other);
  /// Returns what was counted since the last call, per step, and starts anew. For replicated steps.
  std::vector<StepAccount> take_accounts();
  /// Closes the channels behind it.
  void close_channels() noexcept;
  /// True when more input would be lost work.
  bool refuses() const noexcept;
  /// How many records of its input are of use at most, as far as that can be told in this worker.
  std::uint64_t records_wanted() const noexcept;

  bool emit(Batch batch) override;
  bool done() const noexcept override;
  void give_back(Batch spent) override {
    if (input_ != nullptr) input_->give_back(std::move(spent));
  }

  Operator& op() noexcept { return *op_; }
  const std::vector<StepAtWork*>& steps() const noexcept { return steps_; }
  bool opened() const noexcept { return opened_; }
  WorkerClock::Mark mark(Activity activity) const noexcept;
  /// The first kMostSpans calls; empty unless the run is traced.
  const std::vector<Report::Span>& spans() const noexcept { return spans_; }
  /// Hands them over, to be added to the runner of the same step in another process.
  std::vector<Report::Span> take_spans() noexcept;
  void add_span(const Report::Span& span);
  static constexpr std::size_t kMostSpans = 4'096;

 private:
  struct Target {
    Runner* runner;
    Channel* channel;
    bool refuses() const noexcept { return runner != nullptr ? runner->refuses() : !channel->wants_more(); }
    std::uint64_t records_wanted() const noexcept {
      return runner != nullptr ? runner->records_wanted() : Operator::kAll;
    }
  };

  template <class Call>
  Status work_as_source(Call&& call);
  Status work_safely(Batch batch, std::size_t records);
  Status reject_batch(const Batch& batch, const Error& cause);
  bool output_unwanted() const noexcept;
  bool stopped() const noexcept { return run_->cancelled() || (parcel_ != nullptr && parcel_->error); }
  Status begin_batch();
  const StepAtWork& at_fault() const noexcept;
  void report_failure(Error error);
  bool deliver(Batch batch);
  bool pass_on(Batch batch);
  std::uint64_t output_wanted() const noexcept;
  bool hand_over(Target& target, Batch batch);
  bool deliver_held();
  void update_counts() noexcept;
  void add_span(std::int64_t begin_ns);

  const std::shared_ptr<RunState> run_;
  WorkerClock& clock_;
  const std::unique_ptr<Operator> op_;
  FusedSteps* const fused_;  // null unless the operator counts for itself
  const std::vector<StepAtWork*> steps_;
  StepAtWork& step_;
  const OperatorTraits traits_;
  const bool has_effects_;
  const bool keeps_rejects_;
  const bool may_add_records_;
  std::vector<Target> targets_;
  Channel* input_ = nullptr;  // null in the worker of a source, and in replicated segments, where consumers are many
  Parcel* parcel_ = nullptr;
  bool packs_output_ = false;
  std::vector<StepCounts> taken_;          // of a fused loop, which counts since open
  std::vector<OperatorContext> contexts_;  // one per step
  RestoredState restored_;
  std::uint64_t next_sequence_ = 0;
  bool holding_ = false;  // output waits until the whole batch went well
  std::vector<Batch> held_;
  std::vector<Report::Span> spans_;
  std::size_t spans_taken_ = 0;
  bool opened_ = false;
};

}  // namespace penstock
