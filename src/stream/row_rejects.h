// SPDX-License-Identifier: MIT
// What becomes of rejected records: counted, and failed, dropped or kept in a quarantine file as the step's policy says.
#pragma once

#include <penstock/operator.h>

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

/// The rejected records of one step, in its worker. `count` may be read from other threads.
class RowRejects final : public RowErrors {
 public:
  RowRejects(std::string step, const ErrorPolicy& policy, std::string part_path, RejectLimit& limit);
  ~RowRejects() override;

  Status reject(Rejection rejection) override;
  bool raw_unused() const noexcept override { return policy_.action != ErrorPolicy::Action::kQuarantine; }
  void count_retry() noexcept override { retries_.fetch_add(1, std::memory_order_relaxed); }
  void count_fallback() noexcept override { fallbacks_.fetch_add(1, std::memory_order_relaxed); }

  /// The number of records in the step's input before the batch at hand.
  void set_base(std::uint64_t records) noexcept { base_ = records; }
  /// True when an error that `reject` returned must end the run.
  bool fatal() const noexcept { return fatal_; }

  /// Everything rejected since the last mark is forgotten by `roll_back`: the batch is tried again. From `mark` to `release`
  /// rejected records are kept in memory; else they go to the part file as they come, however many one batch of a source has.
  Status mark();
  void roll_back() noexcept;
  void release() noexcept { revocable_ = false; }

  /// Writes what is left to the part file. Call once, after the last record.
  Status flush();
  const std::string& part_path() const noexcept { return part_path_; }
  /// Deletes the part file.
  void remove_part() noexcept;

  std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  std::uint64_t retries() const noexcept { return retries_.load(std::memory_order_relaxed); }
  std::uint64_t fallbacks() const noexcept { return fallbacks_.load(std::memory_order_relaxed); }
  const std::string& first() const noexcept { return first_; }

 private:
  Error to_error(const Rejection& rejection) const;
  void append_line(const Rejection& rejection);
  Status write_out();

  const std::string step_;
  const ErrorPolicy policy_;
  const std::string part_path_;
  RejectLimit& limit_;
  std::uint64_t base_ = 0;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> retries_{0};
  std::atomic<std::uint64_t> fallbacks_{0};
  std::string first_;
  bool fatal_ = false;
  bool revocable_ = false;  // between mark and release
  std::uint64_t marked_count_ = 0;
  std::size_t marked_size_ = 0;
  bool first_is_new_ = false;
  std::string lines_;  // not yet in the part file
  File part_;
};

/// Puts the parts of all steps that share `path` together, in the order given, and replaces the file as a whole; the file
/// is empty when nothing was rejected.
Status commit_quarantine(const std::string& path, const std::vector<RowRejects*>& parts);

}  // namespace penstock
