// SPDX-License-Identifier: MIT
// Values of functions: in memory while the run goes on, and in a file of the stage for runs that take them over.
#include <fmt/format.h>
#include <penstock/workflow.h>

#include <algorithm>

#include "platform/file.h"
#include "store/file_digests.h"
#include "workflow/value_passing.h"
#include "workflow/workflow_run.h"

namespace penstock {
StageFunction::Value value_of_param(const OptionValue& value) {
  if (value.as_bool() != nullptr) return std::make_shared<const bool>(*value.as_bool());
  if (value.as_integer() != nullptr) return std::make_shared<const std::int64_t>(*value.as_integer());
  if (value.as_number() != nullptr) return std::make_shared<const double>(*value.as_number());
  return std::make_shared<const std::string>(*value.as_text());
}

void WorkflowRun::keep(const FileStage& stage, StageFunction::Value value) {
  const std::lock_guard lock(values_mutex_);
  values_[stage.name] = std::move(value);
}

Result<StageFunction::Value> WorkflowRun::value_of(const std::string& name) {
  {
    const std::lock_guard lock(values_mutex_);
    const auto known = values_.find(name);
    if (known != values_.end()) return known->second;
  }
  const FileStage* const stage = &file_.stages[numbers_.at(name)];
  PENSTOCK_ASSIGN(const std::string bytes, read_file(folder_.artifacts_of(name) + "/" + kValueFile));
  PENSTOCK_ASSIGN(StageFunction::Value value, stage->function->decode(bytes));
  if (choose_passing(bytes.size(), file_.workflow.max_value).how == Passing::kDirect) keep(*stage, value);
  return value;
}

Result<StageFunction::Value> WorkflowRun::complete_files(const FileStage& stage, StageFunction::Value value) {
  std::vector<FileRef> files = stage.function->files(value.get());
  for (FileRef& file : files) {
    if (Status completed = complete(file, index_); !completed) return std::move(completed.error()).at(stage.name);
  }
  return stage.function->with_files(value, files);
}

Status WorkflowRun::compare_files(const FileStage& stage, const std::vector<StageFunction::Value>& arguments) {
  for (std::size_t i = 0; i < stage.arguments.size(); ++i) {
    if (stage.arguments[i].stage.empty()) continue;
    const StageFunction& maker = *file_.stages[numbers_.at(stage.arguments[i].stage)].function;
    if (stage.arguments[i].value != nullptr) continue;  // an item, whose list was compared
    for (const FileRef& file : maker.files(arguments[i].get())) {
      if (Status same = compare(file, index_); !same) return std::move(same.error()).at(stage.name);
    }
  }
  return {};
}

// Of a kept result: what its value refers to is not in the store, so it may have changed or gone.
bool WorkflowRun::files_are_unchanged(std::size_t i, const std::string& artifacts) {
  const FileStage& stage = this->stage(i);
  if (stage.function == nullptr) return true;
  const Result<std::string> bytes = read_file(artifacts + "/" + kValueFile);
  const Result<StageFunction::Value> value = bytes ? stage.function->decode(*bytes) : bytes.error();
  if (!value) return true;  // damage is found by whoever compares artifacts
  const std::vector<FileRef> files = stage.function->files(value->get());
  return std::all_of(files.begin(), files.end(),
                     [&](const FileRef& file) { return compare(file, index_).has_value(); });
}

Result<std::vector<StageFunction::Value>> WorkflowRun::arguments_of(const FileStage& stage) {
  std::vector<StageFunction::Value> values;
  for (const StageArgument& argument : stage.arguments) {
    if (argument.value != nullptr) {
      values.push_back(argument.value);
      continue;
    }
    if (!argument.stage.empty()) {
      PENSTOCK_ASSIGN(StageFunction::Value value, value_of(argument.stage));
      values.push_back(std::move(value));
      continue;
    }
    for (const OptionValue::Entry& param : file_.params) {
      if (param.name == argument.param) values.push_back(value_of_param(param.value));
    }
  }
  return values;
}

}  // namespace penstock
