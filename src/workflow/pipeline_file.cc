// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/pipeline_file.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "platform/file.h"
#include "store/digest.h"
#include "workflow/alert_table.h"
#include "workflow/placeholders.h"
#include "workflow/references.h"
#include "workflow/run_settings.h"
#include "workflow/stage_graph.h"
#include "workflow/stage_keys.h"
#include "workflow/stage_streams.h"
#include "workflow/stage_table.h"
#include "workflow/toml_text.h"
#include "workflow/workflow_settings.h"

namespace penstock {
namespace {

constexpr std::size_t kMostFileBytes = std::size_t{16} << 20;

const std::vector<std::string> kTopKeys = {"name", "run", "params", "alert", "stage", "operator"};
bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "data/orders.v2.toml" gives "orders_v2".
std::string name_of_file(std::string_view path) {
  path.remove_prefix(std::min(path.rfind('/') + 1, path.size()));
  path = path.substr(0, path.size() > 5 && path.ends_with(".toml") ? path.size() - 5 : path.size());
  std::string name(path);
  for (char& c : name) {
    if (!is_stage_name(std::string_view(&c, 1)) && c != '-') c = '_';
  }
  return is_stage_name(name) ? name : "pipeline";
}

// What the texts of a stage refer to, beside the inputs that it declares.
void collect_references_of_stage(FileStage& stage) {
  const auto collect = [&](const OptionValue& value, const Place& place) {
    std::vector<StageInput> found;
    collect_references(value, found);
    for (StageInput& input : found) {
      if (input.place.line == 0) input.place = place;
      stage.inputs.push_back(std::move(input));
    }
  };
  for (const FileStep& step : stage.steps) {
    for (const OptionValue::Entry& option : step.options.entries()) collect(option.value, step.place);
    collect(OptionValue(step.on_error.quarantine_path), step.place);
  }
  const StageCommand& command = stage.command;
  for (const std::string& word : command.words) collect(OptionValue(word), command.place);
  for (const auto& [name, text] : command.env) collect(OptionValue(text), command.place);
  collect(OptionValue(command.stdin_path), command.place);
  for (const StageInput& input : stage.inputs) {
    if (!input.stage.empty()) stage.reads.push_back(input.stage);
  }
  if (stage.for_each && !stage.for_each->from.stage.empty()) stage.reads.push_back(stage.for_each->from.stage);
  std::sort(stage.reads.begin(), stage.reads.end());
  stage.reads.erase(std::unique(stage.reads.begin(), stage.reads.end()), stage.reads.end());
}

class FileReader {
 public:
  FileReader(const std::string& path, const ParamOverrides& overrides) : overrides_(overrides) {
    file_.path = path;
    file_.name = name_of_file(path);
    file_.run.trace = true;
    file_.overrides = overrides;
  }

  Result<PipelineFile> read(const TomlTable& top) {
    for (const TomlEntry& entry : top.entries) {
      if (!contains(kTopKeys, entry.name)) return unknown_key(entry, "at the top of the file", kTopKeys);
    }
    PENSTOCK_TRY(read_name(top.find("name")));
    PENSTOCK_TRY(read_params(top.find("params")));
    PENSTOCK_TRY(read_run(top.find("run")));
    PENSTOCK_TRY(read_monitoring(top.find("alert")));
    PENSTOCK_TRY(read_stages(top.find("stage"), top.find("operator")));
    if (!says("strategy") && places_steps()) {
      file_.run.strategy = hybrid;
      file_.settings.emplace_back("strategy");
    }
    return std::move(file_);
  }

 private:
  // An operator that says where it runs means it, also in a file that names no strategy.
  bool places_steps() const {
    const auto is_placed = [](const FileStep& step) { return !step.on.name.empty(); };
    return std::any_of(file_.stages.begin(), file_.stages.end(), [&](const FileStage& stage) {
      return std::any_of(stage.steps.begin(), stage.steps.end(), is_placed);
    });
  }

  Status read_name(const TomlEntry* entry) {
    if (entry == nullptr) return {};
    if (entry->value.as_text() == nullptr || entry->value.as_text()->empty())
      return wrong_kind(*entry, "a text that is not empty");
    file_.name = *entry->value.as_text();
    return {};
  }

