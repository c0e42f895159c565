// SPDX-License-Identifier: MIT
// The result of a stage as an earlier run wrote it down.
#pragma once

#include <penstock/artifact.h>

#include <optional>
#include <string>
#include <vector>

#include "store/run_store.h"

namespace penstock {

struct KeptOutput {
  std::vector<Artifact> artifacts;
  std::string data;  ///< JSON.
};

/// Reads the output.json of a stage of a run, when it is that of a result with this key which was done.
std::optional<KeptOutput> read_kept_output(const RunFolder& run, const std::string& stage, const std::string& key);

}  // namespace penstock
