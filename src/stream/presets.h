// SPDX-License-Identifier: MIT
// What the engine and pipeline files need of presets beside <penstock/preset.h>.
#pragma once

#include <penstock/preset.h>

#include <span>
#include <string>
#include <string_view>

namespace penstock {

/// Puts the values of a preset in the place of defaults, and of those of the preset that was there before. Settings
/// whose names are in `explicit_names` ("strategy", "batch_size" …) stay. Errors as those of `preset`.
Status apply_preset(RunOptions& options, std::string_view name, std::span<const std::string> explicit_names);

/// "low_latency sets batch_size = 256, queue_depth = 2; of your own: strategy"; empty without a preset.
std::string preset_text(const RunOptions& options);

}  // namespace penstock
