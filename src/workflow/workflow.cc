// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/workflow.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "platform/file.h"
#include "workflow/run_settings.h"
#include "workflow/stage_attempt.h"
#include "workflow/stage_streams.h"

namespace penstock {

StageFunction::~StageFunction() = default;
StageFan::~StageFan() = default;

Workflow::Workflow(std::string name) {
  file_.name = std::move(name);
  file_.path = file_.name;
}

void Workflow::add_param(const std::string& name, OptionValue value) {
  file_.params.push_back({name, std::move(value)});
}

void Workflow::add(FileStage stage) {
  for (const StageInput& input : stage.inputs) {
    if (!input.stage.empty()) stage.reads.push_back(input.stage);
  }
  std::sort(stage.reads.begin(), stage.reads.end());
  stage.reads.erase(std::unique(stage.reads.begin(), stage.reads.end()), stage.reads.end());
  streams_ = streams_ || !stage.stream_from.empty();
  file_.stages.push_back(std::move(stage));
  if (streams_) (void)join_streams(file_.stages);  // what is wrong the run says, before anything begins
}

void Workflow::add_function(StageOptions options, std::shared_ptr<const StageFunction> function,
                            std::vector<StageArgument> arguments, std::shared_ptr<const StageFan> fan) {
  FileStage stage;
  stage.name = std::move(options.name);
  stage.version = std::move(options.version);
  stage.cache = options.cache;
  stage.code_declared = options.code_declared;
  stage.retry = std::move(options.retry);
  stage.when = std::move(options.when);
  stage.resources = std::move(options.resources);
  stage.mode = options.mode;
  stage.may_crash = options.may_crash;
  stage.timeout = options.timeout;
  for (std::string& after : options.after) stage.after.emplace_back(std::move(after), Place{});
  for (const StageArgument& argument : arguments) {
    if (argument.stage.empty()) continue;
    StageInput input;
    input.stage = argument.stage;
    input.path = kValueFile;
    stage.inputs.push_back(std::move(input));
  }
  if (fan != nullptr) {
    stage.fan = std::move(fan);
    stage.for_each.emplace();
  }
  stage.function = std::move(function);
  stage.arguments = std::move(arguments);
  add(std::move(stage));
}

void Workflow::set_fallback(const std::string& name) {
  for (FileStage& stage : file_.stages) {
    if (stage.name == name) stage.fallback = file_.stages.back().name;
  }
}

Status Workflow::set(const std::string& name, const std::string& text) {
  std::vector<std::string> known;
  for (OptionValue::Entry& param : file_.params) {
    known.push_back(param.name);
    if (param.name != name) continue;
    PENSTOCK_ASSIGN(param.value, value_for_param(param, text));
    file_.overrides.emplace_back(name, text);
    return {};
  }
  return Error(ErrorCode::kNotFound, fmt::format("unknown parameter: \"{}\"", name)).hint(suggest_name(name, known));
}

Result<StageFunction::Value> Workflow::find_value(const FileRun& run, const std::string& name,
                                                  std::size_t number) const {
  std::size_t i = number;
  if (i >= run.stages.size() || run.stages[i].name != name) {
    i = 0;
    while (i < run.stages.size() && run.stages[i].name != name) ++i;
  }
  if (i < run.stages.size() && i < file_.stages.size() && run.stages[i].ok()) {
    PENSTOCK_ASSIGN(const std::string bytes, read_file(fmt::format("{}/{}/artifacts/{}", run.path, name, kValueFile)));
    return file_.stages[i].function->decode(bytes);
  }
  return Error(ErrorCode::kNotFound, fmt::format("stage \"{}\" of run {} has no result", name, run.id));
}

}  // namespace penstock
