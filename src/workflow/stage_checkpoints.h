// SPDX-License-Identifier: MIT
// Checkpoints of pipeline stages: where they are kept, and which ones fit.
#pragma once

#include <penstock/pipeline_file.h>

#include <string>
#include <vector>

#include "workflow/stage_key.h"

namespace penstock {

/// How a stage takes checkpoints in the run in `run_dir`. `named` is its key, or null where it has none; `earlier` are
/// the folders of runs to go on from, the best first. None where what it reads cannot be known again.
CheckpointOptions checkpoints_of_stage(const PipelineFile& file, const FileStage& stage, const std::string& run_dir,
                                       const NamedResult* named, const MadeResults& made,
                                       const std::vector<std::string>& earlier);

/// What checkpoints did for a stage, in a line for people; empty: nothing.
std::string checkpoints_text(const Report::Checkpoints& checkpoints);

}  // namespace penstock
