// SPDX-License-Identifier: MIT
// What becomes of rejected records: counted, and failed, dropped or kept in a quarantine file as the step's policy
// says.
#pragma once

#include <penstock/run.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "platform/file.h"

namespace penstock {

/// Rejected records of a whole run against `max_errors`. Thread-safe.
struct RejectLimit {
  std::uint64_t limit = static_cast<std::uint64_t>(-1);
  std::atomic<std::uint64_t> rejected{0};
};

/// What the rejected records of one step in one worker have in common, wherever they go.
class StepRejects : public RowErrors {
 public:
  /// `told`: whether somebody is told of them.
  StepRejects(const ErrorPolicy& policy, bool told) : policy_(policy), told_(told) {}

  bool raw_unused() const noexcept override {
    return policy_.action != ErrorPolicy::Action::kQuarantine &&
           (!told_ || policy_.action == ErrorPolicy::Action::kFail);
  }
  void count_retry() noexcept override { add_retries(1); }
  void count_fallback() noexcept override { add_fallbacks(1); }
  void add_retries(std::uint64_t more) noexcept { retries_.fetch_add(more, std::memory_order_relaxed); }
  void add_fallbacks(std::uint64_t more) noexcept { fallbacks_.fetch_add(more, std::memory_order_relaxed); }
  std::uint64_t retries() const noexcept { return retries_.load(std::memory_order_relaxed); }
  std::uint64_t fallbacks() const noexcept { return fallbacks_.load(std::memory_order_relaxed); }

  std::uint64_t take_retries() noexcept { return retries_.exchange(0, std::memory_order_relaxed); }
  std::uint64_t take_fallbacks() noexcept { return fallbacks_.exchange(0, std::memory_order_relaxed); }

  /// The number of records in the step's input before the batch at hand.
  void set_base(std::uint64_t records) noexcept { base_ = records; }
  /// True when an error that `reject` returned must end the run.
  bool fatal() const noexcept { return fatal_; }

  /// Everything rejected since the last mark is forgotten by `roll_back`: the batch is tried again. From `mark` to
  /// `release` rejected records are kept in memory.
  virtual Status mark() = 0;
  virtual void roll_back() noexcept = 0;
  virtual void release() noexcept = 0;
  /// Writes what is left. Call once, after the last record.
  virtual Status flush() = 0;

 protected:
  const ErrorPolicy policy_;
  const bool told_;
  std::uint64_t base_ = 0;
  bool fatal_ = false;

 private:
  std::atomic<std::uint64_t> retries_{0};
  std::atomic<std::uint64_t> fallbacks_{0};
};

/// The rejected records of a step that is replicated: kept by the worker that met them until it is their batch's turn.
/// Their numbers count from the first record of what the worker has in hand. Used by one worker.
class HeldRejects final : public StepRejects {
 public:
  using StepRejects::StepRejects;

  Status reject(Rejection rejection) override;
  Status mark() override;
  void roll_back() noexcept override;
  void release() noexcept override {}
  Status flush() override { return {}; }
  /// Returns what was rejected since the last call.
  std::vector<Rejection> take() noexcept;

 private:
  std::vector<Rejection> held_;
  std::size_t marked_ = 0;
};

/// The rejected records of one step, in their order. Used by one worker; `count` may be read from other threads.
/// Outside of `mark` and `release` they go to the part file as they come, however many one batch of a source has.
class RowRejects final : public StepRejects {
 public:
  /// `listener`: may be null.
  RowRejects(std::string step, const ErrorPolicy& policy, std::string part_path, RejectLimit& limit,
             RejectionListener* listener);
  ~RowRejects() override;

  Status reject(Rejection rejection) override;
  Status mark() override;
  void roll_back() noexcept override;
  void release() noexcept override;
  Status flush() override;

  /// For a checkpoint: while nobody rejects anything.
  Status save(StateWriter& to);
  /// Before the first record.
  Status restore(StateReader& from);

  const std::string& part_path() const noexcept { return part_path_; }
  /// Deletes the part file.
  void remove_part() noexcept;

  std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  const std::string& first() const noexcept { return first_; }

 private:
  Error to_error(const Rejection& rejection) const;
  void append_line(const Rejection& rejection);
  void tell(Rejection rejection);
  Status write_out();

  const std::string step_;
  const std::string part_path_;
  RejectLimit& limit_;
  RejectionListener* const listener_;
  std::vector<Rejection> untold_;  // since the mark
  std::atomic<std::uint64_t> count_{0};
  std::string first_;
  bool revocable_ = false;  // between mark and release
  std::uint64_t marked_count_ = 0;
  std::size_t marked_size_ = 0;
  bool first_is_new_ = false;
  std::string lines_;  // not yet in the part file
  std::uint64_t part_bytes_ = 0;
  File part_;
};

/// Puts the parts of all steps that share `path` together, in the order given, and replaces the file as a whole; the
/// file is empty when nothing was rejected. Returns the committed file, which can be taken back by `abort`.
Result<AtomicFile> commit_quarantine(const std::string& path, const std::vector<RowRejects*>& parts);

}  // namespace penstock
