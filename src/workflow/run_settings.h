// SPDX-License-Identifier: MIT
// The settings of a run by name: one list for the [run] table of a pipeline file and for the options of `penstock run`.
#pragma once

#include <penstock/run.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// A setting of a run, for documentation and completion.
struct RunSetting {
  std::string_view name;   ///< In files: "batch_size". On the command line: "--batch-size".
  std::string_view value;  ///< Placeholder in help texts: "N"; empty: on the command line it is true when it is there.
  std::string_view doc;
};

/// All settings, in the order of the documentation.
const std::vector<RunSetting>& run_settings();

/// Sets one setting of `options`. Errors: kInvalidArgument at `value.place` with "did you mean" for names and
/// strategies.
Status set_run_setting(RunOptions& options, std::string_view name, const OptionValue& value);

/// Sets the preset, behind settings with these names. kInvalidArgument at `value.place` with "did you mean".
Status set_preset(RunOptions& options, const OptionValue& value, std::span<const std::string> explicit_names);

/// Reads a duration, a text like "1.5s" or a number of seconds; what is above 0 never becomes 0. kInvalidArgument at
/// its place, with `name`.
Result<std::chrono::milliseconds> duration_setting(std::string_view name, const OptionValue& value);

/// Returns `text` as the value that it would be in a file: true, false, an integer, a number, or else a text.
OptionValue value_of_text(const std::string& text);

/// Returns `text` as a value of the kind of `param`, which is the parameter's default: a text where that is a text.
/// kInvalidArgument when it is none.
Result<OptionValue> value_for_param(const OptionValue::Entry& param, const std::string& text);

/// The error for a value that is not what the setting `name` takes: "NAME must be EXPECTED, but is ...", at its place.
Error wrong_setting(std::string_view name, const OptionValue& value, std::string_view expected);

/// Takes true or false; kInvalidArgument at the value's place.
Status set_flag(bool& target, std::string_view name, const OptionValue& value);

}  // namespace penstock
