// SPDX-License-Identifier: MIT
// What one operator of a run goes on from.
#pragma once

#include <penstock/operator.h>

#include <memory>
#include <string>
#include <vector>

namespace penstock {

class RunState;

/// The states that the workers of one step left in a checkpoint, for the instance that goes on for all of them.
class RestoredState {
 public:
  /// `helper`, another instance of the step, takes the state and is merged into the one that goes on; null: that one
  /// takes it itself, the first of the states.
  void add(std::string state, std::unique_ptr<Operator> helper) {
    parts_.push_back({std::move(state), std::move(helper)});
  }
  /// Gives them to `op`, which is open. An error ends the attempt to go on, which `run` is told.
  Status give_to(Operator& op, RunState& run);

 private:
  struct Part {
    std::string state;
    std::unique_ptr<Operator> helper;
  };
  std::vector<Part> parts_;
};

}  // namespace penstock
