// SPDX-License-Identifier: MIT
#include "workflow/workflow_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"

namespace penstock {
namespace {

Status set_on_failure(OnFailure& target, const OptionValue& value) {
  const std::string* const text = value.as_text();
  if (text != nullptr && *text == "stop") {
    target = OnFailure::kStop;
  } else if (text != nullptr && *text == "finish_running") {
    target = OnFailure::kFinishRunning;
  } else if (text != nullptr && *text == "continue") {
    target = OnFailure::kContinue;
  } else {
    return wrong_setting("on_failure", value, "\"stop\", \"finish_running\" or \"continue\"");
  }
  return {};
}

}  // namespace

const std::vector<RunSetting>& workflow_settings() {
  static const std::vector<RunSetting> settings = {
      {"max_parallel", "N", "Most stages that run at once; 0: as many as there are cores (default: 0)"},
      {"on_failure", "WHAT",
       "When a stage fails: stop cancels the others, finish_running lets those that run finish, continue goes on with "
       "all that do not need it (default: finish_running)"},
      {"cache", "BOOL", "true or false: take results from the cache and put them there (default: true)"},
      {"durable", "BOOL", "true or false: wait for the disk at every file of the run (default: false)"},
      {"checkpoint", "TIME",
       "Time between two checkpoints of a pipeline, from which penstock resume goes on when the run is killed: 30s, "
       "5m; 0: "
       "none (default: 10s)"},
      {"resources", "TABLE", "How much there is of what stages ask for: { gpu = 1, memory = \"8GiB\" }"},
  };
  return settings;
}

Status set_file_setting(PipelineFile& file, std::string_view name, const OptionValue& value) {
  WorkflowSettings& settings = file.workflow;
  if (name == "preset") return set_preset(file.run, value, file.settings);
  if (name == "on_failure") return set_on_failure(settings.on_failure, value);
  if (name == "cache") return set_flag(settings.cache, name, value);
  if (name == "durable") return set_flag(settings.durable, name, value);
  if (name == "checkpoint") {
    PENSTOCK_ASSIGN(settings.checkpoint, duration_setting(name, value));
    return {};
  }
  if (name == "resources") {
    PENSTOCK_ASSIGN(settings.resources, read_amounts(value));
    return {};
  }
  if (name == "max_parallel") {
    if (value.as_integer() == nullptr || *value.as_integer() < 0 || *value.as_integer() > 4096)
      return wrong_setting(name, value, "an integer from 0 to 4096");
    settings.max_parallel = static_cast<std::uint32_t>(*value.as_integer());
    return {};
  }
  return set_run_setting(file.run, name, value);
}

Result<OptionValue::Table> read_amounts(const OptionValue& value) {
  constexpr std::string_view kExpected = "a table of names and amounts, for instance { gpu = 1, memory = \"2GiB\" }";
  if (value.as_table() == nullptr) return wrong_setting("resources", value, kExpected);
  OptionValue::Table amounts;
  for (const OptionValue::Entry& entry : *value.as_table()) {
    std::int64_t amount = entry.value.as_integer() != nullptr ? *entry.value.as_integer() : -1;
    if (entry.value.as_text() != nullptr) amount = parse_bytes(*entry.value.as_text()).value_or(-1);
    if (amount < 0) return wrong_setting(entry.name, entry.value, "an amount like 1 or \"2GiB\"");
    OptionValue integer(amount);
    integer.place = entry.value.place;
    amounts.push_back({entry.name, std::move(integer)});
  }
  return amounts;
}

}  // namespace penstock
