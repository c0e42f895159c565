// SPDX-License-Identifier: MIT
#include "workflow/stage_attempt.h"

#include <fmt/format.h>
#include <penstock/workflow.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <set>

#include "platform/file.h"
#include "platform/link_file.h"
#include "workflow/command_stage.h"
#include "workflow/crash_history.h"
#include "workflow/function_process.h"
#include "workflow/stage_paths.h"
#include "workflow/value_passing.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

// Under `auto` steps that lost worker processes in earlier runs get processes again.
Pipeline pipeline_of_stage(const AttemptContext& context, const FileStage& stage, const std::string& run_dir) {
  Pipeline pipeline = make_pipeline(context.file, stage, run_dir);
  if (context.file.run.strategy.name != automatic.name) return pipeline;
  const RunStore store(folder_of(folder_of(run_dir)));
  const std::set<std::string> crashed = steps_that_crashed(store, context.file.name, stage.name);
  if (crashed.empty()) return pipeline;
  FileStage wary = stage;
  for (std::size_t i = 0; i < wary.steps.size(); ++i)
    wary.steps[i].may_crash = wary.steps[i].may_crash || crashed.contains(pipeline.steps()[i].name);
  return make_pipeline(context.file, wary, run_dir);
}

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
  options.checkpoints = context.checkpoints;
  if (context.deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*context.deadline - Clock::now());
    options.timeout = std::max(left, std::chrono::milliseconds(1));
  }
  end.outcome = pipeline_of_stage(context, stage, run_dir).run_to_outcome(options);
  end.cancelled = end.outcome.report.outcome == Report::Outcome::kCancelled;
  // A worker that had to be left behind keeps its operators, which so could not tidy up.
  if (!end.outcome.status) context.folder.remove_temporaries(stage.name);
  return end;
}

// An attempt works in a folder of its own, which gets its name when all is well.
AttemptEnd attempt_command(const AttemptContext& context, const FileStage& stage, std::uint32_t number) {
  const std::string aside = context.folder.folder_aside(stage.name);
  const std::string attempt_folder = aside + "/artifacts";
  const std::string logs = fmt::format("{}/{}/logs", context.folder.path(), stage.name);
  CommandAttempt attempt;
  attempt.folders = folders_of(stage, context.absolute_run_dir);
  attempt.folders.artifacts = context.absolute_run_dir + attempt_folder.substr(context.folder.path().size());
  for (auto& [input, path] : attempt.folders.inputs) {
    const bool remote = std::any_of(stage.inputs.begin(), stage.inputs.end(),
                                    [&](const StageInput& each) { return each.name == input && each.is_remote(); });
    if (!path.empty() && !path.starts_with('/') && !remote) path = context.absolute_folder + "/" + path;
    if (stage.item_is_file && input == "item") attempt.folders.item = path;
  }
  attempt.log_path = fmt::format("{}/{}", logs, number);
  attempt.run_id = context.folder.id();
  attempt.number = number;
  attempt.program = context.program;
  attempt.stop = context.stop;
  attempt.deadline = context.deadline;
  if (stage.timeout.count() > 0) {
    const Clock::time_point own = Clock::now() + stage.timeout;
    attempt.deadline = attempt.deadline ? std::min(*attempt.deadline, own) : own;
  }
  AttemptEnd end;
  Status made = make_folders(aside);
  if (made) made = make_folders(attempt_folder);
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
    if (end.outcome.status) end.outcome.status = keep_outputs(stage, attempt_folder);
  } else {
    end.outcome.status = std::move(made.error()).at("store");
  }
  end.outcome.report.outcome = end.cancelled         ? Report::Outcome::kCancelled
                               : !end.outcome.status ? Report::Outcome::kFailed
                                                     : Report::Outcome::kDone;
  if (end.outcome.status) {
    end.aside = aside;
  } else {
    (void)remove_tree(aside);
  }
  return end;
}

Status commit_value(const AttemptContext& context, const FileStage& stage, std::uint32_t number,
                    StageFunction::Value value, std::optional<std::string>& recorded) {
  PENSTOCK_ASSIGN(value, context.values->complete_files(stage, std::move(value)));
  std::string bytes = stage.function->encode(value.get());
  const PassingChoice passing = choose_passing(bytes.size(), context.file.workflow.max_value);
  if (passing.how == Passing::kReference) {
    return Error(ErrorCode::kResourceExhausted, fmt::format("the value of the stage is too large: {}", passing.reason))
        .at(stage.name)
        .hint("write a file and return a FileRef of it, or raise max_value of the workflow");
  }
  if (context.record && passing.how == Passing::kDirect && bytes.size() <= kMostRecorded) {
    context.values->keep(stage, std::move(value));
    recorded = std::move(bytes);
    return {};
  }
  const std::string attempt_folder = fmt::format("{}/{}/.attempt-{}", context.folder.path(), stage.name, number);
  PENSTOCK_TRY(make_folders(attempt_folder));
  PENSTOCK_ASSIGN(File file, File::create(attempt_folder + "/" + kValueFile));
  PENSTOCK_TRY(file.write_all(bytes));
  PENSTOCK_TRY(file.close());
  const std::string target = context.folder.artifacts_of(stage.name);
  if (::rename(attempt_folder.c_str(), target.c_str()) != 0) return file_error(errno, "put in place", target);
  if (passing.how == Passing::kDirect) context.values->keep(stage, std::move(value));
  return {};
}

