// SPDX-License-Identifier: MIT
#include "workflow/stage_paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "platform/file.h"
#include "store/run_store.h"
#include "stream/output_paths.h"

namespace penstock {
namespace {

Error refused(const OutputPath& output, std::string_view why) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} cannot be the {} of \"{}\": {}", output.path, output.as, output.step, why))
      .at(output.step)
      .at(output.place.to_text())
      .hint("write to another file, for instance below {artifacts}");
}

Status check_path(const PipelineFile& file, const OutputPath& output, const std::string& run_dir) {
  const std::string path = canonical_path(output.path);
  if (path == canonical_path(file.path)) return refused(output, "it is the pipeline file itself");
  const std::string runs = canonical_path(folder_of(run_dir)) + "/";
  // Where `latest` is a link, as it should be, its target stands in its place.
  if (path.starts_with(folder_of(runs.substr(0, runs.size() - 1)) + "/latest/")) {
    return refused(output, "\"latest\" is a link that each run replaces");
  }
  if (!path.starts_with(runs)) return {};
  const std::size_t slash = path.find('/', runs.size());
  if (slash == std::string::npos || !RunFolder::keeps(path.substr(slash + 1))) return {};
  return refused(output, "the run keeps its own record there");
}

}  // namespace

RunOptions options_of_stage(const PipelineFile& file, const FileStage& stage, const std::string& run_dir) {
  RunOptions options = file.run;
  options.artifacts = run_dir + "/" + stage.name + "/artifacts";
  return options;
}

Status check_stage_paths(const PipelineFile& file, const std::string& run_dir) {
  for (const FileStage& stage : file.stages) {
    if (stage.steps.empty()) continue;
    const Pipeline pipeline = make_pipeline(file, stage, run_dir);
    const RunOptions options = options_of_stage(file, stage, run_dir);
    for (const OutputPath& output : output_paths(pipeline, options)) PENSTOCK_TRY(check_path(file, output, run_dir));
    PENSTOCK_TRY(check_output_paths(pipeline, options));
  }
  return {};
}

std::vector<std::string> files_read_by(const PipelineFile& file, const FileStage& stage, const std::string& run_dir) {
  std::vector<std::string> paths;
  for (const StageInput& input : stage.inputs) {
    if (input.stage.empty() && !input.is_remote()) paths.push_back(input.path);
  }
  if (stage.steps.empty()) return paths;
  for (std::string& path : input_paths(make_pipeline(file, stage, run_dir))) {
    if (!path.starts_with(run_dir + "/")) paths.push_back(std::move(path));
  }
  return paths;
}

std::vector<std::string> files_read(const PipelineFile& file, const std::string& run_dir, const std::string& folder) {
  const std::vector<std::string> made = outputs_elsewhere(file, run_dir);
  std::set<std::string> paths;
  for (const FileStage& stage : file.stages) {
    for (const std::string& path : files_read_by(file, stage, run_dir)) {
      if (path.empty() || path.find('{') != std::string::npos) continue;
      if (std::find(made.begin(), made.end(), canonical_path(path)) != made.end()) continue;
      paths.insert(path.front() == '/' ? path : folder + "/" + path);
    }
  }
  return {paths.begin(), paths.end()};
}

std::vector<std::string> outputs_elsewhere(const PipelineFile& file, const std::string& run_dir) {
  const std::string inside = canonical_path(run_dir) + "/";
  std::vector<std::string> paths;
  for (const FileStage& stage : file.stages) {
    if (stage.steps.empty()) continue;
    for (const OutputPath& output :
         output_paths(make_pipeline(file, stage, run_dir), options_of_stage(file, stage, run_dir))) {
      std::string path = canonical_path(output.path);
      if (!path.starts_with(inside) && !is_device(path)) paths.push_back(std::move(path));
    }
  }
  return paths;
}

}  // namespace penstock