  Status read_params(const TomlEntry* entry) {
    if (entry != nullptr) {
      if (entry->kind != TomlEntry::Kind::kTable) return wrong_kind(*entry, "a table: [params]");
      for (const TomlEntry& param : entry->tables.front().entries) {
        const OptionValue& value = param.value;
        if (value.as_table() != nullptr || value.as_list() != nullptr) {
          return wrong_kind(param, "a text, a number, true or false, as the default of a parameter");
        }
        scope_.params.push_back({param.name, value});
      }
    }
    for (const auto& [name, text] : overrides_) PENSTOCK_TRY(override_param(name, text));
    file_.params = scope_.params;
    return {};
  }

  // The default decides the kind: --set limit=10 is a text where the default is one.
  Status override_param(const std::string& name, const std::string& text) {
    const std::string place = fmt::format("--set {}={}", name, text);
    std::vector<std::string> known;
    for (OptionValue::Entry& param : scope_.params) {
      known.push_back(param.name);
      if (param.name != name) continue;
      Result<OptionValue> value = value_for_param(param, text);
      if (!value) return std::move(value).error().at(place);
      param.value = std::move(*value);
      param.value.place = {place, 0, 0};
      return {};
    }
    return Error(ErrorCode::kNotFound, fmt::format("unknown parameter: \"{}\"", name))
        .at(place)
        .hint(known.empty() ? "the file has no [params] table; parameters and their defaults stand there"
                            : suggest_name(name, known));
  }

  Status read_run(const TomlEntry* entry) {
    if (entry == nullptr) return {};
    if (entry->kind != TomlEntry::Kind::kTable) return wrong_kind(*entry, "a table: [run]");
    std::vector<std::string> known;
    for (const RunSetting& setting : run_settings()) known.emplace_back(setting.name);
    for (const RunSetting& setting : workflow_settings()) known.emplace_back(setting.name);
    for (const TomlEntry& setting : entry->tables.front().entries) {
      if (!contains(known, setting.name)) return unknown_key(setting, "in [run]", known);
      file_.settings.push_back(setting.name);
    }
    for (const TomlEntry& setting : entry->tables.front().entries) {
      PENSTOCK_ASSIGN(const OptionValue value, insert_params(setting.value, scope_));
      PENSTOCK_TRY(set_file_setting(file_, setting.name, value));
    }
    return {};
  }

  // A file with alerts means them, unless it says that it does not.
  Status read_monitoring(const TomlEntry* entry) {
    if (entry == nullptr) return {};
    PENSTOCK_TRY(read_alerts(file_.run.monitor.alerts, *entry, scope_));
    const bool unwanted = says("monitor") && !file_.run.monitor.on;
    if (unwanted) file_.run.monitor.alerts.clear();
    return {};
  }

  /// Whether [run] has the setting.
  bool says(std::string_view setting) const { return contains(file_.settings, setting); }

  Status read_stages(const TomlEntry* stages, const TomlEntry* operators) {
    if (stages != nullptr && operators != nullptr) {
      return Error(ErrorCode::kInvalidArgument, "a file has either [[operator]] tables or [[stage]] tables, not both")
          .at(operators->key_place.to_text())
          .hint("write [[stage.operator]] for the operators of a stage");
    }
    if (operators != nullptr) {
      FileStage stage;
      stage.name = is_stage_name(file_.name) ? file_.name : name_of_file(file_.path);
      stage.place = operators->key_place;
      scope_.stage = stage.name;
      PENSTOCK_TRY(read_operators(stage, *operators, "[[operator]]"));
      collect_references_of_stage(stage);
      file_.stages.push_back(std::move(stage));
      return {};
    }
    if (stages == nullptr) {
      return Error(ErrorCode::kInvalidArgument, "the file has no operators")
          .at(file_.path)
          .hint("add [[operator]] tables; penstock init writes an example");
    }
    if (stages->kind != TomlEntry::Kind::kTables) return wrong_kind(*stages, "a list of tables: [[stage]]");
    for (const TomlTable& table : stages->tables) PENSTOCK_TRY(announce_stage(table));
    for (std::size_t i = 0; i < file_.stages.size(); ++i) PENSTOCK_TRY(read_stage(file_.stages[i], stages->tables[i]));
    return join_streams(file_.stages);
  }

