// SPDX-License-Identifier: MIT
// Runs a pipeline file, stage after stage, and keeps the run in the store (docs/guide/program.md, docs/schemas/).
#pragma once

#include <string>
#include <vector>

#include "store/run_store.h"
#include "workflow/pipeline_file.h"

namespace penstock {

/// Is told what goes on; all calls come from the thread that runs the file.
class FileRunListener {
 public:
  virtual ~FileRunListener();
  virtual void run_begins(const RunFolder& folder);
  virtual void stage_begins(const FileStage& stage);
  virtual void stage_ended(const FileStage& stage, const RunOutcome& outcome);
};

struct FileRunOptions {
  std::string store = "pipeline_outputs";
  std::string program;               ///< Name and version of who runs it, for run.json.
  std::vector<std::string> command;  ///< For run.json.
  FileRunListener* listener = nullptr;
};

/// What became of one stage.
struct StageRun {
  std::string name;
  std::int64_t started_micros = 0;
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
  bool began = false;  ///< False when the first stage was refused before a record moved: the file is wrong.
  std::vector<StageRun> stages;
  std::uint64_t rejected() const;
  /// The whole as JSON, for `penstock run --json` (docs/schemas/result.schema.json).
  std::string to_json() const;
};

/// Runs the stages of `file` in order, until one fails or is stopped: stop signal and progress are those of `file.run`.
/// Every run leaves its files, also one that failed. Returns an error only when the store cannot be written to at the
/// start.
Result<FileRun> run_pipeline_file(const PipelineFile& file, const FileRunOptions& options);

/// Closes the record of a run that does not return and is given up: run.json gets `status` and `error`. May be called
/// from another thread than the one that runs the file.
Status close_given_up_run(RunFolder folder, const std::string& status, const Error& error);

/// The plans of all stages as JSON (docs/schemas/plan.schema.json).
std::string plans_to_json(const std::vector<std::pair<std::string, Plan>>& plans);

}  // namespace penstock
