// SPDX-License-Identifier: MIT
#include "workflow/file_run.h"

#include <algorithm>

#include "workflow/run_files.h"
#include "workflow/stage_paths.h"

namespace penstock {

FileRunListener::~FileRunListener() = default;
void FileRunListener::run_begins(const std::string&, const std::string&) {}
void FileRunListener::stage_begins(const FileStage&) {}
void FileRunListener::stage_ended(const FileStage&, const RunOutcome&) {}

std::uint64_t FileRun::rejected() const {
  std::uint64_t sum = 0;
  for (const StageRun& stage : stages) sum += stage.outcome.report.records_rejected;
  return sum;
}

namespace {

double seconds_since(std::int64_t micros) { return static_cast<double>(now_micros() - micros) / 1e6; }

class FileRunner {
 public:
  FileRunner(const PipelineFile& file, const FileRunOptions& options, RunFolder folder)
      : file_(file), options_(options), folder_(std::move(folder)), record_{&file, &options, now_micros()} {
    run_.id = folder_.id();
    run_.path = folder_.path();
    run_.status = "running";
  }

  Status begin() {
    for (const FileStage& stage : file_.stages) PENSTOCK_TRY(folder_.make_stage(stage.name));
    record_.writes = outputs_elsewhere(file_, folder_.path());
    PENSTOCK_TRY(folder_.write("run.json", run_json(record_, run_)));
    if (options_.listener != nullptr) options_.listener->run_begins(folder_.id(), folder_.path());
    return {};
  }

  void run_stages() {
    run_.status = to_string(Report::Outcome::kDone);
    // Also those of later stages, before the first one begins.
    if (Status paths = check_stage_paths(file_, folder_.path()); !paths) {
      run_.status = to_string(Report::Outcome::kFailed);
      run_.error = std::move(paths);
      return;
    }
    for (const FileStage& stage : file_.stages) {
      run_stage(stage);
      const StageRun& last = run_.stages.back();
      run_.status = to_string(last.outcome.report.outcome);
      run_.error = last.outcome.status;
      if (!last.outcome.status || last.outcome.report.outcome != Report::Outcome::kDone) break;
    }
  }

  FileRun end() {
    Status written = write_stages();
    for (const auto& [name, text] :
         {std::pair("manifest.json", manifest_json(record_, run_)),
          std::pair("timing.json", timing_json(record_, run_)), std::pair("metrics.json", metrics_json(run_)),
          std::pair("plan.json", plans_json()), std::pair("trace.json", trace_json(run_))}) {
      if (written) written = folder_.write(name, text);
    }
    // The outputs are there, but a run whose record is not whole is not done.
    if (!written && run_.error) fail(std::move(written.error()));
    Status ended = folder_.write("run.json", run_json(record_, run_));
    if (ended) ended = folder_.publish_latest();
    if (!ended && run_.error) fail(std::move(ended.error()));
    return std::move(run_);
  }

 private:
  void fail(Error error) {
    run_.status = to_string(Report::Outcome::kFailed);
    run_.error = std::move(error).at("store");
  }

  // The stages share the time that the file allows.
  RunOptions options_of(const FileStage& stage) const {
    RunOptions options = options_of_stage(file_, stage, folder_.path());
    if (options.timeout.count() > 0) {
      const auto spent = std::chrono::milliseconds((now_micros() - record_.started_micros) / 1000);
      options.timeout = std::max(options.timeout - spent, std::chrono::milliseconds(1));
    }
    return options;
  }

  void run_stage(const FileStage& stage) {
    if (options_.listener != nullptr) options_.listener->stage_begins(stage);
    StageRun run;
    run.name = stage.name;
    run.started_micros = now_micros();
    run.outcome = make_pipeline(file_, stage, folder_.path()).run_to_outcome(options_of(stage));
    run.duration_seconds = seconds_since(run.started_micros);
    if (options_.listener != nullptr) options_.listener->stage_ended(stage, run.outcome);
    // A worker that had to be left behind keeps its operators, which so could not tidy up.
    if (!run.outcome.status) folder_.remove_temporaries(stage.name);
    run_.stages.push_back(std::move(run));
  }

  Status write_stages() {
    for (std::size_t i = 0; i < run_.stages.size(); ++i) {
      StageRun& run = run_.stages[i];
      if (!run.outcome.status) continue;
      PENSTOCK_ASSIGN(run.artifacts, folder_.artifacts(run.name));
      PENSTOCK_TRY(folder_.write(run.name + "/output.json", output_json(file_.stages[i], run)));
    }
    return {};
  }

  std::string plans_json() const {
    std::vector<StagePlan> plans;
    for (const StageRun& stage : run_.stages) plans.push_back({stage.name, stage.outcome.report.plan});
    return plans_to_json(plans);
  }

  const PipelineFile& file_;
  const FileRunOptions& options_;
  RunFolder folder_;
  RunRecord record_;
  FileRun run_;
};

}  // namespace

Result<FileRun> run_pipeline_file(const PipelineFile& file, const FileRunOptions& options) {
  PENSTOCK_ASSIGN(RunFolder folder, RunStore(options.store).create());
  FileRunner runner(file, options, std::move(folder));
  PENSTOCK_TRY(runner.begin());
  runner.run_stages();
  return runner.end();
}

}  // namespace penstock
