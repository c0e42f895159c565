// SPDX-License-Identifier: MIT
// `{artifacts}`, `{run_dir}`, `{params.x}` and `{stage.artifacts}` in the texts of a pipeline file.
#pragma once

#include <penstock/pipeline_file.h>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock {

/// What the placeholders of a file stand for. The folders are known when a run begins, all else when the file is read.
struct PlaceholderScope {
  OptionValue::Table params;
  std::string stage = {};                ///< Whose texts they are.
  std::vector<std::string> stages = {};  ///< All stages; the artifacts of the others may be named.
  std::unordered_map<std::string, std::size_t> stage_numbers = {};  ///< Index in `stages`, by name.
  bool has_item = false;                                            ///< The stage has for_each, so `{item}`.
  std::vector<std::string> inputs = {};                             ///< Names of the inputs of `stage`.
  std::vector<std::vector<StageOutput>> outputs = {};               ///< Of each of `stages`, as far as they were read.
};

/// Where a stage finds what its placeholders name.
struct StageFolders {
  std::string run_dir;
  std::string artifacts;  ///< Of the stage itself.
  std::vector<std::pair<std::string, std::string>>
      inputs;                            ///< Paths by name; empty for an optional one that is missing.
  std::optional<std::string> item = {};  ///< `{item}`.
};

/// Says whether `name` is another stage than that whose texts they are.
bool is_other_stage(const PlaceholderScope& scope, std::string_view name);
/// The names of the other stages.
std::vector<std::string> other_stages(const PlaceholderScope& scope);

/// The folders of a stage for a run in `run_dir`.
StageFolders folders_of(const FileStage& stage, const std::string& run_dir);
/// The path of an input for a run in `run_dir`.
std::string path_of_input(const StageInput& input, const std::string& run_dir);

/// Puts the parameters into a value and everything in it, puts `{artifacts}/PATH` for `{outputs.NAME}` and
/// `{STAGE.artifacts}/PATH` for `{STAGE.outputs.NAME}`, and checks the other placeholders, which stay. A text that is
/// one
/// `{params.x}` and nothing else becomes the parameter's value with its kind. Braces around anything that is neither a
/// placeholder nor nearly one stay as they are, so that `\d{3}` needs no escape.
/// Errors: kInvalidArgument at the value's place, with "did you mean", for unknown parameters and stages.
Result<OptionValue> insert_params(const OptionValue& value, const PlaceholderScope& scope);

/// Returns the path of the output `name` of `stage`; kNotFound with "did you mean".
Result<std::string> output_path(std::string_view stage, std::string_view name, const Place& place,
                                const PlaceholderScope& scope);

/// Puts the folders into a value whose placeholders were checked.
OptionValue insert_folders(const OptionValue& value, const StageFolders& folders);
std::string insert_folders_in_text(std::string_view text, const StageFolders& folders);

}  // namespace penstock
