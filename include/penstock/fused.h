// SPDX-License-Identifier: MIT
// For operators that do the work of several steps in one loop: how the engine still reports each step by itself.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Records of one step inside a fused loop.
struct StepCounts {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
};

/// A second base of operators that do one or more steps and count for themselves; the engine calls `open_steps` instead
/// of `Operator::open`. Numbers of rejected records are relative to `counts(i).records_in` before the batch.
class FusedSteps {
 public:
  virtual ~FusedSteps() = default;
  /// One context per step, in order; they stay valid until the operator finished.
  virtual Status open_steps(std::span<OperatorContext> steps) = 0;
  /// Since open.
  virtual StepCounts counts(std::size_t step) const noexcept = 0;
};

}  // namespace penstock
