// SPDX-License-Identifier: MIT
#include "workflow/file_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "workflow/run_files.h"
#include "workflow/workflow_run.h"

namespace penstock {

FileRunListener::~FileRunListener() = default;
void FileRunListener::run_begins(const std::string&, const std::string&) {}
void FileRunListener::stage_begins(const FileStage&) {}
void FileRunListener::stage_ended(const FileStage&, const StageRun&) {}
void FileRunListener::stage_retries(const FileStage&, const Error&, std::chrono::milliseconds) {}

const char* to_string(StageStatus status) noexcept {
  switch (status) {
    case StageStatus::kNotRun: return "not_run";
    case StageStatus::kDone: return "done";
    case StageStatus::kCached: return "cached";
    case StageStatus::kFallback: return "fallback";
    case StageStatus::kSkipped: return "skipped";
    case StageStatus::kDrained: return "drained";
    case StageStatus::kFailed: return "failed";
    case StageStatus::kCancelled: return "cancelled";
  }
  return "unknown";
}

std::uint64_t FileRun::rejected() const {
  std::uint64_t sum = 0;
  const auto add = [&](const StageRun& stage) {
    const Report& report = stage.outcome.report;
    sum += report.records_rejected + report.records_rejected_further_on;
  };
  for (const StageRun& stage : stages) {
    add(stage);
    for (const StageRun& item : stage.items) add(item);
  }
  return sum;
}

namespace {

// "failed" outweighs "cancelled", and that a run that was stopped in time.
const char* status_of(const FileRun& run, const StopSignal* stop) {
  const auto any = [&](StageStatus status) {
    return std::any_of(run.stages.begin(), run.stages.end(),
                       [&](const StageRun& stage) { return stage.status == status; });
  };
  const bool cancelled = any(StageStatus::kCancelled) || (stop != nullptr && stop->cancelled());
  const bool all_ended = !any(StageStatus::kNotRun) && !any(StageStatus::kCancelled);
  if (!run.error && run.error.error().code() != ErrorCode::kCancelled) return "failed";
  if (cancelled && !all_ended) return "cancelled";
  return any(StageStatus::kDrained) || any(StageStatus::kNotRun) ? "drained" : "done";
}

}  // namespace

FileRun WorkflowRun::end() {
  const auto fail = [this](Error error) {
    if (!run_.error) return;
    run_.error = std::move(error).at("store");
  };
  if (!store_error_) fail(store_error_.error());
  close_unused_stages();
  run_.status = status_of(run_, file_.run.stop);
  std::vector<StagePlan> plans;
  for (const StageRun& stage : run_.stages) {
    if (!stage.outcome.report.plan.strategy.empty()) plans.push_back({stage.name, stage.outcome.report.plan});
  }
  Status written = put_recorded();
  if (written) written = index_.save();
  if (written) written = results_.save();
  for (const auto& [name, text] :
       {std::pair("manifest.json", manifest_json(record_, run_)), std::pair("timing.json", timing_json(record_, run_)),
        std::pair("metrics.json", metrics_json(run_)), std::pair("plan.json", plans_to_json(plans)),
        std::pair("trace.json", trace_json(run_))}) {
    if (written) written = folder_.write(name, text);
  }
  // The outputs are there, but a run whose record is not whole is not done.
  if (!written) fail(std::move(written.error()));
  run_.status = status_of(run_, file_.run.stop);
  Status ended = note("run_ended", {{"status", run_.status}});
  // run.json is the last word: before it says that the run has ended, all else is in place.
  if (ended) ended = folder_.publish_latest();
  if (!ended) fail(std::move(ended.error()));
  run_.status = status_of(run_, file_.run.stop);
  ended = folder_.write("run.json", run_json(record_, run_));
  if (!ended) fail(std::move(ended.error()));
  run_.status = status_of(run_, file_.run.stop);
  if (observed_ != nullptr) {
    const std::optional<RunGrounds> grounds = observed_->grounds(run_, cache_, index_);
    if (grounds) (void)grounds->write(options_.store, options_.request);  // without them the next run does more
  }
  return std::move(run_);
}

// Says of the stages that nobody called why.
void WorkflowRun::close_unused_stages() {
  bool left = false;
  for (std::size_t i = 0; i < run_.stages.size(); ++i) {
    StageRun& stage = run_.stages[i];
    if (stage.status != StageStatus::kNotRun) continue;
    if (graph_.fallback_of[i] != StageGraph::kNone && stage.reason.empty()) {
      stage.status = StageStatus::kSkipped;
      stage.reason = fmt::format("stage \"{}\" did not need it", run_.stages[graph_.fallback_of[i]].name);
    } else {
      left = true;
    }
  }
  const bool late = deadline_ && std::chrono::steady_clock::now() >= *deadline_;
  if (!left || !late || !run_.error || stop_->state() != StopSignal::State::kRun) return;
  run_.error = Error(ErrorCode::kTimeout, "the time of the run was over before all stages had begun")
                   .hint("allow more with timeout in [run] or --timeout; penstock resume goes on");
}

Status check_from_stage(const PipelineFile& file, const FileRunOptions& options) {
  std::vector<std::string> names;
  for (const FileStage& stage : file.stages) names.push_back(stage.name);
  if (options.from_stage.empty() || std::find(names.begin(), names.end(), options.from_stage) != names.end()) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("no stage \"{}\" in {}", options.from_stage, file.path))
      .hint(suggest_name(options.from_stage, names));
}

Result<FileRun> run_pipeline_file(const PipelineFile& file, const FileRunOptions& options) {
  PENSTOCK_ASSIGN(StageGraph graph, make_stage_graph(file));
  PENSTOCK_TRY(check_from_stage(file, options));
  PENSTOCK_ASSIGN(RunFolder folder, RunStore(options.store).create());
  WorkflowRun run(file, options, std::move(graph), std::move(folder));
  PENSTOCK_TRY(run.begin());
  run.run_stages();
  return run.end();
}

}  // namespace penstock
