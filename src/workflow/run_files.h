// SPDX-License-Identifier: MIT
// The JSON files of a run as texts; docs/schemas/ says what is in them.
#pragma once

#include <string>

#include "workflow/file_run.h"

namespace penstock {

/// What is known about a run from its start.
struct RunRecord {
  const PipelineFile* file = nullptr;
  const FileRunOptions* options = nullptr;
  std::int64_t started_micros = 0;
  std::vector<std::string> writes = {};  ///< Outputs that are not in the run's folder.
};

/// run.json of a run that goes on (`run` without status) or ended.
std::string run_json(const RunRecord& record, const FileRun& run);
std::string manifest_json(const RunRecord& record, const FileRun& run);
std::string timing_json(const RunRecord& record, const FileRun& run);
std::string metrics_json(const FileRun& run);
std::string trace_json(const FileRun& run);
/// output.json of one stage.
std::string output_json(const FileStage& stage, const StageRun& run);

}  // namespace penstock
