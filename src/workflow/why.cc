// SPDX-License-Identifier: MIT
#include "workflow/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nearest_name.h"
#include "store/json_fields.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;
Status find_stage(const RunStore& store, StageExplanation& explanation) {
  PENSTOCK_ASSIGN(const std::string text, store.read_text(explanation.run_id, "manifest.json"));
  const Json manifest = Json::parse(text, nullptr, false);
  std::vector<std::string> known;
  const auto stages = manifest.is_object() ? manifest.find("stages") : manifest.end();
  if (stages == manifest.end() || !stages->is_array())
    return Error(ErrorCode::kDataLoss, fmt::format("the manifest of run {} is damaged", explanation.run_id));
  for (const Json& each : *stages) {
    known.push_back(text_in(each, "stage"));
    if (known.back() != explanation.stage) continue;
    explanation.status = text_in(each, "status");
    explanation.reason = text_in(each, "reason");
    return {};
  }
  return Error(ErrorCode::kNotFound, fmt::format("run {} has no stage \"{}\"", explanation.run_id, explanation.stage))
      .hint(suggest_name(explanation.stage, known));
}

}  // namespace

Result<StageExplanation> explain_stage(const RunStore& store, const std::string& run_id, const std::string& stage) {
  StageExplanation explanation;
  explanation.run_id = run_id;
  explanation.stage = stage;
  PENSTOCK_TRY(find_stage(store, explanation));
  const Result<KeyRecord> key = read_key(store, run_id, stage);
  if (!key) return explanation;
  explanation.key = key->key;
  explanation.decision = key->decision;
  PENSTOCK_ASSIGN(const std::vector<StoredRun> runs, store.list());
  const auto here = std::find_if(runs.begin(), runs.end(), [&](const StoredRun& run) { return run.id == run_id; });
  if (here == runs.end()) return explanation;
  const EarlierKey earlier = newest_key(store, {here + 1, runs.end()}, here->name, stage);
  explanation.compared_with = earlier.run_id;
  if (!earlier.run_id.empty()) explanation.differences = differences_of(earlier.fields, key->fields);
  return explanation;
}

std::string StageExplanation::to_text() const {
  std::string text = fmt::format("stage \"{}\" of run {}: {}", stage, run_id, status);
  if (!reason.empty()) text += ", " + reason;
  text += "\n";
  if (key.empty()) return text + "  it has no key: nothing can be kept of it, so it runs each time\n";
  text += fmt::format("  {}: {}\n", decision, key.substr(0, 16));
  if (compared_with.empty()) return text + "  no earlier run has a key of it\n";
  if (differences.empty()) return text + fmt::format("  its key is that of run {}\n", compared_with);
  text += fmt::format("  its key differs from that of run {}:\n", compared_with);
  for (const KeyDifference& each : differences)
    text += fmt::format("    {}: {} -> {}\n", each.field, shown_value(each.before), shown_value(each.now));
  return text;
}

std::string StageExplanation::to_json() const {
  Json list = Json::array();
  for (const KeyDifference& each : differences)
    list.push_back({{"field", each.field}, {"before", each.before}, {"now", each.now}});
  const Json json = {{"version", 1},       {"run_id", run_id},     {"stage", stage}, {"status", status},
                     {"reason", reason},   {"decision", decision}, {"key", key},     {"compared_with", compared_with},
                     {"differences", list}};
  return json_document(json);
}

}  // namespace penstock
