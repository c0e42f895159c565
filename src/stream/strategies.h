// SPDX-License-Identifier: MIT
// The strategies by name, and those that come with the library.
#pragma once

#include <penstock/pipeline.h>

namespace penstock {

/// kInvalidArgument with the nearest name when there is no such strategy.
Result<StrategyInfo> find_strategy(const std::string& name);

/// One segment in the calling thread.
Result<Plan> decide_serial(const StrategyInput& input);
/// A thread per segment: every operator begins one, unless it is light, or the allowed workers are used up.
Result<Plan> decide_threads(const StrategyInput& input);
/// Several workers for every chain of operators that look at nothing but their batch, up to one that can be merged.
Result<Plan> decide_parallel(const StrategyInput& input);
/// The same with a process for each of these workers, for chains whose batches can cross into another process.
Result<Plan> decide_processes(const StrategyInput& input);
/// Each step where the user says.
Result<Plan> decide_hybrid(const StrategyInput& input);

/// As `threads`, for operators that keep records in flight: it says how many.
Result<Plan> decide_async(const StrategyInput& input);

/// One thread to begin with; what is worth more is found out while it runs.
Result<Plan> decide_auto(const StrategyInput& input);

}  // namespace penstock
