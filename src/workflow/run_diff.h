// SPDX-License-Identifier: MIT
// What is not the same in two runs: how they were started, what became of their stages, why, and what they made.
#pragma once

#include <penstock/result.h>

#include <string>
#include <vector>

#include "store/run_store.h"
#include "workflow/key_record.h"

namespace penstock {

/// A value that differs, as text; an empty one: there is none.
struct RunFact {
  std::string name;
  std::string before;
  std::string now;
};

/// A stage of which something differs.
struct StageDifference {
  std::string stage;
  std::string status_before;  ///< Empty: that run has no such stage.
  std::string status_now;
  double seconds_before = 0;
  double seconds_now = 0;
  std::vector<KeyDifference> key;  ///< Fields of its key, when both runs have one.
  std::vector<RunFact> artifacts;  ///< By name: digests that differ.
};

struct RunDifference {
  std::string before;  ///< Run ids.
  std::string now;
  std::vector<RunFact> facts;  ///< "file", "params.least", "settings.strategy", "program", "machine.host" …
  std::vector<StageDifference> stages;
  std::size_t stages_alike = 0;

  std::string to_text() const;
  /// docs/schemas/diff.schema.json
  std::string to_json() const;
};

/// Compares two runs of a store. kNotFound when one is not there, kDataLoss when its record is damaged. A run that was
/// killed has no complete manifest; what it says counts.
Result<RunDifference> compare_runs(const RunStore& store, const std::string& before, const std::string& now);

}  // namespace penstock
