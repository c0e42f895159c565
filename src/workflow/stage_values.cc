// SPDX-License-Identifier: MIT
// Values of functions: in memory while the run goes on, and in a file of the stage for runs that take them over.
#include <fmt/format.h>
#include <penstock/workflow.h>

#include <algorithm>

#include "platform/file.h"
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
  keep(*stage, value);
  return value;
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
