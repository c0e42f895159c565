// SPDX-License-Identifier: MIT
// The JSON files of a run as texts; docs/schemas/ says what is in them.
#pragma once

#include <string>

#include "store/stage_cache.h"
#include "workflow/file_run.h"

namespace penstock {

struct StageGraph;

/// What is known about a run from its start.
struct RunRecord {
  const PipelineFile* file = nullptr;
  const FileRunOptions* options = nullptr;
  std::int64_t started_micros = 0;
  std::vector<std::string> writes = {};  ///< Outputs that are not in the run's folder.
  std::vector<std::string> reads = {};   ///< Files of the machine that stages name as inputs, absolute.
  const StageGraph* graph = nullptr;     ///< May be null.
  std::string folder = {};               ///< The working folder, where relative paths start.
};

/// run.json of a run that goes on (`run` without status) or ended.
std::string run_json(const RunRecord& record, const FileRun& run);
std::string manifest_json(const RunRecord& record, const FileRun& run);
std::string timing_json(const RunRecord& record, const FileRun& run);
std::string metrics_json(const FileRun& run);
std::string trace_json(const FileRun& run);
/// The "data" of the output.json of a stage that was done, on one line; kept in the cache as it is.
std::string data_json(const FileStage& stage, const StageRun& run);
/// output.json of one stage, on one line; `data` is a JSON text from `data_json`.
std::string output_json(const FileStage& stage, const StageRun& run, const std::string& data);

/// key.json of one stage, on one line: the fields of its key, and why it ran, for `penstock why`.
std::string key_json(const StageKey& key, const std::string& decision);

/// The operators of a stage as one line of JSON: what it is to do, whatever runs it and where its outputs go.
std::string steps_to_json(const FileStage& stage);

}  // namespace penstock
