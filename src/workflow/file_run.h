// SPDX-License-Identifier: MIT
// What the program needs of runs of pipeline files beside <penstock/pipeline_file.h>.
#pragma once

#include <penstock/pipeline_file.h>

#include "store/run_store.h"

namespace penstock {

/// Closes the record of a run that does not return and is given up: run.json gets `status` and `error`. May be called
/// from another thread than the one that runs the file.
Status close_given_up_run(RunFolder folder, const std::string& status, const Error& error);

/// The plans of stages as JSON (docs/schemas/plan.schema.json).
std::string plans_to_json(const std::vector<StagePlan>& plans);

/// kInvalidArgument when `options.from_stage` names no stage of the file.
Status check_from_stage(const PipelineFile& file, const FileRunOptions& options);

}  // namespace penstock
