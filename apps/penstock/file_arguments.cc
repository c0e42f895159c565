// SPDX-License-Identifier: MIT
#include "apps/penstock/file_arguments.h"

#include <penstock/preset.h>

#include <algorithm>

#include "workflow/run_settings.h"
#include "workflow/workflow_settings.h"

namespace penstock::app {
namespace {

std::string flag_of(std::string_view setting) {
  std::string flag = "--" + std::string(setting);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

}  // namespace

Positional file_positional() { return {"FILE", true, "A pipeline file (TOML)", Completes::kPipelineFiles}; }

std::vector<Flag> run_setting_flags() {
  std::vector<Flag> flags;
  for (const RunSetting& setting : run_settings()) {
    Flag flag{flag_of(setting.name), std::string(setting.value), std::string(setting.doc)};
    if (setting.name == "strategy") flag.completes = Completes::kStrategies;
    if (setting.name == "preset") {
      flag.completes = Completes::kWords;
      for (const PresetInfo& preset : presets()) flag.words.emplace_back(preset.name);
    }
    flags.push_back(std::move(flag));
  }
  for (const RunSetting& setting : workflow_settings()) {
    if (setting.value != "TABLE")
      flags.push_back({flag_of(setting.name), std::string(setting.value), std::string(setting.doc)});
  }
  return flags;
}

Flag set_flag() { return {"--set", "NAME=VALUE", "Set a parameter of the [params] table of FILE", true}; }

Result<PipelineFile> file_of(const Arguments& arguments) {
  ParamOverrides overrides;
  for (const std::string& text : arguments.values("--set")) {
    PENSTOCK_ASSIGN(auto override_, parse_override(text));
    overrides.push_back(std::move(override_));
  }
  PENSTOCK_ASSIGN(PipelineFile file, load_pipeline_file(arguments.positional(0), overrides));
  PENSTOCK_TRY(apply_settings(file, arguments));
  return file;
}

Status apply_settings(PipelineFile& file, const Arguments& arguments) {
  std::vector<RunSetting> settings = run_settings();
  settings.insert(settings.end(), workflow_settings().begin(), workflow_settings().end());
  for (const RunSetting& setting : settings) {
    const std::string flag = flag_of(setting.name);
    if (!arguments.has(flag)) continue;
    const std::string text = arguments.value(flag);
    OptionValue value = setting.name == "strategy" ? OptionValue(text) : value_of_text(text);
    if (setting.value.empty()) value = true;
    value.place.file = flag;
    PENSTOCK_TRY(set_file_setting(file, setting.name, value));
  }
  return {};
}

namespace {

// True for "in.csv:7/csv.read", which begins with a place in another file: one of records.
bool points_elsewhere(std::string_view where, const std::string& path) {
  if (where.starts_with(path + ":")) return false;
  for (std::size_t colon = where.find(':'); colon != std::string_view::npos; colon = where.find(':', colon + 1)) {
    const std::size_t end = where.find_first_not_of("0123456789:", colon);
    if (colon > 0 && colon + 1 < where.size() && end != colon + 1 &&
        (end == std::string_view::npos || where[end] == '/')) {
      return true;
    }
  }
  return false;
}

bool is_about_records(const Error& error, const std::string& path) {
  return error.record() >= 0 || points_elsewhere(error.where(), path) ||
         (error.cause() != nullptr && is_about_records(*error.cause(), path));
}

}  // namespace

ExitCode exit_code_of(const Error& error, const std::string& path) {
  const bool request = error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kUnsupported;
  return request && !is_about_records(error, path) ? kUsage : kFailed;
}

std::vector<std::string> command_words(const std::string& command, const Arguments& arguments) {
  std::vector<std::string> words = {"penstock", command};
  words.insert(words.end(), arguments.words().begin(), arguments.words().end());
  return words;
}

}  // namespace penstock::app
