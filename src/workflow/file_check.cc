// SPDX-License-Identifier: MIT
// What can be said about a pipeline file without running it.
#include <penstock/pipeline_file.h>

#include "platform/file.h"
#include "workflow/command_stage.h"
#include "workflow/stage_paths.h"

namespace penstock {
namespace {

// Stands for the folder of a run that is never made.
constexpr const char* kRunFolder = "pipeline_outputs/runs/RUN_ID";

// The program and the files must be there, unless an earlier stage makes them.
Status check_command(const FileStage& stage) {
  const StageFolders folders = folders_of(stage, kRunFolder);
  const std::string& word = stage.command.words.front();
  if (word.find('{') == std::string::npos) {
    PENSTOCK_ASSIGN(const std::string program, program_of(stage, folders));
    if (Result<FileStamp> there = stamp_of(program); !there)
      return std::move(there.error()).at(stage.name).at(stage.command.place.to_text());
  }
  for (const StageInput& input : stage.inputs) {
    if (!input.stage.empty() || input.optional || input.is_remote() || input.path.find("{item}") != std::string::npos)
      continue;
    if (Result<FileStamp> there = stamp_of(input.path); !there)
      return std::move(there.error()).at(stage.name).at(input.place.to_text());
  }
  return {};
}

}  // namespace

Status check_pipeline_file(const PipelineFile& file) {
  PENSTOCK_TRY(check_stage_paths(file, kRunFolder));
  for (const FileStage& stage : file.stages) {
    if (!stage.streams_to.empty()) continue;  // it is a part of that one
    if (stage.is_command()) {
      PENSTOCK_TRY(check_command(stage));
    } else if (stage.function == nullptr && stage.reads.empty() && !stage.for_each) {
      PENSTOCK_TRY(make_pipeline(file, stage, kRunFolder).check());
    }
  }
  return {};
}

Result<std::vector<StagePlan>> plan_pipeline_file(const PipelineFile& file) {
  PENSTOCK_TRY(check_stage_paths(file, kRunFolder));
  std::vector<StagePlan> plans;
  for (const FileStage& stage : file.stages) {
    plans.push_back({stage.name, {}});
    const bool part = !stage.streams_to.empty();
    if (part || stage.is_command() || stage.function != nullptr || stage.for_each || !stage.reads.empty()) continue;
    PENSTOCK_ASSIGN(plans.back().plan,
                    make_pipeline(file, stage, kRunFolder).plan(options_of_stage(file, stage, kRunFolder)));
  }
  return plans;
}

}  // namespace penstock