// Nothing can stop a function in the program; that it was late is said when it returns.
Result<StageFunction::Value> call_in_program(const FileStage& stage,
                                             const std::vector<StageFunction::Value>& arguments) {
  const Clock::time_point begin = Clock::now();
  Result<StageFunction::Value> value = call_stage_function(stage.name, *stage.function, arguments);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  if (stage.timeout.count() == 0 || took <= stage.timeout) return value;
  return Error(ErrorCode::kTimeout, fmt::format("the function returned after {} ms, beyond its time of {} ms",
                                                took.count(), stage.timeout.count()))
      .hint("a function in the program cannot be stopped; in a process it can: StageMode::kProcess");
}

void run_function(const AttemptContext& context, const FileStage& stage, std::uint32_t number, AttemptEnd& end) {
  Result<std::vector<StageFunction::Value>> arguments = context.values->arguments_of(stage);
  if (arguments) {
    if (Status same = context.values->compare_files(stage, *arguments); !same) arguments = std::move(same.error());
  }
  if (!arguments) {
    end.outcome.status = arguments.error();
    return;
  }
  Result<StageFunction::Value> value = Error(ErrorCode::kInternal, "not called");
  if (context.processes != nullptr && mode_of(stage, context.input_bytes).mode == StageMode::kProcess) {
    FunctionCall call{stage, context.number, *arguments, context.deadline, context.stop};
    if (stage.timeout.count() > 0) {
      const Clock::time_point own = Clock::now() + stage.timeout;
      call.deadline = call.deadline ? std::min(*call.deadline, own) : own;
    }
    FunctionEnd ended = context.processes->call(call);
    value = std::move(ended.value);
    end.exit = ended.exit;
    end.cancelled = ended.cancelled;
  } else {
    value = call_in_program(stage, *arguments);
  }
  if (!value) {
    end.outcome.status = std::move(value).error().at(stage.name);
  } else if (Status same = context.values->compare_files(stage, *arguments); !same) {
    end.outcome.status = std::move(same.error());  // a result of files that changed meanwhile is nobody's
  } else {
    end.outcome.status = commit_value(context, stage, number, std::move(*value), end.value);
  }
}

AttemptEnd attempt_function(const AttemptContext& context, const FileStage& stage, std::uint32_t number) {
  AttemptEnd end;
  run_function(context, stage, number, end);
  end.outcome.report.outcome = end.cancelled        ? Report::Outcome::kCancelled
                               : end.outcome.status ? Report::Outcome::kDone
                                                    : Report::Outcome::kFailed;
  return end;
}

// From 0 up to 1.
double random_part() {
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) bits = 0;
  return static_cast<double>(bits) / 4294967296.0;
}

}  // namespace

Result<std::shared_ptr<const void>> call_stage_function(const std::string& stage, const StageFunction& function,
                                                        const std::vector<std::shared_ptr<const void>>& arguments) {
  // The one place where what the user's function throws becomes an error.
  try {
    return function.call(arguments);
  } catch (const std::exception& thrown) {
    return Error(ErrorCode::kUserCode, fmt::format("the function of stage \"{}\" threw: {}", stage, thrown.what()));
  } catch (...) {
    return Error(ErrorCode::kUserCode, fmt::format("the function of stage \"{}\" threw something", stage));
  }
}

StagePlace mode_of(const FileStage& stage, std::uint64_t input_bytes) noexcept {
  constexpr std::uint64_t kLarge = std::uint64_t{100} << 20;
  if (stage.is_command()) return {StageMode::kProcess, "it is a program"};
  if (stage.function == nullptr) return {StageMode::kFunction, "it is a pipeline, which runs as its strategy says"};
  if (stage.mode == StageMode::kFunction) return {StageMode::kFunction, "the workflow says so"};
  if (stage.mode == StageMode::kProcess) return {StageMode::kProcess, "the workflow says so"};
  if (input_bytes > kLarge) return {StageMode::kFunction, "its inputs are large"};
  if (stage.may_crash) return {StageMode::kProcess, "it may crash"};
  return {StageMode::kFunction, "nothing speaks for a process"};
}

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
