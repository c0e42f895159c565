// SPDX-License-Identifier: MIT
// A pipeline file: what `penstock run FILE` reads. Its format is in docs/guide/pipeline_files.md.
#pragma once

#include <penstock/pipeline.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

/// An `[[operator]]` table: options checked against the registry, parameters put in, folders still as placeholders.
struct FileStep {
  std::string op;
  std::string name;  ///< Empty when the file gives none.
  Options options;
  Pipeline::StepId input = Pipeline::kNone;  ///< Index in the stage; kNone for sources.
  ErrorPolicy on_error;
  std::chrono::milliseconds timeout{0};
  bool light = false;
  Place place;
};

/// A pipeline stage.
struct FileStage {
  std::string name;
  Place place;
  std::vector<FileStep> steps;
  std::vector<std::string> reads;  ///< Earlier stages whose artifacts it refers to.
};

struct PipelineFile {
  std::string path;
  std::string name;               ///< By default the file's name without folder and ending.
  RunOptions run;                 ///< From [run]; tracing is on unless the file says otherwise.
  OptionValue::Table params;      ///< With overrides.
  std::vector<FileStage> stages;  ///< In the order in which they run.
};

/// `--set NAME=VALUE`, in two parts.
using ParamOverrides = std::vector<std::pair<std::string, std::string>>;

/// Splits "name=value". kInvalidArgument without a name or '='.
Result<std::pair<std::string, std::string>> parse_override(std::string_view text);

/// Reads a pipeline file of at most 16 MiB. Errors carry "file:line:column" and "did you mean".
Result<PipelineFile> load_pipeline_file(const std::string& path, const ParamOverrides& overrides = {});
/// The same from a text; `path` names it in messages.
Result<PipelineFile> parse_pipeline_file(std::string_view text, const std::string& path,
                                         const ParamOverrides& overrides = {});

/// Makes the pipeline of a stage for a run in `run_dir`; its artifacts go to `run_dir/STAGE/artifacts`.
Pipeline make_pipeline(const PipelineFile& file, const FileStage& stage, const std::string& run_dir);

}  // namespace penstock
