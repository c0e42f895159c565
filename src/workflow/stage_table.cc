// SPDX-License-Identifier: MIT
#include "workflow/stage_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "workflow/run_settings.h"

namespace penstock {

Error unknown_key(const TomlEntry& entry, std::string_view where, const std::vector<std::string>& known) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown key \"{}\" {}", entry.name, where))
      .at(entry.key_place.to_text())
      .hint(suggest_name(entry.name, known));
}

Error wrong_kind(const TomlEntry& entry, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} must be {}, but is {}: {}", entry.name, expected,
                                                        entry.value.kind_name(), entry.value.to_text()))
      .at(entry.value.place.to_text());
}

namespace {

// The keys that every operator's table may have; all others are the operator's own options.
const std::vector<std::string> kGeneralKeys = {"op",      "name",  "input",     "on_error",
                                               "timeout", "light", "may_crash", "run_on"};

bool is_general(std::string_view key) {
  return std::find(kGeneralKeys.begin(), kGeneralKeys.end(), key) != kGeneralKeys.end();
}

Result<std::string> text_of(const TomlEntry& entry, const OptionValue& value) {
  if (value.as_text() == nullptr || value.as_text()->empty()) return wrong_kind(entry, "a text that is not empty");
  return *value.as_text();
}

// The step that `name` means: by the name it was given, or by its operator if that is there once.
Result<Pipeline::StepId> find_step(const FileStage& stage, const TomlEntry& entry, const std::string& name) {
  std::vector<std::string> known;
  std::vector<Pipeline::StepId> by_op;
  for (Pipeline::StepId id = 0; id < stage.steps.size(); ++id) {
    const FileStep& step = stage.steps[id];
    if (step.name == name) return id;
    if (step.name.empty() && step.op == name) by_op.push_back(id);
    known.push_back(step.name.empty() ? step.op : step.name);
  }
  if (by_op.size() == 1) return by_op.front();
  if (!by_op.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("input \"{}\" may be any of {} operators", name, by_op.size()))
        .at(entry.value.place.to_text())
        .hint("give the one you mean a name, and use that");
  }
  return Error(ErrorCode::kNotFound, fmt::format("input \"{}\" is no earlier operator", name))
      .at(entry.value.place.to_text())
      .hint(known.empty() ? "it is the first operator" : suggest_name(name, known));
}

class StepReader {
 public:
  StepReader(const FileStage& stage, const TomlTable& table, const PlaceholderScope& scope)
      : stage_(stage), table_(table), scope_(scope) {}

  Result<FileStep> read() {
    step_.place = table_.place;
    step_.options.origin = table_.place;
    PENSTOCK_ASSIGN(const OperatorInfo* const info, read_op());
    for (const TomlEntry& entry : table_.entries) {
      PENSTOCK_ASSIGN(OptionValue value, insert_params(entry.value, scope_));
      if (is_general(entry.name)) {
        PENSTOCK_TRY(read_general(entry, value));
      } else {
        PENSTOCK_TRY(read_option(*info, entry, std::move(value)));
      }
    }
    PENSTOCK_TRY(connect(*info));
    PENSTOCK_TRY(Registry::global().check_options(*info, step_.options));
    return std::move(step_);
  }

 private:
  Result<const OperatorInfo*> read_op() {
    const TomlEntry* const entry = table_.find("op");
    if (entry == nullptr) {
      return Error(ErrorCode::kInvalidArgument, "an operator needs the key \"op\"")
          .at(table_.place.to_text())
          .hint("for instance op = \"csv.read\"; penstock ops lists all operators");
    }
    PENSTOCK_ASSIGN(step_.op, text_of(*entry, entry->value));
    Result<const OperatorInfo*> info = Registry::global().find(step_.op);
    if (!info) return std::move(info.error()).at(entry->value.place.to_text());
    return info;
  }

  Status read_general(const TomlEntry& entry, const OptionValue& value) {
    if (entry.name == "name") {
      PENSTOCK_ASSIGN(step_.name, text_of(entry, value));
      for (const FileStep& other : stage_.steps) {
        if (other.name != step_.name) continue;
        return Error(ErrorCode::kAlreadyExists,
                     fmt::format("there is an operator named \"{}\" already, at {}", step_.name, other.place.to_text()))
            .at(value.place.to_text());
      }
    } else if (entry.name == "input") {
      PENSTOCK_ASSIGN(const std::string name, text_of(entry, value));
      PENSTOCK_ASSIGN(step_.input, find_step(stage_, entry, name));
      input_ = &entry;
    } else if (entry.name == "on_error") {
      PENSTOCK_ASSIGN(step_.on_error, error_policy_from_option(value));
    } else if (entry.name == "timeout") {
      PENSTOCK_ASSIGN(step_.timeout, duration_setting("timeout", value));
    } else if (entry.name == "light") {
      if (value.as_bool() == nullptr) return wrong_kind(entry, "true or false");
      step_.light = *value.as_bool();
    } else if (entry.name == "may_crash") {
      if (value.as_bool() == nullptr) return wrong_kind(entry, "true or false");
      step_.may_crash = *value.as_bool();
    } else if (entry.name == "run_on") {
      PENSTOCK_ASSIGN(const std::string place, text_of(entry, value));
      Result<Strategy> on = placement_from_text(place);
      if (!on) return std::move(on.error()).at(value.place.to_text());
      step_.on = std::move(*on);
    }
    return {};
  }

  Status read_option(const OperatorInfo& info, const TomlEntry& entry, OptionValue value) {
    std::vector<std::string> known;
    for (const OptionInfo& option : info.options) known.push_back(option.name);
    if (std::find(known.begin(), known.end(), entry.name) != known.end()) {
      step_.options.set(entry.name, std::move(value));
      return {};
    }
    known.insert(known.end(), kGeneralKeys.begin(), kGeneralKeys.end());
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("operator \"{}\" has no option \"{}\"", info.name, entry.name))
        .at(entry.key_place.to_text())
        .hint(suggest_name(entry.name, known));
  }

  Status connect(const OperatorInfo& info) {
    const bool is_source = info.role == OperatorInfo::Role::kSource;
    if (is_source && input_ != nullptr) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is a source and takes no input", info.name))
          .at(input_->key_place.to_text())
          .hint("remove the key input");
    }
    if (is_source || input_ != nullptr) return {};
    if (stage_.steps.empty() && !stage_.stream_from.empty()) return {};  // it takes the stream
    if (stage_.steps.empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("the first operator must be a source, but \"{}\" is a {}",
                                                            info.name, to_string(info.role)))
          .at(step_.place.to_text())
          .hint("begin with one that reads or makes records, for instance csv.read; penstock ops lists them");
    }
    step_.input = stage_.steps.size() - 1;
    return {};
  }

  const FileStage& stage_;
  const TomlTable& table_;
  const PlaceholderScope& scope_;
  FileStep step_;
  const TomlEntry* input_ = nullptr;
};

}  // namespace

Status read_steps(FileStage& stage, const std::vector<TomlTable>& tables, const PlaceholderScope& scope) {
  for (const TomlTable& table : tables) {
    PENSTOCK_ASSIGN(FileStep step, StepReader(stage, table, scope).read());
    stage.steps.push_back(std::move(step));
  }
  return {};
}

}  // namespace penstock
