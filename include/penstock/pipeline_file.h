// SPDX-License-Identifier: MIT
// Pipeline files from C++: what `penstock check`, `plan` and `run` do, for a program with operators of its own. Add
// them to `Registry::global()` first; then files may name them. The format is in docs/guide/pipeline_files.md, an
// example in docs/guide/cpp.md; with `penstock::run_main` (main.h) a program gets the whole command line instead.
#pragma once

#include <penstock/artifact.h>
#include <penstock/pipeline.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

// ---- Reading -------------------------------------------------------------------------------------------------------

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

/// A pipeline file as data; a value.
struct PipelineFile {
  std::string path;
  std::string name;               ///< By default the file's name without folder and ending.
  RunOptions run;                 ///< From [run]; tracing is on unless the file says otherwise.
  OptionValue::Table params;      ///< With overrides.
  std::vector<FileStage> stages;  ///< In the order in which they run.
};

/// What `--set NAME=VALUE` gives: name and value as text. The parameter's default decides its kind.
using ParamOverrides = std::vector<std::pair<std::string, std::string>>;

/// Splits "name=value". kInvalidArgument without a name or '='.
Result<std::pair<std::string, std::string>> parse_override(std::string_view text);

/// Reads a pipeline file of at most 16 MiB. Errors carry "file:line:column" and "did you mean"; they are the file's
/// fault, kInvalidArgument, kNotFound, kAlreadyExists or kUnsupported, or say why it cannot be read.
Result<PipelineFile> load_pipeline_file(const std::string& path, const ParamOverrides& overrides = {});
/// The same from a text; `path` names it in messages.
Result<PipelineFile> parse_pipeline_file(std::string_view text, const std::string& path,
                                         const ParamOverrides& overrides = {});

/// Makes the pipeline of a stage for a run in `run_dir`; its artifacts go to `run_dir/STAGE/artifacts`.
Pipeline make_pipeline(const PipelineFile& file, const FileStage& stage, const std::string& run_dir);

// ---- Checking and planning -----------------------------------------------------------------------------------------

/// Makes and binds the operators of every stage, reading at most samples of the input, and writes nothing. Of a stage
/// that reads what an earlier one makes only the paths are checked; its types are checked when it runs.
Status check_pipeline_file(const PipelineFile& file);

struct StagePlan {
  std::string stage;
  std::optional<Plan> plan;  ///< Nothing for a stage that reads what an earlier one makes: it is planned when it runs.
};

/// How the stages would run with the settings of `file.run`.
Result<std::vector<StagePlan>> plan_pipeline_file(const PipelineFile& file);

// ---- Running -------------------------------------------------------------------------------------------------------

/// Is told what goes on; all calls come from the thread that runs the file.
class FileRunListener {
 public:
  virtual ~FileRunListener();
  /// `folder` is the run's: DIR/runs/ID.
  virtual void run_begins(const std::string& run_id, const std::string& folder);
  virtual void stage_begins(const FileStage& stage);
  virtual void stage_ended(const FileStage& stage, const RunOutcome& outcome);
};

struct FileRunOptions {
  std::string store = "pipeline_outputs";  ///< The folder that keeps the runs.
  std::string program = {};                ///< Name and version of who runs it, for run.json.
  std::vector<std::string> command = {};   ///< For run.json.
  FileRunListener* listener = nullptr;
};

/// What became of one stage.
struct StageRun {
  std::string name;
  std::int64_t started_micros = 0;  ///< Since 1970-01-01 UTC.
  double duration_seconds = 0;
  RunOutcome outcome;
  std::vector<Artifact> artifacts;  ///< Empty unless it was committed.
};

/// A run that ended.
struct FileRun {
  std::string id;
  std::string path;    ///< The run's folder.
  std::string status;  ///< "done", "drained", "failed" or "cancelled".
  Status error;        ///< Of the stage that failed, or of the store.
  std::vector<StageRun> stages;
  std::uint64_t rejected() const;
  /// The whole as JSON, for `penstock run --json` (docs/schemas/result.schema.json).
  std::string to_json() const;
};

/// Runs the stages of `file` in order, until one fails or is stopped: stop signal and progress are those of `file.run`.
/// Every run leaves its files in the store, also one that failed (docs/guide/program.md). Returns an error only when
/// the store cannot be written to at the start. Thread-safe; several processes may share a store.
Result<FileRun> run_pipeline_file(const PipelineFile& file, const FileRunOptions& options = {});

}  // namespace penstock
