// SPDX-License-Identifier: MIT
// Which files a stage may write: not those that the run itself keeps, nor what it reads.
#pragma once

#include <penstock/pipeline_file.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// The settings with which `stage` runs in `run_dir`.
RunOptions options_of_stage(const PipelineFile& file, const FileStage& stage, const std::string& run_dir);

/// Checks the outputs of all stages for a run in `run_dir`, which need not exist. kInvalidArgument with the place of
/// the path when one is a file of the store (`{run_dir}/run.json`, `{run_dir}/STAGE/output.json`, also of another run),
/// the pipeline file, or an input or output of the same stage, however it is spelled.
Status check_stage_paths(const PipelineFile& file, const std::string& run_dir);

/// The files of the machine that `stage` reads, as far as its operators and inputs tell; none of those below `run_dir`.
std::vector<std::string> files_read_by(const PipelineFile& file, const FileStage& stage, const std::string& run_dir);

/// All files that stages read and none of them makes, sorted, with `folder` before relative paths.
std::vector<std::string> files_read(const PipelineFile& file, const std::string& run_dir, const std::string& folder);

/// The outputs of all stages that are not in the run's folder, as canonical paths.
std::vector<std::string> outputs_elsewhere(const PipelineFile& file, const std::string& run_dir);

/// Whether the path is that of a device: what is written there is no file. /dev/shm holds files.
inline bool is_device(std::string_view path) noexcept {
  return path.starts_with("/dev/") && !path.starts_with("/dev/shm/");
}

}  // namespace penstock
