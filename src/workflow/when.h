// SPDX-License-Identifier: MIT
// Conditions of stages: `when = "params.report and params.country = 'DE'"`.
#pragma once

#include <penstock/pipeline_file.h>

namespace penstock {

/// Checks that the condition of a stage, if it has one, is a yes-or-no expression over the parameters.
Status check_when(const FileStage& stage, const OptionValue::Table& params);
/// Says whether the stage is to run; true without a condition.
Result<bool> holds(const FileStage& stage, const OptionValue::Table& params);

}  // namespace penstock
