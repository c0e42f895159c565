// SPDX-License-Identifier: MIT
// One attempt of a stage, of whatever kind.
#pragma once

#include <penstock/pipeline_file.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "platform/process.h"
#include "store/run_store.h"

namespace penstock {

/// What all attempts of a run share.
struct AttemptContext {
  const PipelineFile& file;
  RunFolder& folder;
  std::string absolute_folder;   ///< Where relative paths of the file start.
  std::string absolute_run_dir;  ///< The run's folder, as commands, which begin in another one, need it.
  StopSignal* stop = nullptr;    ///< May be null.
  ProgressListener* progress = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  ///< Of the run.
};

struct AttemptEnd {
  RunOutcome outcome;              ///< With the report of a pipeline.
  std::optional<ExitStatus> exit;  ///< Of a command that ran.
  bool cancelled = false;
};

/// Runs a stage once. When it went well its artifacts, whole, are in `{run_dir}/STAGE/artifacts`; otherwise nothing is.
AttemptEnd attempt_stage(const AttemptContext& context, const FileStage& stage, std::uint32_t number);

/// Says whether there is to be another attempt after `failed` ones, the last of which ended so.
bool may_retry(const StageRetry& retry, std::uint32_t failed, const AttemptEnd& end);
/// How long to wait before attempt `number`, 2 or more, with jitter.
std::chrono::milliseconds delay_before(const StageRetry& retry, std::uint32_t number);

}  // namespace penstock
