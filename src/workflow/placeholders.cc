// SPDX-License-Identifier: MIT
#include "workflow/placeholders.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"

namespace penstock {
namespace {

constexpr std::string_view kParams = "params.";
constexpr std::string_view kArtifacts = ".artifacts";

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

// Checks a placeholder that is no parameter; it stays until the folders are known.
Result<std::string> check_word(const PlaceholderScope& scope, std::string_view word) {
  if (word == "artifacts" || word == "run_dir") return braced(word);
  if (word.ends_with(kArtifacts)) {
    const std::string_view stage = word.substr(0, word.size() - kArtifacts.size());
    if (std::find(scope.stages.begin(), scope.stages.end(), stage) != scope.stages.end()) return braced(word);
    return unknown(word, "stage",
                   scope.stages.empty() ? "only earlier stages can be named, and there is none"
                                        : suggest_name(stage, scope.stages));
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

void collect_stage_references(const OptionValue& value, std::vector<std::string>& stages) {
  auto look = [&](const std::string& text) -> Result<OptionValue> {
    PENSTOCK_TRY(replace_words(text, [&](std::string_view word) -> Result<std::string> {
      if (word.ends_with(kArtifacts)) stages.emplace_back(word.substr(0, word.size() - kArtifacts.size()));
      return std::string();
    }));
    return OptionValue(text);
  };
  (void)change_texts(value, look);
}

std::string insert_folders_in_text(std::string_view text, const std::string& run_dir, const std::string& stage) {
  const auto folder = [&](std::string_view word) -> Result<std::string> {
    if (word == "run_dir") return run_dir;
    if (word == "artifacts") return run_dir + "/" + stage + "/artifacts";
    if (word.ends_with(kArtifacts))
      return run_dir + "/" + std::string(word.substr(0, word.size() - kArtifacts.size())) + "/artifacts";
    return braced(word);
  };
  return replace_words(text, folder).value();
}

OptionValue insert_folders(const OptionValue& value, const std::string& run_dir, const std::string& stage) {
  auto change = [&](const std::string& text) -> Result<OptionValue> {
    return OptionValue(insert_folders_in_text(text, run_dir, stage));
  };
  return change_texts(value, change).value();
}

}  // namespace penstock
