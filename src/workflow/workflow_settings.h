// SPDX-License-Identifier: MIT
// The settings of a workflow by name, beside those of runs of pipelines (run_settings.h).
#pragma once

#include <penstock/pipeline_file.h>

#include <string_view>
#include <vector>

#include "workflow/run_settings.h"

namespace penstock {

/// All settings, in the order of the documentation.
const std::vector<RunSetting>& workflow_settings();

/// Sets one setting of `file`, of the workflow or of its pipelines. Errors: kInvalidArgument at `value.place`.
Status set_file_setting(PipelineFile& file, std::string_view name, const OptionValue& value);

/// Reads a table of resources: names with positive integers, or texts like "2GiB", which become integers.
Result<OptionValue::Table> read_amounts(const OptionValue& value);

}  // namespace penstock
