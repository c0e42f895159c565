// SPDX-License-Identifier: MIT
// penstock run: runs a pipeline file, shows how far it is, and keeps the run.
#include <fmt/format.h>

#include <cstdlib>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "apps/penstock/progress_display.h"
#include "apps/penstock/run_guard.h"
#include "workflow/file_run.h"

namespace penstock::app {
namespace {

class Talk final : public FileRunListener {
 public:
  Talk(const PipelineFile& file, RunGuard& guard, ProgressDisplay& progress)
      : several_(file.stages.size() > 1), guard_(guard), progress_(progress) {}

  void run_begins(const RunFolder& folder) override {
    guard_.watch(folder);
    log(LogLevel::kInfo, fmt::format("run {} begins; its folder is {}", folder.id(), folder.path()));
  }
  void stage_begins(const FileStage& stage) override {
    if (several_) progress_.set_stage(stage.name);
    log(LogLevel::kInfo, fmt::format("stage {} begins, {} operators", stage.name, stage.steps.size()));
  }
  void stage_ended(const FileStage& stage, const RunOutcome& outcome) override {
    progress_.clear();
    const Report& report = outcome.report;
    for (const PlanSegment& segment : report.plan.segments) {
      log(LogLevel::kDebug, fmt::format("stage {}: a segment of {} operators in a {}: {}", stage.name,
                                        segment.steps.size(), segment.worker, segment.reason));
    }
    for (const StepReport& step : report.steps) {
      if (step.records_rejected == 0) continue;
      log(LogLevel::kWarning, fmt::format("stage {}: {} rejected {} records, the first: {}", stage.name, step.name,
                                          step.records_rejected, step.first_rejection));
    }
    log(outcome.status ? LogLevel::kInfo : LogLevel::kError,
        fmt::format("stage {} {} after {:.3f} s", stage.name, to_string(report.outcome), report.wall_seconds));
  }

 private:
  const bool several_;
  RunGuard& guard_;
  ProgressDisplay& progress_;
};

void show_result(const FileRun& run) {
  for (const StageRun& stage : run.stages) {
    if (!stage.outcome.report.plan.segments.empty()) print(stage.outcome.report.to_text());
  }
  print(fmt::format("run {} {}: {}\n", run.id, run.status, run.path));
}

int exit_code(const FileRun& run, bool interrupted, bool strict) {
  if (interrupted) return kInterrupted;
  if (!run.error) {
    const ErrorCode code = run.error.error().code();
    const bool invalid_file = !run.began && (code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnsupported);
    return invalid_file ? kUsage : kFailed;
  }
  if (run.status == "cancelled") return kInterrupted;
  return strict && run.rejected() > 0 ? kQuarantined : kOk;
}

// User code that did not come back after a timeout or a cancel was left behind in its thread. Nothing may be torn down
// under its feet, so the program ends without destructors.
[[noreturn]] void leave(int code) {
  const bool written = finish_output();
  std::_Exit(written ? code : static_cast<int>(kFailed));
}

int run_file(const Arguments& arguments, PipelineFile file) {
  const bool quiet = arguments.has("--quiet");
  const bool json = arguments.has("--json");
  StopSignal stop;
  RunGuard guard(stop, file.run.timeout);
  ProgressDisplay progress;
  Talk talk(file, guard, progress);
  file.run.stop = &stop;
  file.run.progress = quiet ? nullptr : &progress;
  FileRunOptions options;
  options.store = arguments.value("--out", options.store);
  options.program = "penstock " + std::string(program_version());
  options.command = command_words("run", arguments);
  options.listener = &talk;
  Result<FileRun> run = run_pipeline_file(file, options);
  if (!run) {
    print_error(run.error());
    return kFailed;
  }
  if (json) {
    print(run->to_json());
  } else if (!quiet) {
    show_result(*run);
  }
  if (!run->error && run->error.error().code() != ErrorCode::kCancelled) {
    std::fflush(stdout);
    print_error(run->error.error());
  }
  const int code = exit_code(*run, guard.interrupted(), arguments.has("--strict"));
  if (!run->error || run->status == "cancelled") leave(code);
  return code;
}

int run(const Arguments& arguments) {
  if (arguments.has("--log-level")) set_log_level(arguments.value("--log-level"));
  Result<PipelineFile> file = file_of(arguments);
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  return run_file(arguments, std::move(*file));
}

}  // namespace

Command run_command() {
  Command command;
  command.name = "run";
  command.summary = "Runs a pipeline file";
  command.description =
      "Runs the stages of FILE one after another and keeps the run in DIR/runs/RUN_ID/ (DIR/latest points to it).\n"
      "The report goes to standard output, progress and messages to standard error. Ctrl-C once: reads no more, "
      "finishes\n"
      "and keeps what was read; twice: drops what is in flight. Options win over the [run] table of FILE.";
  command.positionals = {file_positional()};
  command.flags = run_setting_flags();
  command.flags.push_back(set_flag());
  command.flags.push_back(
      {"--out", "DIR", "Folder that keeps the runs (default: pipeline_outputs)", false, Completes::kFolders});
  command.flags.push_back({"--strict", "", "End with exit code 3 when records were rejected"});
  command.flags.push_back({"--json", "", "Print the result as JSON"});
  command.flags.push_back({"--quiet", "", "No progress and no report; errors only"});
  command.flags.push_back({"--log-level",
                           "L",
                           "Log to standard error: debug, info, warning, error or off (default: off)",
                           false,
                           Completes::kWords,
                           {"debug", "info", "warning", "error", "off"}});
  command.examples = {
      {"penstock run orders.toml", "Run it as the file says"},
      {"penstock run orders.toml --strategy threads --memory-limit 512MiB", "A thread per segment, bounded memory"},
      {"penstock run orders.toml --set country=DE --strict", "Set a parameter; rejected records make it end with 3"},
      {"penstock run orders.toml --json > result.json", "For other programs"}};
  command.run = run;
  return command;
}

}  // namespace penstock::app
