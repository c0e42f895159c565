// SPDX-License-Identifier: MIT
// `{artifacts}`, `{run_dir}`, `{params.x}` and `{stage.artifacts}` in the texts of a pipeline file.
#pragma once

#include <penstock/operator.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// What the placeholders of a file stand for. The folders are known when a run begins, all else when the file is read.
struct PlaceholderScope {
  OptionValue::Table params;
  std::vector<std::string> stages;  ///< Earlier stages, whose artifacts may be named.
};

/// Puts the parameters into a value and everything in it, and checks the other placeholders, which stay. A text that is
/// one
/// `{params.x}` and nothing else becomes the parameter's value with its kind. Braces around anything that is neither a
/// placeholder nor nearly one stay as they are, so that `\d{3}` needs no escape.
/// Errors: kInvalidArgument at the value's place, with "did you mean", for unknown parameters and stages.
Result<OptionValue> insert_params(const OptionValue& value, const PlaceholderScope& scope);

/// Names of the stages whose artifacts `value` refers to.
void collect_stage_references(const OptionValue& value, std::vector<std::string>& stages);

/// Puts the folders into a value whose placeholders were checked. `{artifacts}` is `run_dir/stage/artifacts`.
OptionValue insert_folders(const OptionValue& value, const std::string& run_dir, const std::string& stage);
std::string insert_folders_in_text(std::string_view text, const std::string& run_dir, const std::string& stage);

}  // namespace penstock
