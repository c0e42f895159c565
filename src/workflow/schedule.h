// SPDX-License-Identifier: MIT
// Lets stages begin as soon as what they need has ended and there is room for them.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "workflow/stage_graph.h"

namespace penstock {

/// What a stage wants after a call: nothing more, as it has ended; to be called again; or to be divided.
struct WorkEnd {
  std::optional<std::chrono::steady_clock::time_point> again = {};
  /// So many items are worked on, as stages of their own with the limits of this one: item k of stage s is number
  /// s + (k + 1) * STAGES of `work`. When all have ended the stage is called again.
  std::size_t items = 0;
};

/// What the stages do. `work` is called by several threads at once, for different stages.
class StageWork {
 public:
  virtual ~StageWork() = default;
  /// Does the work of a stage, or finds that it is not to be done. All stages that it needs have ended.
  virtual WorkEnd work(std::size_t stage) = 0;
};

/// How many stages run at once, and what they share.
struct ScheduleLimits {
  std::uint32_t max_parallel = 1;
  std::vector<std::int64_t> amounts = {};             ///< Of each resource.
  std::vector<std::vector<std::int64_t>> wants = {};  ///< By stage, of each resource; empty: nothing.
  std::vector<bool> last = {};                        ///< Stages that begin when all others have ended; empty: none.
};

/// Calls `work` for every stage of the graph that is called (StageGraph::is_called), and returns when all have ended.
/// Of those that may begin and fit, the first by index begins. A stage that waits to be called again holds neither a
/// thread nor resources. The calling thread works too; so do at most `max_parallel - 1` more. kUnavailable when the
/// system gives no threads.
Status run_schedule(const StageGraph& graph, const ScheduleLimits& limits, StageWork& work);

}  // namespace penstock
