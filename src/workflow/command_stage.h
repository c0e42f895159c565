// SPDX-License-Identifier: MIT
// One attempt of a command: its program, environment, output, end.
#pragma once

#include <penstock/pipeline_file.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/process.h"
#include "workflow/placeholders.h"

namespace penstock {

/// Programs that were found already: a run of thousands of stages looks for each once. Thread-safe.
class FoundPrograms {
 public:
  /// As `find_program`, of platform/process.h.
  Result<std::string> find(const std::string& name, const std::string& search);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> paths_;  // guarded by mutex_
};

/// Returns the path of the program of a command, which `command.words` (or `shell`) names. Errors at the command's
/// place.
Result<std::string> program_of(const FileStage& stage, const StageFolders& folders, FoundPrograms* found = nullptr);

/// Says whether the program of a command is what a placeholder stands for: an input, or an artifact of another stage.
bool is_named_by_placeholder(const StageCommand& command);

/// The variables that a command gets because they may change its result, sorted: locale and time zone, `pass_env`,
/// `env` (as in the file, with placeholders).
std::vector<std::pair<std::string, std::string>> result_environment(const FileStage& stage);

/// What one attempt needs to know.
struct CommandAttempt {
  StageFolders folders;  ///< Absolute; `artifacts` is the private folder of the attempt, and the working folder.
  std::string program;   ///< Empty: it is looked for.
  std::string log_path;  ///< Without ".stdout.txt" and ".stderr.txt".
  std::string run_id;
  std::uint32_t number = 1;
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< Of the attempt.
  const std::atomic<bool>* cancelled = nullptr;                   ///< Ends it at once.
  StopSignal* stop = nullptr;                                     ///< The same with kCancel; may be null.
};

/// How an attempt ended.
struct CommandEnd {
  Status status;
  std::optional<ExitStatus> exit;  ///< Nothing when it could not start.
  bool timed_out = false;
  bool cancelled = false;
};

/// Runs a command until it ends, is cancelled, or its time is over. Nothing of its process group outlives the call.
CommandEnd run_command(const FileStage& stage, const CommandAttempt& attempt);

/// Checks that the folder of an attempt has the declared outputs, as regular files without links, and removes
/// everything else in it. Errors at the place of the output.
Status keep_outputs(const FileStage& stage, const std::string& folder);

}  // namespace penstock
