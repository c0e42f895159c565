// SPDX-License-Identifier: MIT
// penstock run: runs a pipeline file, shows how far it is, and keeps the run.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "apps/penstock/progress_display.h"
#include "apps/penstock/run_file.h"
#include "apps/penstock/run_guard.h"
#include "apps/penstock/runs_change.h"
#include "base/printable.h"
#include "platform/build_id.h"
#include "store/digest.h"
#include "stream/table.h"
#include "workflow/file_run.h"
#include "workflow/forecast.h"
#include "workflow/repeat_run.h"

namespace penstock::app {
namespace {

class Talk final : public FileRunListener {
 public:
  Talk(const PipelineFile& file, std::string store, RunGuard& guard, ProgressDisplay& progress)
      : several_(file.stages.size() > 1), store_(std::move(store)), guard_(guard), progress_(progress) {}

  void run_begins(const std::string& run_id, const std::string& folder) override {
    guard_.watch(RunFolder(store_, run_id));
    log(LogLevel::kInfo, fmt::format("run {} begins; its folder is {}", run_id, folder));
  }
  void stage_begins(const FileStage& stage) override {
    if (several_) progress_.set_stage(stage.name);
    log(LogLevel::kInfo, stage.is_command()
                             ? fmt::format("stage {} begins, {}", stage.name, stage.command.words.front())
                             : fmt::format("stage {} begins, {}", stage.name, counted(stage.steps.size(), "operator")));
  }
  void stage_ended(const FileStage& stage, const StageRun& run) override {
    remove_block();
    const Report& report = run.outcome.report;
    for (const PlanSegment& segment : report.plan.segments) {
      log(LogLevel::kDebug, fmt::format("stage {}: a segment of {} in a {}: {}", stage.name,
                                        counted(segment.steps.size(), "operator"), segment.worker, segment.reason));
    }
    for (const StepReport& step : report.steps) {
      if (step.records_rejected == 0) continue;
      log(LogLevel::kWarning, fmt::format("stage {}: {} rejected {}, the first: {}", stage.name, step.name,
                                          counted(step.records_rejected, "record"), step.first_rejection));
    }
    log(run.status == StageStatus::kFailed ? LogLevel::kError : LogLevel::kInfo,
        fmt::format("stage {} {} after {:.3f} s{}", stage.name, to_string(run.status), run.duration_seconds,
                    run.reason.empty() ? "" : ": " + run.reason));
  }
  void stage_retries(const FileStage& stage, const Error& error, std::chrono::milliseconds delay) override {
    log(LogLevel::kWarning, fmt::format("stage {} is tried again in {}: {}", stage.name,
                                        duration_text(static_cast<double>(delay.count()) / 1e3), error.message()));
  }

