// SPDX-License-Identifier: MIT
// What `penstock run` and `penstock resume` share.
#pragma once

#include <penstock/pipeline_file.h>

#include "apps/penstock/command_line.h"

namespace penstock::app {

/// --out, --from, --reuse, --strict, --json, --quiet and --log-level.
std::vector<Flag> running_flags();

/// Runs a file as the arguments say, shows it, and returns the exit code. `command` is the word behind "penstock".
int run_file(const std::string& command, const Arguments& arguments, PipelineFile file, FileRunOptions options);

}  // namespace penstock::app
