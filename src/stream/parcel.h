// SPDX-License-Identifier: MIT
// What one worker of a replicated segment made of one batch, until it is that batch's turn.
#pragma once

#include <penstock/batch.h>
#include <penstock/operator.h>
#include <penstock/run.h>

#include <optional>
#include <vector>

#include "stream/row_rejects.h"
#include "stream/step_metrics.h"

namespace penstock {

/// What happened in one step since the last account.
struct StepAccount {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t batches = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t wait_ns = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t retries = 0;
  std::uint64_t fallbacks = 0;
  std::vector<Rejection> rejected;  // numbered from the account's first record

  /// Adds what happened next.
  void add(StepAccount next);
};

/// Empties `metrics` and `rejects` into an account.
StepAccount take_account(StepMetrics& metrics, HeldRejects& rejects);

/// Takes batches out of a worker's hands in the middle of its work. Used by one worker.
class ParcelOutlet {
 public:
  virtual ~ParcelOutlet() = default;
  /// Waits until everything before was delivered, then delivers `batches`. Returns false when nobody wants more.
  virtual bool deliver_early(std::vector<Batch>& batches) = 0;
};

struct Parcel {
  /// More batches than this are not held back: one batch can become very many.
  static constexpr std::size_t kMostBatches = 8;

  std::vector<Batch> batches;
  std::vector<StepAccount> accounts;  // one per step, in order
  std::uint64_t ahead_ns = 0;         // spent on behalf of the operator that the batches go to
  std::vector<Report::Span> spans;    // of a worker process; others keep theirs
  std::optional<Error> error;         // with which the run ends when the parcel's turn comes
  ParcelOutlet* outlet = nullptr;

  /// Returns false when nobody wants more.
  bool add(Batch batch) {
    batches.push_back(std::move(batch));
    return batches.size() < kMostBatches || outlet->deliver_early(batches);
  }
};

}  // namespace penstock
