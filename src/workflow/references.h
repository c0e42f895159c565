// SPDX-License-Identifier: MIT
// What the texts of a stage refer to: other stages, their outputs, files.
#pragma once

#include <penstock/pipeline_file.h>

#include <string>
#include <string_view>
#include <vector>

#include "workflow/placeholders.h"

namespace penstock {

/// Returns what `text` names as an input: "STAGE.artifacts" (or "STAGE.output"), "STAGE.outputs.NAME",
/// "{STAGE.artifacts}/PATH", or else the path of a file. kNotFound for unknown stages and outputs.
Result<StageInput> input_of_text(std::string_view text, const Place& place, const PlaceholderScope& scope);

/// Adds an input without a name for each `{STAGE.artifacts}` in `value`, with the path behind it where that is plain.
/// Params and outputs were put in before.
void collect_references(const OptionValue& value, std::vector<StageInput>& inputs);

}  // namespace penstock
