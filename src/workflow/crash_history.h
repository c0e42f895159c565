// SPDX-License-Identifier: MIT
// Which operators of a pipeline lost worker processes in earlier runs.
#pragma once

#include <set>
#include <string>

#include "store/run_store.h"

namespace penstock {

/// Returns the names of the steps of `stage` in which a worker process ended, hung or answered with nonsense in one of
/// the latest 20 runs of the workflow `name` that have ended. Runs that cannot be read are left out. Cost: reads
/// run.json of all runs of the store, and metrics.json of these.
std::set<std::string> steps_that_crashed(const RunStore& store, const std::string& name, const std::string& stage);

}  // namespace penstock
