// SPDX-License-Identifier: MIT
#include "workflow/key_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "store/json_fields.h"

namespace penstock {

Result<KeyRecord> read_key(const RunStore& store, const std::string& run_id, const std::string& stage) {
  PENSTOCK_ASSIGN(const std::string text, store.read_text(run_id, stage + "/key.json"));
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  KeyRecord record{text_in(json, "key"), text_in(json, "decision"), {}};
  const auto fields = json.is_object() ? json.find("fields") : json.end();
  if (record.key.empty() || fields == json.end() || !fields->is_array()) {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("not the key of a stage: key.json of \"{}\" in run {}", stage, run_id));
  }
  if (RunFolder(store.root(), run_id).maker_of(stage) != run_id) record.decision = "taken over";
  for (const auto& field : *fields) record.fields.emplace_back(text_in(field, "name"), text_in(field, "value"));
  return record;
}

std::vector<KeyDifference> differences_of(const KeyFields& before, const KeyFields& now) {
  const auto value_in = [](const KeyFields& fields, const std::string& name) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
    return found == fields.end() ? std::string() : found->second;
  };
  std::vector<KeyDifference> differences;
  for (const auto& [name, value] : now) {
    const std::string old = value_in(before, name);
    if (old != value) differences.push_back({name, old, value});
  }
  for (const auto& [name, value] : before) {
    const bool gone = std::none_of(now.begin(), now.end(), [&](const auto& field) { return field.first == name; });
    if (gone) differences.push_back({name, value, ""});
  }
  return differences;
}

EarlierKey newest_key(const RunStore& store, const std::vector<StoredRun>& runs, const std::string& name,
                      const std::string& stage) {
  for (const StoredRun& run : runs) {
    if (run.name != name) continue;
    Result<KeyRecord> record = read_key(store, run.id, stage);
    if (record) return {run.id, std::move(record->fields)};
  }
  return {};
}

std::string shown_value(const std::string& value) {
  constexpr std::size_t kMost = 100;
  if (value.empty()) return "(nothing)";
  return value.size() <= kMost ? value : value.substr(0, kMost) + "...";
}

}  // namespace penstock
