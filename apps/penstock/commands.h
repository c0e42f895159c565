// SPDX-License-Identifier: MIT
// The commands of the program, one source file each.
#pragma once

#include "apps/penstock/command_line.h"

namespace penstock::app {

Command run_command();
Command resume_command();
Command graph_command();
Command why_command();
Command cache_command();
Command check_command();
Command plan_command();
Command ops_command();
Command runs_command();
Command shm_command();
Command embed_command();
Command search_command();
Command bench_command();
Command doctor_command();
Command version_command();
Command init_command();
Command completion_command();

/// All of them, in the order of the help text.
const std::vector<Command>& all_commands();

/// "0.1.0".
std::string_view program_version();

}  // namespace penstock::app
