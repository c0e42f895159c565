// SPDX-License-Identifier: MIT
#include "workflow/placeholders.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::string_view kParams = "params.";
constexpr std::string_view kArtifacts = ".artifacts";
constexpr std::string_view kInputs = "inputs.";
constexpr std::string_view kOutputs = ".outputs.";

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

// Calls `replace(word)` for each `{word}` in `text`; a Result<std::string> that stands for `{word}`.
template <class F>
Result<std::string> replace_words(std::string_view text, F replace) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) break;
    const std::size_t last_open = text.rfind('{', close);  // "{a{params.x}": the inner one
    out += text.substr(0, last_open);
    const std::string_view word = text.substr(last_open + 1, close - last_open - 1);
    if (is_word(word)) {
      PENSTOCK_ASSIGN(const std::string replacement, replace(word));
      out += replacement;
    } else {
      out += text.substr(last_open, close - last_open + 1);
    }
    text.remove_prefix(close + 1);
  }
  return out += text;
}

std::string braced(std::string_view word) { return fmt::format("{{{}}}", word); }

const OptionValue* find_param(const PlaceholderScope& scope, std::string_view name) {
  for (const OptionValue::Entry& param : scope.params) {
    if (param.name == name) return &param.value;
  }
  return nullptr;
}

Error unknown(std::string_view word, std::string_view what, std::string hint) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown {}: {}", what, braced(word))).hint(std::move(hint));
}

Result<const OptionValue*> param_of(const PlaceholderScope& scope, std::string_view word) {
  if (const OptionValue* const value = find_param(scope, word.substr(kParams.size()))) return value;
  std::vector<std::string> known;
  for (const OptionValue::Entry& param : scope.params) known.push_back(std::string(kParams) + param.name);
  return unknown(word, "parameter",
                 known.empty() ? "the file has no [params] table; parameters and their defaults stand there"
                               : suggest_name(word, known));
}

Error unknown_stage(const PlaceholderScope& scope, std::string_view word, std::string_view stage) {
  if (stage == scope.stage) return unknown(word, "stage", "a stage cannot read its own artifacts");
  const std::vector<std::string> others = other_stages(scope);
  return unknown(word, "stage", others.empty() ? "there is no other stage" : suggest_name(stage, others));
}

// "clean.outputs.table" becomes "{clean.artifacts}/table.csv", "outputs.table" becomes "{artifacts}/table.csv".
Result<std::string> output_word(const PlaceholderScope& scope, std::string_view word, std::size_t at) {
  const std::string_view stage = word.substr(0, at);
  const std::string_view name = word.substr(at + kOutputs.size());
  if (!stage.empty() && !is_other_stage(scope, stage)) return unknown_stage(scope, word, stage);
  Result<std::string> path = output_path(stage.empty() ? std::string_view(scope.stage) : stage, name, {}, scope);
  if (!path) return std::move(path.error());
  return (stage.empty() ? std::string("{artifacts}") : fmt::format("{{{}.artifacts}}", stage)) + "/" + *path;
}

// Checks a placeholder that is no parameter; it stays until the folders are known.
Result<std::string> check_word(const PlaceholderScope& scope, std::string_view word) {
  if (word == "artifacts" || word == "run_dir") return braced(word);
  if (word == "item" && scope.has_item) return braced(word);
  if (word.starts_with("outputs.")) return output_word(scope, "." + std::string(word), 0);
  if (const std::size_t at = word.find(kOutputs); at != std::string_view::npos && at > 0)
    return output_word(scope, word, at);
  if (word.starts_with(kInputs)) {
    const std::string_view name = word.substr(kInputs.size());
    if (std::find(scope.inputs.begin(), scope.inputs.end(), name) != scope.inputs.end()) return braced(word);
    return unknown(word, "input",
                   scope.inputs.empty() ? "the stage has no table of inputs" : suggest_name(name, scope.inputs));
  }
  if (word.ends_with(kArtifacts)) {
    const std::string_view stage = word.substr(0, word.size() - kArtifacts.size());
    if (is_other_stage(scope, stage)) return braced(word);
    return unknown_stage(scope, word, stage);
  }
  static const std::vector<std::string> kFolders = {"artifacts", "run_dir"};
  const std::string near = nearest_name(word, kFolders);
  if (near.empty() || word.size() < 4) return braced(word);
  return unknown(word, "placeholder", fmt::format("did you mean {}?", braced(near)));
}

std::string plain_text(const OptionValue& value) {
  return value.as_text() != nullptr ? *value.as_text() : value.to_text();
}

