// SPDX-License-Identifier: MIT
// From where each step should run to segments: what the strategies parallel, processes and hybrid have in common.
#pragma once

#include <penstock/pipeline.h>

#include <string>
#include <vector>

namespace penstock {

/// Where a step should run.
struct Placement {
  enum class Where : std::uint8_t {
    kWithInput,  ///< In the worker of its input.
    kThread,     ///< In a thread of its own, unless it is light.
    kShared,     ///< In several threads that share its input, if it can be.
    kProcess,    ///< In worker processes that share its input, if it can be.
  };
  Where where = Where::kThread;
  std::uint32_t workers = 1;
  bool asked = false;  ///< By the user, for this step: it is worth it, and an error if it cannot be.

  friend bool operator==(const Placement&, const Placement&) = default;
};

/// The segments when every step runs where its placement says, as far as it can; consecutive steps of one placement
/// share their workers. `placements`: one per step. The plan has no reason yet. kInvalidArgument when a step cannot run
/// where the user asked for.
Result<Plan> place_steps(const StrategyInput& input, std::vector<Placement> placements);

}  // namespace penstock
