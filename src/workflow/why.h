// SPDX-License-Identifier: MIT
// Why a stage ran, or did not: the fields of its key beside those of an earlier run.
#pragma once

#include <penstock/result.h>

#include <string>
#include <vector>

#include "store/run_store.h"
#include "workflow/key_record.h"

namespace penstock {

struct StageExplanation {
  std::string run_id;
  std::string stage;
  std::string status;    ///< Of the stage, as in manifest.json.
  std::string reason;    ///< As in manifest.json.
  std::string decision;  ///< What the run found when it looked for a kept result; empty: it did not look.
  std::string key;
  std::string compared_with;               ///< The newest earlier run with a key of this stage; empty: there is none.
  std::vector<KeyDifference> differences;  ///< In the order of the key.
  std::string to_text() const;
  std::string to_json() const;
};

/// Explains a stage of a run. kNotFound when the run has no such stage.
Result<StageExplanation> explain_stage(const RunStore& store, const std::string& run_id, const std::string& stage);

}  // namespace penstock
