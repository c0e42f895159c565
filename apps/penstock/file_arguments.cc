// SPDX-License-Identifier: MIT
#include "apps/penstock/file_arguments.h"

#include <algorithm>

#include "workflow/run_settings.h"

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
    flags.push_back(std::move(flag));
  }
  return flags;
}

Flag set_flag() { return {"--set", "NAME=VALUE", "Set a parameter of [params]", true}; }

Result<PipelineFile> file_of(const Arguments& arguments) {
  ParamOverrides overrides;
  for (const std::string& text : arguments.values("--set")) {
    PENSTOCK_ASSIGN(auto override_, parse_override(text));
    overrides.push_back(std::move(override_));
  }
  PENSTOCK_ASSIGN(PipelineFile file, load_pipeline_file(arguments.positional(0), overrides));
  for (const RunSetting& setting : run_settings()) {
    const std::string flag = flag_of(setting.name);
    if (!arguments.has(flag)) continue;
    const std::string text = arguments.value(flag);
    OptionValue value = setting.name == "strategy" ? OptionValue(text) : value_of_text(text);
    value.place.file = flag;
    PENSTOCK_TRY(set_run_setting(file.run, setting.name, value));
  }
  return file;
}

std::vector<std::string> command_words(const std::string& command, const Arguments& arguments) {
  std::vector<std::string> words = {"penstock", command};
  words.insert(words.end(), arguments.words().begin(), arguments.words().end());
  return words;
}

}  // namespace penstock::app
