// SPDX-License-Identifier: MIT
// Where the workers of a divided source get their pieces from.
#pragma once

#include <memory>

#include "stream/restored_state.h"
#include "stream/runner.h"

namespace penstock {

/// The instance of a divided source that cuts. Used by one worker at a time, but for `close`.
class PieceCutter {
 public:
  /// `step` is the run's own.
  PieceCutter(RunState& run, const StepAtWork& step, std::unique_ptr<Operator> source);

  /// Returns the next piece, null at the end. `spent`: one that was read, or null.
  Result<std::unique_ptr<SourcePiece>> next(std::unique_ptr<SourcePiece> spent);
  /// Nobody needs another piece. Thread-safe.
  void close() noexcept { closed_.store(true, std::memory_order_relaxed); }

  /// After the last piece: takes over what an instance that read some counted. Fails the run when it cannot.
  void merge(Operator& reader);
  Operator& op() noexcept { return *op_; }
  bool opened() const noexcept { return opened_; }
  /// What it goes on from; before the first piece.
  void restore_from(RestoredState state) { restored_ = std::move(state); }

 private:
  Result<std::unique_ptr<SourcePiece>> cut(std::unique_ptr<SourcePiece> spent);

  RunState& run_;
  const StepAtWork& step_;
  const std::unique_ptr<Operator> op_;
  OperatorContext context_;
  RestoredState restored_;
  bool opened_ = false;
  std::atomic<bool> closed_{false};
};

}  // namespace penstock