Result<OptionValue> insert_into_text(const std::string& text, const PlaceholderScope& scope) {
  if (text.starts_with("{" + std::string(kParams)) && text.find('}') == text.size() - 1) {
    const std::string_view word(text.data() + 1, text.size() - 2);
    if (is_word(word)) {
      PENSTOCK_ASSIGN(const OptionValue* const value, param_of(scope, word));
      return *value;
    }
  }
  PENSTOCK_ASSIGN(std::string replaced, replace_words(text, [&](std::string_view word) -> Result<std::string> {
                    if (!word.starts_with(kParams)) return check_word(scope, word);
                    PENSTOCK_ASSIGN(const OptionValue* const value, param_of(scope, word));
                    return plain_text(*value);
                  }));
  return OptionValue(std::move(replaced));
}

// Applies `change` to every text in a value.
template <class F>
Result<OptionValue> change_texts(const OptionValue& value, F& change) {
  OptionValue changed = value;
  if (const std::string* const text = value.as_text()) {
    Result<OptionValue> replaced = change(*text);
    if (!replaced) return std::move(replaced.error()).at(value.place.to_text());
    changed = std::move(*replaced);
  } else if (const OptionValue::List* const list = value.as_list()) {
    OptionValue::List values;
    for (const OptionValue& element : *list) {
      PENSTOCK_ASSIGN(OptionValue inner, change_texts(element, change));
      values.push_back(std::move(inner));
    }
    changed = OptionValue(std::move(values));
  } else if (const OptionValue::Table* const table = value.as_table()) {
    OptionValue::Table entries;
    for (const OptionValue::Entry& entry : *table) {
      PENSTOCK_ASSIGN(OptionValue inner, change_texts(entry.value, change));
      entries.push_back({entry.name, std::move(inner)});
    }
    changed = OptionValue(std::move(entries));
  }
  changed.place = value.place;
  return changed;
}

}  // namespace

Result<OptionValue> insert_params(const OptionValue& value, const PlaceholderScope& scope) {
  auto change = [&](const std::string& text) { return insert_into_text(text, scope); };
  return change_texts(value, change);
}

Result<std::string> output_path(std::string_view stage, std::string_view name, const Place& place,
                                const PlaceholderScope& scope) {
  std::vector<std::string> known;
  const auto number = scope.stage_numbers.find(std::string(stage));
  if (number != scope.stage_numbers.end() && number->second < scope.outputs.size()) {
    for (const StageOutput& output : scope.outputs[number->second]) {
      if (!output.name.empty() && output.name == name) return output.path;
      known.push_back(output.name.empty() ? output.path : output.name);
    }
  }
  return Error(ErrorCode::kNotFound, fmt::format("stage \"{}\" declares no output named \"{}\"", stage, name))
      .at(place.to_text())
      .hint(known.empty() ? "it declares none; outputs = { NAME = PATH } declares them" : suggest_name(name, known));
}

std::string path_of_input(const StageInput& input, const std::string& run_dir) {
  if (input.stage.empty()) return input.path;
  return run_dir + "/" + input.stage + "/artifacts" + (input.path.empty() ? "" : "/" + input.path);
}

StageFolders folders_of(const FileStage& stage, const std::string& run_dir) {
  StageFolders folders{run_dir, run_dir + "/" + stage.name + "/artifacts", {}, stage.item};
  for (const StageInput& input : stage.inputs) {
    if (input.name.empty()) continue;
    std::string path = path_of_input(input, run_dir);
    if (input.optional && !stamp_of(path)) path.clear();
    if (stage.item_is_file && input.name == "item") folders.item = path;
    folders.inputs.emplace_back(input.name, std::move(path));
  }
  return folders;
}

bool is_other_stage(const PlaceholderScope& scope, std::string_view name) {
  return name != scope.stage && scope.stage_numbers.contains(std::string(name));
}

std::vector<std::string> other_stages(const PlaceholderScope& scope) {
  std::vector<std::string> others;
  for (const std::string& name : scope.stages) {
    if (name != scope.stage) others.push_back(name);
  }
  return others;
}

std::string insert_folders_in_text(std::string_view text, const StageFolders& folders) {
  const auto folder = [&](std::string_view word) -> Result<std::string> {
    if (word == "run_dir") return folders.run_dir;
    if (word == "artifacts") return folders.artifacts;
    if (word == "item" && folders.item) return *folders.item;
    if (word.ends_with(kArtifacts))
      return folders.run_dir + "/" + std::string(word.substr(0, word.size() - kArtifacts.size())) + "/artifacts";
    if (word.starts_with(kInputs)) {
      for (const auto& [name, path] : folders.inputs) {
        if (name == word.substr(kInputs.size())) return path;
      }
    }
    return braced(word);
  };
  return replace_words(text, folder).value();
}

OptionValue insert_folders(const OptionValue& value, const StageFolders& folders) {
  auto change = [&](const std::string& text) -> Result<OptionValue> {
    return OptionValue(insert_folders_in_text(text, folders));
  };
  return change_texts(value, change).value();
}

}  // namespace penstock
