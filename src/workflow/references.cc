// SPDX-License-Identifier: MIT
#include "workflow/references.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::string_view kAllArtifacts = ".artifacts";
constexpr std::string_view kOneOutput = ".outputs.";

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Status check_stage(std::string_view name, const Place& place, const PlaceholderScope& scope) {
  if (is_other_stage(scope, name)) return {};
  const std::vector<std::string> others = other_stages(scope);
  return Error(ErrorCode::kNotFound, fmt::format("unknown stage: \"{}\"", name))
      .at(place.to_text())
      .hint(others.empty() ? "there is no other stage" : suggest_name(name, others));
}

}  // namespace

Result<StageInput> input_of_text(std::string_view text, const Place& place, const PlaceholderScope& scope) {
  StageInput input;
  input.place = place;
  if (text.starts_with('{')) {
    std::vector<StageInput> found;
    OptionValue value{std::string(text)};
    value.place = place;
    PENSTOCK_ASSIGN(const OptionValue checked, insert_params(value, scope));
    collect_references(checked, found);
    if (found.size() == 1) return std::move(found.front());
  }
  const std::size_t dot = text.find('.');
  const std::string_view stage = text.substr(0, dot);
  const std::string_view rest = dot == std::string_view::npos ? std::string_view() : text.substr(dot);
  if (is_name(stage) && (rest == kAllArtifacts || rest == ".output")) {
    PENSTOCK_TRY(check_stage(stage, place, scope));
    input.stage = stage;
    return input;
  }
  if (is_name(stage) && rest.starts_with(kOneOutput)) {
    PENSTOCK_TRY(check_stage(stage, place, scope));
    input.stage = stage;
    PENSTOCK_ASSIGN(input.path, output_path(stage, rest.substr(kOneOutput.size()), place, scope));
    return input;
  }
  input.path = text;
  return input;
}

namespace {

// The text goes on with "/PATH" to its end, and nothing but an option's name stands before it:
// "--data={a.artifacts}/x".
std::string path_behind(std::string_view text, std::size_t open, std::size_t close) {
  const std::string_view before = text.substr(0, open);
  const std::string_view behind = text.substr(close + 1);
  const bool plain = (before.empty() || before.ends_with('=')) && behind.size() > 1 && behind.front() == '/' &&
                     behind.find_first_of("{}*?[") == std::string_view::npos &&
                     before.find(' ') == std::string_view::npos;
  std::string path(plain ? behind.substr(1) : std::string_view());
  while (path.ends_with('/')) path.pop_back();
  return path;
}

void collect_in_text(const std::string& text, const Place& place, std::vector<StageInput>& inputs) {
  for (std::size_t close = text.find('}'); close != std::string::npos; close = text.find('}', close + 1)) {
    const std::size_t open = text.rfind('{', close);
    if (open == std::string::npos) continue;
    std::string_view word(text.data() + open + 1, close - open - 1);
    if (!word.ends_with(kAllArtifacts)) continue;
    word.remove_suffix(kAllArtifacts.size());
    if (!is_name(word)) continue;
    StageInput input;
    input.stage = word;
    input.path = path_behind(text, open, close);
    input.place = place;
    inputs.push_back(std::move(input));
  }
}

}  // namespace

void collect_references(const OptionValue& value, std::vector<StageInput>& inputs) {
  if (const std::string* const text = value.as_text()) collect_in_text(*text, value.place, inputs);
  if (const OptionValue::List* const list = value.as_list()) {
    for (const OptionValue& element : *list) collect_references(element, inputs);
  }
  if (const OptionValue::Table* const table = value.as_table()) {
    for (const OptionValue::Entry& entry : *table) collect_references(entry.value, inputs);
  }
}

}  // namespace penstock