 private:
  const bool several_;
  const std::string store_;
  RunGuard& guard_;
  ProgressDisplay& progress_;
};

// What became of the stages; a file with one pipeline says all in the pipeline's own report.
void show_stages(const FileRun& run) {
  Table table({"stage", "status", ">attempts", ">took", "why"});
  for (const StageRun& stage : run.stages) {
    // What a command printed is shown below, with the error.
    const std::string why = !stage.reason.empty()   ? stage.reason
                            : !stage.outcome.status ? stage.outcome.status.error().message()
                                                    : std::string();
    table.add({stage.name, to_string(stage.status), stage.attempts > 0 ? with_commas(stage.attempts) : "",
               stage.started_micros > 0 ? duration_text(stage.duration_seconds) : "",
               printable(why.substr(0, std::min(why.find('\n'), why.find("; it said:"))))});
  }
  print(table.to_text());
}

void show_result(const FileRun& run) {
  for (const StageRun& stage : run.stages) {
    if (!stage.outcome.report.plan.segments.empty()) print(stage.outcome.report.to_text());
  }
  const bool lone_pipeline = run.stages.size() == 1 && !run.stages.front().outcome.report.plan.segments.empty();
  if (!lone_pipeline &&
      (run.stages.size() > 1 || run.stages.front().attempts > 0 || !run.stages.front().reason.empty()))
    show_stages(run);
  print(fmt::format("run {} {}: {}\n", run.id, run.status, run.path));
}

int exit_code(const FileRun& run, const std::string& path, bool interrupted, bool strict) {
  if (interrupted) return kInterrupted;
  if (run.status == "cancelled") return kInterrupted;
  if (!run.error) return exit_code_of(run.error.error(), path);
  return strict && run.rejected() > 0 ? kQuarantined : kOk;
}

// User code that did not come back after a timeout or a cancel was left behind in its thread. Nothing may be torn down
// under its feet, so the program ends without destructors.
[[noreturn]] void leave(int code) {
  const bool written = finish_output();
  std::_Exit(written ? code : static_cast<int>(kFailed));
}

int show_forecast(const PipelineFile& file, const FileRunOptions& options, bool json) {
  const Result<std::vector<StageForecast>> forecast = forecast_run(file, options);
  if (!forecast) {
    print_error(forecast.error());
    return exit_code_of(forecast.error(), file.path);
  }
  if (json) {
    print_data(forecast_to_json(*forecast));
  } else {
    print(forecast_to_text(*forecast));
  }
  return kOk;
}

// "1%", "0.5%", "100%".
Result<double> part_of_text(const std::string& text) {
  const char* const end = text.data() + text.size() - (text.ends_with('%') ? 1 : 0);
  double percent = -1;
  const auto [last, error] = std::from_chars(text.data(), end, percent);
  if (text.ends_with('%') && error == std::errc() && last == end && percent >= 0 && percent <= 100)
    return percent / 100;
  return Error(ErrorCode::kInvalidArgument, fmt::format("--verify takes a part in percent, but is \"{}\"", text))
      .hint("for instance --verify 1%");
}

}  // namespace

int run_file(const std::string& command, const Arguments& arguments, PipelineFile file, FileRunOptions options) {
  const bool quiet = arguments.has("--quiet");
  const bool json = arguments.has("--json");
  StopSignal stop;
  RunGuard guard(stop, file.run.timeout);
  ProgressDisplay progress;
  file.run.stop = &stop;
  file.run.progress = quiet ? nullptr : &progress;
  options.program = "penstock " + std::string(program_version());
  options.command = command_words(command, arguments);
  options.from_stage = arguments.value("--from");
  if (arguments.has("--dry-run")) return show_forecast(file, options, json);
  if (arguments.has("--verify")) {
    const Result<double> part = part_of_text(arguments.value("--verify"));
    if (!part) {
      print_error(part.error());
      return kUsage;
    }
    options.verify = *part;
  }
  Talk talk(file, options.store, guard, progress);
  options.listener = &talk;
  Result<FileRun> run = run_pipeline_file(file, options);
  if (!run) {
    print_error(run.error());
    return exit_code_of(run.error(), file.path);
  }
  if (arguments.has("--report")) {
    const Result<std::string> page = write_page(RunStore(options.store), run->id, "");
    if (!page) print_error(page.error());  // what the run made is there all the same
  }
  if (json) {
    print_data(run->to_json());
  } else if (!quiet) {
    show_result(*run);
  }
  if (!run->error && run->error.error().code() != ErrorCode::kCancelled) {
    std::fflush(stdout);
    print_error(run->error.error());
  }
  const int code = exit_code(*run, file.path, guard.interrupted(), arguments.has("--strict"));
  if (!run->error || run->status == "cancelled") leave(code);
  return code;
}

std::vector<Flag> running_flags() {
  return {{"--out", "DIR", "Folder that keeps the runs (default: pipeline_outputs)", false, Completes::kFolders},
          {"--from", "STAGE", "Run STAGE and all that need it, also where their results are kept"},
          {"--dry-run", "", "Run nothing; say what would be done with each stage, and why"},
          {"--verify", "PERCENT",
           "Make this part of the kept results again, for instance 1%, and fail where the bytes differ"},
          {"--report", "", "Also write report.html, a page about the run, into its folder"},
          {"--strict", "", "End with exit code 3 when records were rejected"},
          {"--json", "", "Print the result as JSON"},
          {"--quiet", "", "No progress and no report; errors only"},
          {"--log-level",
           "L",
           "Log to standard error: debug, info, warning, error or off (default: off)",
           false,
           Completes::kWords,
           {"debug", "info", "warning", "error", "off"}}};
}

namespace {

std::string working_folder() {
  char here[PATH_MAX];
  return ::getcwd(here, sizeof here) != nullptr ? here : ".";
}

// All that says what is to be run, but the text of the file; empty when the run is to be made in any case.
std::string request_of(const Arguments& arguments) {
  for (const char* const flag : {"--from", "--dry-run", "--verify", "--reuse"}) {
    if (arguments.has(flag)) return {};
  }
  std::string text = "1\n";
  const auto add = [&](std::string_view word) { text += fmt::format("{}:{}\n", word.size(), word); };
  add(working_folder());
  add(code_identity());
  add(arguments.positional(0));
  for (const std::string& set : arguments.values("--set")) add(set);
  for (const Flag& flag : run_setting_flags()) {
    if (!arguments.has(flag.name)) continue;
    add(flag.name);
    add(arguments.value(flag.name));
  }
  return sha256(text);
}

// Who wants to see more of the run than that it was made gets it from one that looks at every stage.
bool may_repeat(const Arguments& arguments) {
  for (const char* const flag : {"--report", "--json", "--log-level", "--monitor"}) {
    if (arguments.has(flag)) return false;
  }
  return true;
}

void show_repeated(const RepeatedRun& run) {
  print(fmt::format("nothing to do: {} kept, as in run {}\nrun {} done: {}\n",
                    run.stages == 1 ? "1 stage is" : fmt::format("all {} are", counted(run.stages, "stage")), run.of,
                    run.id, run.path));
}

int run(const Arguments& arguments) {
  if (arguments.has("--log-level")) set_log_level(arguments.value("--log-level"));
  FileRunOptions options;
  options.store = arguments.value("--out", options.store);
  options.request = request_of(arguments);
  if (!options.request.empty() && may_repeat(arguments)) {
    options.program = "penstock " + std::string(program_version());
    options.command = command_words("run", arguments);
    const Result<std::optional<RepeatedRun>> repeated = repeat_run(options);
    if (!repeated) {
      print_error(repeated.error());
      return kFailed;
    }
    if (*repeated) {
      if (!arguments.has("--quiet")) show_repeated(**repeated);
      return kOk;
    }
  }
  Result<PipelineFile> file = file_of(arguments);
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  if (arguments.has("--reuse")) {
    const Result<std::string> id = RunStore(options.store).find(arguments.value("--reuse"));
    if (!id) {
      print_error(id.error());
      return kFailed;
    }
    options.reuse_run = *id;
  }
  return run_file("run", arguments, std::move(*file), std::move(options));
}

}  // namespace

Command run_command() {
  Command command;
  command.name = "run";
  command.summary = "Runs a pipeline file";
  command.description =
      "Runs the stages of FILE, each as soon as what it needs is there, and keeps the run in DIR/runs/RUN_ID/ "
      "(DIR/latest points to it): what "
      "it\n"
      "did, and the outputs whose paths begin with {artifacts}. The report goes to standard output, progress and "
      "messages "
      "to\n"
      "standard error. Ctrl-C once: reads no more, finishes and keeps what was read; twice: drops what is in flight. "
      "The\n"
      "settings below win over those of the [run] table of FILE; defaults count where neither says anything.\n\n"
      "Exit codes: 0 done; 1 an input, the records or the machine were not as the file says; 2 the command line or the "
      "file\n"
      "must be mended; 3 done, but records were rejected and --strict was given; 130 interrupted.";
  command.positionals = {file_positional()};
  command.flags = run_setting_flags();
  command.flags.push_back(set_flag());
  command.flags.push_back({"--reuse", "RUN", "Take over what RUN, and the runs that it resumed, did with the same keys",
                           false, Completes::kRuns});
  for (Flag& flag : running_flags()) command.flags.push_back(std::move(flag));
  command.examples = {
      {"penstock run orders.toml", "Run it as the file says"},
      {"penstock run orders.toml --strategy threads --memory-limit 512MiB", "With threads, in bounded memory"},
      {"penstock run orders.toml --set country=DE --strict", "Set a parameter; rejected records make it end with 3"},
      {"penstock run orders.toml --monitor",
       "Show what it uses, keep that in metrics.json, and watch the alerts of the file"},
      {"penstock run orders.toml --json > result.json", "For other programs"}};
  command.run = run;
  return command;
}

}  // namespace penstock::app
