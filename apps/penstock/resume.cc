// SPDX-License-Identifier: MIT
// penstock resume: runs the file of an earlier run again, taking over what that run finished.
#include <fmt/format.h>
#include <unistd.h>

#include <climits>

#include "apps/penstock/commands.h"
#include "apps/penstock/console.h"
#include "apps/penstock/file_arguments.h"
#include "apps/penstock/run_file.h"
#include "base/printable.h"
#include "store/run_store.h"

namespace penstock::app {
namespace {

// The newest run that did not come to its end, unless one is named.
Result<StoredRun> run_to_resume(const RunStore& store, const Arguments& arguments) {
  if (!arguments.positional(0).empty()) {
    PENSTOCK_ASSIGN(const std::string id, store.find(arguments.positional(0)));
    return store.read(id);
  }
  PENSTOCK_ASSIGN(const std::vector<StoredRun> runs, store.list());
  for (const StoredRun& run : runs) {
    if (run.status == "running" || run.status == "unreadable") continue;
    if (run.status != "done") return run;
    return Error(ErrorCode::kNotFound, fmt::format("nothing to resume: the last run, {}, is done", run.id))
        .hint("penstock run FILE runs it again; penstock resume RUN names another run");
  }
  return Error(ErrorCode::kNotFound, fmt::format("no run to resume in {}", store.root()))
      .hint("penstock runs list shows the runs");
}

Status check_folder(const StoredRun& run) {
  char here[PATH_MAX];
  if (run.folder.empty() || ::getcwd(here, sizeof here) == nullptr || run.folder == here) return {};
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("run {} was started in {}, where its relative paths begin", run.id, run.folder))
      .hint(fmt::format("cd {}", run.folder));
}

Result<PipelineFile> file_of_run(const StoredRun& run, const Arguments& arguments) {
  ParamOverrides overrides(run.overrides.begin(), run.overrides.end());
  for (const std::string& text : arguments.values("--set")) {
    PENSTOCK_ASSIGN(auto set, parse_override(text));
    overrides.push_back(std::move(set));
  }
  PENSTOCK_ASSIGN(PipelineFile file, load_pipeline_file(run.file, overrides));
  PENSTOCK_TRY(apply_settings(file, arguments));
  return file;
}

int resume(const Arguments& arguments) {
  if (arguments.has("--log-level")) set_log_level(arguments.value("--log-level"));
  FileRunOptions options;
  options.store = arguments.value("--out", options.store);
  const RunStore store(options.store);
  const Result<StoredRun> run = run_to_resume(store, arguments);
  if (!run) {
    print_error(run.error());
    return kFailed;
  }
  if (run->status == "running") {
    print_error(
        Error(ErrorCode::kUnavailable, fmt::format("run {} still runs", run->id)).hint("wait for its end, or stop it"));
    return kFailed;
  }
  const Status here = check_folder(*run);
  Result<PipelineFile> file = here ? file_of_run(*run, arguments) : Result<PipelineFile>(here.error());
  if (!file) {
    print_error(file.error());
    return kUsage;
  }
  options.reuse_run = run->id;
  if (!arguments.has("--quiet")) {
    print_to_stderr(fmt::format("penstock: resumes run {}, which is {}\n", run->id, printable(run->status)));
  }
  return run_file("resume", arguments, std::move(*file), std::move(options));
}

}  // namespace

Command resume_command() {
  Command command;
  command.name = "resume";
  command.summary = "Goes on with a run that failed, was stopped or was killed";
  command.description =
      "Runs the file of RUN again, as a run of its own that takes over every stage that RUN, and the runs that it\n"
      "resumed, finished with the same key: same inputs by content, same parameters, same code (see penstock why).\n"
      "Parameters are those of RUN; --set changes them. RUN is by default the newest run that did not come to its end.";
  command.positionals = {{"RUN", false, "A run id, a part of one, or latest", Completes::kRuns}};
  command.flags = run_setting_flags();
  command.flags.push_back(set_flag());
  for (Flag& flag : running_flags()) command.flags.push_back(std::move(flag));
  command.examples = {{"penstock resume", "Go on with the last run that failed or was killed"},
                      {"penstock resume 20261120_101500_a1b2c3 --from plot", "Take over all that does not need plot"}};
  command.run = resume;
  return command;
}

}  // namespace penstock::app
