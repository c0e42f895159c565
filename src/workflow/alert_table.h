// SPDX-License-Identifier: MIT
// Reads the `[[alert]]` tables of a pipeline file.
#pragma once

#include <penstock/pipeline_file.h>

#include "workflow/placeholders.h"
#include "workflow/toml_text.h"

namespace penstock {

/// Reads all of them into `alerts`. Errors: kInvalidArgument, kAlreadyExists, kUnsupported at the value's place.
Status read_alerts(std::vector<AlertRule>& alerts, const TomlEntry& entry, const PlaceholderScope& scope);

}  // namespace penstock
