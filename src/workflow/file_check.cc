// SPDX-License-Identifier: MIT
// What can be said about a pipeline file without running it.
#include <penstock/pipeline_file.h>

#include "workflow/stage_paths.h"

namespace penstock {
namespace {

// Stands for the folder of a run that is never made.
constexpr const char* kRunFolder = "pipeline_outputs/runs/RUN_ID";

}  // namespace

Status check_pipeline_file(const PipelineFile& file) {
  PENSTOCK_TRY(check_stage_paths(file, kRunFolder));
  for (const FileStage& stage : file.stages) {
    if (stage.reads.empty()) PENSTOCK_TRY(make_pipeline(file, stage, kRunFolder).check());
  }
  return {};
}

Result<std::vector<StagePlan>> plan_pipeline_file(const PipelineFile& file) {
  PENSTOCK_TRY(check_stage_paths(file, kRunFolder));
  std::vector<StagePlan> plans;
  for (const FileStage& stage : file.stages) {
    plans.push_back({stage.name, {}});
    if (!stage.reads.empty()) continue;
    PENSTOCK_ASSIGN(plans.back().plan,
                    make_pipeline(file, stage, kRunFolder).plan(options_of_stage(file, stage, kRunFolder)));
  }
  return plans;
}

}  // namespace penstock
