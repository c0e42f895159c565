// SPDX-License-Identifier: MIT
// Reads the `[[operator]]` tables of one stage.
#pragma once

#include <penstock/pipeline_file.h>

#include "workflow/placeholders.h"
#include "workflow/toml_text.h"

namespace penstock {

/// Reads the operators of a stage: names and options checked against the registry, inputs resolved, parameters put in.
Status read_steps(FileStage& stage, const std::vector<TomlTable>& tables, const PlaceholderScope& scope);

/// Returns the error for an entry whose name is not among `known`: "unknown key "nmae" in [run]", with "did you mean".
Error unknown_key(const TomlEntry& entry, std::string_view where, const std::vector<std::string>& known);
/// Returns the error for a value of the wrong kind: "name must be a text, but is an integer: 7".
Error wrong_kind(const TomlEntry& entry, std::string_view expected);

}  // namespace penstock