  Status read_operators(FileStage& stage, const TomlEntry& entry, std::string_view header) {
    if (entry.kind != TomlEntry::Kind::kTables) return wrong_kind(entry, fmt::format("a list of tables: {}", header));
    return read_steps(stage, entry.tables, scope_);
  }

  // Names and outputs come first: stages may refer to each other in any order.
  Status announce_stage(const TomlTable& table) {
    FileStage stage;
    stage.place = table.place;
    for (const TomlEntry& entry : table.entries) {
      if (!contains(stage_keys(), entry.name)) return unknown_key(entry, "in [[stage]]", stage_keys());
    }
    PENSTOCK_TRY(read_stage_name(stage, table));
    scope_.stage_numbers.emplace(stage.name, scope_.stages.size());
    scope_.stages.push_back(stage.name);
    PENSTOCK_TRY(read_outputs(stage, table, scope_));
    scope_.outputs.push_back(stage.outputs);
    file_.stages.push_back(std::move(stage));
    return {};
  }

  Status read_stage(FileStage& stage, const TomlTable& table) {
    scope_.stage = stage.name;
    stage.cache = true;
    PENSTOCK_TRY(read_stage_keys(stage, table, scope_));
    if (const TomlEntry* const operators = table.find("operator")) {
      PENSTOCK_TRY(read_operators(stage, *operators, "[[stage.operator]]"));
    } else if (!stage.is_command()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("stage \"{}\" has no operators and no command", stage.name))
          .at(table.place.to_text())
          .hint("add [[stage.operator]] tables, or command = [\"PROGRAM\", \"ARGUMENT\"]");
    }
    collect_references_of_stage(stage);
    return {};
  }

  Status read_stage_name(FileStage& stage, const TomlTable& table) const {
    const TomlEntry* const entry = table.find("name");
    if (entry == nullptr) {
      return Error(ErrorCode::kInvalidArgument, "a stage needs a name")
          .at(table.place.to_text())
          .hint("for instance name = \"clean\"");
    }
    if (entry->value.as_text() == nullptr || !is_stage_name(*entry->value.as_text())) {
      return wrong_kind(*entry, "up to 100 letters, digits, '_' and '-', as it names a folder");
    }
    stage.name = *entry->value.as_text();
    if (!scope_.stage_numbers.contains(stage.name)) return {};
    return Error(ErrorCode::kAlreadyExists, fmt::format("there is a stage \"{}\" already", stage.name))
        .at(entry->value.place.to_text());
  }

  const ParamOverrides& overrides_;
  PipelineFile file_;
  PlaceholderScope scope_;
};

}  // namespace

Result<std::pair<std::string, std::string>> parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("--set takes NAME=VALUE, but is \"{}\"", text))
        .hint("for instance --set limit=100");
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<PipelineFile> parse_pipeline_file(std::string_view text, const std::string& path,
                                         const ParamOverrides& overrides) {
  PENSTOCK_ASSIGN(const TomlTable top, parse_toml(text, path));
  PENSTOCK_ASSIGN(PipelineFile file, FileReader(path, overrides).read(top));
  PENSTOCK_TRY(make_stage_graph(file));
  return file;
}

Result<PipelineFile> load_pipeline_file(const std::string& path, const ParamOverrides& overrides) {
  PENSTOCK_ASSIGN(const std::string text, read_file(path, kMostFileBytes));
  PENSTOCK_ASSIGN(PipelineFile file, parse_pipeline_file(text, path, overrides));
  file.sha256 = sha256(text);
  return file;
}

Pipeline make_pipeline(const PipelineFile& file, const FileStage& stage, const std::string& run_dir) {
  Pipeline pipeline(file.stages.size() == 1 ? file.name : stage.name);
  const StageFolders folders = folders_of(stage, run_dir);
  for (const FileStep& step : stage.steps) {
    Options options;
    options.origin = step.options.origin;
    for (const OptionValue::Entry& option : step.options.entries()) {
      options.set(option.name, insert_folders(option.value, folders));
    }
    StepOptions settings{.name = step.name,
                         .on_error = step.on_error,
                         .timeout = step.timeout,
                         .light = step.light,
                         .may_crash = step.may_crash,
                         .on = step.on};
    settings.on_error.quarantine_path = insert_folders_in_text(step.on_error.quarantine_path, folders);
    pipeline.add(step.op, std::move(options), std::move(settings), step.input);
  }
  return pipeline;
}

}  // namespace penstock
