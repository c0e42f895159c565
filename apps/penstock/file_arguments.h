// SPDX-License-Identifier: MIT
// The arguments that commands on pipeline files share.
#pragma once

#include <penstock/pipeline_file.h>

#include "apps/penstock/command_line.h"

namespace penstock::app {

Positional file_positional();
/// "--strategy S", "--batch-size N" ...: one for each setting of [run].
std::vector<Flag> run_setting_flags();
/// "--set NAME=VALUE".
Flag set_flag();

/// Loads the FILE of the command line with --set, and puts the options that stand for settings of [run] into it.
Result<PipelineFile> file_of(const Arguments& arguments);

/// Puts the options that stand for settings of [run] into `file`.
Status apply_settings(PipelineFile& file, const Arguments& arguments);

/// The exit code for an error: kUsage when the command line or the pipeline file `path` must be mended, whether that
/// was found when it was read, bound or opened; kFailed when the world or the records were not as the file says.
ExitCode exit_code_of(const Error& error, const std::string& path);

/// The command line in words.
std::vector<std::string> command_words(const std::string& command, const Arguments& arguments);

}  // namespace penstock::app
