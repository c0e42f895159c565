// SPDX-License-Identifier: MIT
#include "workflow/stage_attempt.h"

#include <fmt/format.h>
#include <penstock/workflow.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include "platform/file.h"
#include "platform/link_file.h"
#include "workflow/command_stage.h"
#include "workflow/stage_paths.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

AttemptEnd attempt_pipeline(const AttemptContext& context, const FileStage& stage) {
  AttemptEnd end;
  const std::string run_dir = context.folder.path();
  if (Status made = context.folder.make_stage(stage.name); !made) {
    end.outcome.status = std::move(made.error()).at("store");
    end.outcome.report.outcome = Report::Outcome::kFailed;
    return end;
  }
  RunOptions options = options_of_stage(context.file, stage, run_dir);
  options.stop = context.stop;
  options.progress = context.progress;
  if (context.deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*context.deadline - Clock::now());
    options.timeout = std::max(left, std::chrono::milliseconds(1));
  }
  end.outcome = make_pipeline(context.file, stage, run_dir).run_to_outcome(options);
  end.cancelled = end.outcome.report.outcome == Report::Outcome::kCancelled;
  // A worker that had to be left behind keeps its operators, which so could not tidy up.
  if (!end.outcome.status) context.folder.remove_temporaries(stage.name);
  return end;
}

// The attempt works in a folder of its own, which gets its name when all is well.
Status commit(const AttemptContext& context, const FileStage& stage, const std::string& attempt_folder) {
  PENSTOCK_TRY(keep_outputs(stage, attempt_folder));
  const std::string target = context.folder.artifacts_of(stage.name);
  if (::rename(attempt_folder.c_str(), target.c_str()) != 0) return file_error(errno, "put in place", target);
  return {};
}

AttemptEnd attempt_command(const AttemptContext& context, const FileStage& stage, std::uint32_t number) {
  const std::string name = fmt::format("/{}/.attempt-{}", stage.name, number);
  const std::string attempt_folder = context.folder.path() + name;
  const std::string logs = fmt::format("{}/{}/logs", context.folder.path(), stage.name);
  CommandAttempt attempt;
  attempt.folders = folders_of(stage, context.absolute_run_dir);
  attempt.folders.artifacts = context.absolute_run_dir + name;
  for (auto& [input, path] : attempt.folders.inputs) {
    if (!path.empty() && !path.starts_with('/')) path = context.absolute_folder + "/" + path;
    if (stage.item_is_file && input == "item") attempt.folders.item = path;
  }
  attempt.log_path = fmt::format("{}/{}", logs, number);
  attempt.run_id = context.folder.id();
  attempt.number = number;
  attempt.stop = context.stop;
  attempt.deadline = context.deadline;
  if (stage.timeout.count() > 0) {
    const Clock::time_point own = Clock::now() + stage.timeout;
    attempt.deadline = attempt.deadline ? std::min(*attempt.deadline, own) : own;
  }
  AttemptEnd end;
  Status made = make_folders(attempt_folder);
  for (const StageOutput& output : stage.outputs) {
    const std::string path = attempt_folder + "/" + output.path;
    const std::string folder = output.folder ? path : folder_of(path);
    if (made && folder != attempt_folder) made = make_folders(folder);
  }
  if (made) {
    CommandEnd ended = run_command(stage, attempt);
    end.exit = ended.exit;
    end.cancelled = ended.cancelled;
    end.outcome.status = std::move(ended.status);
    if (end.outcome.status) end.outcome.status = commit(context, stage, attempt_folder);
  } else {
    end.outcome.status = std::move(made.error()).at("store");
  }
  end.outcome.report.outcome = end.cancelled         ? Report::Outcome::kCancelled
                               : !end.outcome.status ? Report::Outcome::kFailed
                                                     : Report::Outcome::kDone;
  if (!end.outcome.status) (void)remove_tree(attempt_folder);
  return end;
}

Result<StageFunction::Value> call(const FileStage& stage, const std::vector<StageFunction::Value>& arguments) {
  // The one place where what the user's function throws becomes an error.
  try {
    return stage.function->call(arguments);
  } catch (const std::exception& thrown) {
    return Error(ErrorCode::kUserCode,
                 fmt::format("the function of stage \"{}\" threw: {}", stage.name, thrown.what()));
  } catch (...) {
    return Error(ErrorCode::kUserCode, fmt::format("the function of stage \"{}\" threw something", stage.name));
  }
}

Status call_and_commit(const AttemptContext& context, const FileStage& stage, std::uint32_t number) {
  PENSTOCK_ASSIGN(const std::vector<StageFunction::Value> arguments, context.values->arguments_of(stage));
  Result<StageFunction::Value> value = call(stage, arguments);
  if (!value) return std::move(value).error().at(stage.name);
  const std::string attempt_folder = fmt::format("{}/{}/.attempt-{}", context.folder.path(), stage.name, number);
  PENSTOCK_TRY(make_folders(attempt_folder));
  PENSTOCK_ASSIGN(File file, File::create(attempt_folder + "/" + kValueFile));
  PENSTOCK_TRY(file.write_all(stage.function->encode(value->get())));
  PENSTOCK_TRY(file.close());
  const std::string target = context.folder.artifacts_of(stage.name);
  if (::rename(attempt_folder.c_str(), target.c_str()) != 0) return file_error(errno, "put in place", target);
  context.values->keep(stage, std::move(*value));
  return {};
}

AttemptEnd attempt_function(const AttemptContext& context, const FileStage& stage, std::uint32_t number) {
  AttemptEnd end;
  end.outcome.status = call_and_commit(context, stage, number);
  end.outcome.report.outcome = end.outcome.status ? Report::Outcome::kDone : Report::Outcome::kFailed;
  return end;
}

// From 0 up to 1.
double random_part() {
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) bits = 0;
  return static_cast<double>(bits) / 4294967296.0;
}

}  // namespace

AttemptEnd attempt_stage(const AttemptContext& context, const FileStage& stage, std::uint32_t number) {
  if (stage.function != nullptr) return attempt_function(context, stage, number);
  return stage.is_command() ? attempt_command(context, stage, number) : attempt_pipeline(context, stage);
}

bool may_retry(const StageRetry& retry, std::uint32_t failed, const AttemptEnd& end) {
  if (end.outcome.status || end.cancelled || failed >= retry.max_attempts) return false;
  if (retry.retry_on.empty()) return true;
  const bool killed = end.exit && end.exit->signal != 0;
  const bool exited = end.exit && end.exit->signal == 0 && end.exit->code != 0;
  const auto fits = [&](const std::string& cause) {
    return cause == to_string(end.outcome.status.error().code()) || (cause == "exit" && exited) ||
           (cause == "signal" && killed) || (exited && cause == fmt::format("exit:{}", end.exit->code)) ||
           (killed && cause == fmt::format("signal:{}", end.exit->signal));
  };
  return std::any_of(retry.retry_on.begin(), retry.retry_on.end(), fits);
}

std::chrono::milliseconds delay_before(const StageRetry& retry, std::uint32_t number) {
  double delay = static_cast<double>(retry.delay.count());
  const double most = static_cast<double>(retry.most.count());
  for (std::uint32_t i = 2; retry.exponential && i < number && delay < most; ++i) delay *= 2;
  delay = std::min(delay, most) * (1 + retry.jitter * random_part());
  return std::chrono::milliseconds(static_cast<std::int64_t>(delay));
}

}  // namespace penstock
