// SPDX-License-Identifier: MIT
// How operators whose state grows with the data account for it.
#pragma once

#include <penstock/operator.h>

#include <string_view>

namespace penstock {

/// The bytes that one operator keeps between batches, charged to the run's budget until the object goes away. Used by
/// one worker.
class StateMemory {
 public:
  StateMemory() = default;
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;
  ~StateMemory();

  void open(const OperatorContext& context) { budget_ = context.pool->budget(); }

  /// Says what the state holds now: `bytes` from the heap, which it charges, and `pooled_bytes` in buffers of the pool,
  /// which are charged already. When the state alone passes the limit, no backpressure can help: kResourceExhausted,
  /// with `what` as in "the groups" and `remedy` beside the advice to raise the limit.
  Status set(std::size_t bytes, std::size_t pooled_bytes, std::string_view what, std::string_view remedy);

 private:
  MemoryBudget budget_;
  std::size_t charged_ = 0;
};

}  // namespace penstock
