// SPDX-License-Identifier: MIT
// Presets: named sets of defaults for `RunOptions`. What each is good for, measured, is in docs/guide/strategies.md.
#pragma once

#include <penstock/run.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// A preset for documentation, completion and messages.
struct PresetInfo {
  std::string_view name;     ///< "low_latency".
  std::string_view summary;  ///< What it is good for, and at what price.
};
/// All of them, in the order of the documentation.
const std::vector<PresetInfo>& presets();

/// Options with the values of a preset; what it does not set has its usual default. Change what you know better:
///
///     RunOptions options = *preset("low_latency");
///     options.batch_size = 16;
///
/// kInvalidArgument with "did you mean" when there is none of that name.
Result<RunOptions> preset(std::string_view name);

}  // namespace penstock
