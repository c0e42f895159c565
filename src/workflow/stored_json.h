// SPDX-License-Identifier: MIT
// Files of runs that hold JSON, for those who look back at them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "store/run_store.h"

namespace penstock {

/// Returns the object in a file of a run; kDataLoss when there is something else in it.
Result<nlohmann::ordered_json> read_json_object(const RunStore& store, const std::string& run_id, const char* name);

}  // namespace penstock
