// SPDX-License-Identifier: MIT
// Reads the keys of a `[[stage]]` table other than its operators.
#pragma once

#include <penstock/pipeline_file.h>

#include "workflow/placeholders.h"
#include "workflow/toml_text.h"

namespace penstock {

/// All keys of a `[[stage]]` table.
const std::vector<std::string>& stage_keys();

/// Says whether `name` may name a stage: it is a folder in the store, and no other placeholder.
bool is_stage_name(std::string_view name);

/// Returns "", or why `path` cannot be a path below a stage's artifacts: "it is absolute", "it has a \"..\"".
std::string fault_of_artifact_path(std::string_view path);

/// Reads `outputs` and `stdout` of a stage, which other stages may name.
Status read_outputs(FileStage& stage, const TomlTable& table, const PlaceholderScope& scope);

/// Reads all other keys, after the outputs of all stages are known: `scope` has those, and gets this stage's inputs.
/// Errors: kInvalidArgument, kNotFound, kAlreadyExists at the value's place.
Status read_stage_keys(FileStage& stage, const TomlTable& table, PlaceholderScope& scope);

}  // namespace penstock
