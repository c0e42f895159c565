// SPDX-License-Identifier: MIT
#include "workflow/run_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "store/json_fields.h"
#include "stream/table.h"
#include "workflow/stored_json.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// What was asked for and where it ran, by name; not when, and not what came of it.
std::map<std::string, std::string> facts_of(const Json& run) {
  std::map<std::string, std::string> facts;
  for (const char* const name : {"name", "file", "folder", "program", "resumes"}) {
    if (!text_in(run, name).empty()) facts[name] = text_in(run, name);
  }
  for (const char* const table : {"params", "settings", "machine"}) {
    const auto found = run.find(table);
    if (found == run.end() || !found->is_object()) continue;
    for (const auto& [name, value] : found->items()) facts[fmt::format("{}.{}", table, name)] = text_of(value);
  }
  return facts;
}

std::vector<RunFact> differing(const std::map<std::string, std::string>& before,
                               const std::map<std::string, std::string>& now) {
  std::vector<RunFact> facts;
  for (const auto& [name, value] : before) {
    const auto other = now.find(name);
    const std::string text = other == now.end() ? std::string() : other->second;
    if (text != value) facts.push_back({name, value, text});
  }
  for (const auto& [name, value] : now) {
    if (!before.contains(name)) facts.push_back({name, "", value});
  }
  std::sort(facts.begin(), facts.end(), [](const RunFact& a, const RunFact& b) { return a.name < b.name; });
  return facts;
}

const Json& list_in(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_array() ? *found : none;
}

std::map<std::string, std::string> digests_of(const Json& stage) {
  std::map<std::string, std::string> digests;
  for (const Json& artifact : list_in(stage, "artifacts"))
    digests[text_in(artifact, "name")] = text_in(artifact, "sha256");
  return digests;
}

std::map<std::string, const Json*> stages_of(const Json& manifest) {
  std::map<std::string, const Json*> stages;
  for (const Json& stage : list_in(manifest, "stages")) stages.emplace(text_in(stage, "stage"), &stage);
  return stages;
}

class Comparison {
 public:
  Comparison(const RunStore& store, RunDifference& difference) : store_(store), difference_(difference) {}

  Status compare() {
    PENSTOCK_ASSIGN(const Json run_before, read_json_object(store_, difference_.before, "run.json"));
    PENSTOCK_ASSIGN(const Json run_now, read_json_object(store_, difference_.now, "run.json"));
    difference_.facts = differing(facts_of(run_before), facts_of(run_now));
    PENSTOCK_ASSIGN(const Json before, read_json_object(store_, difference_.before, "manifest.json"));
    PENSTOCK_ASSIGN(const Json now, read_json_object(store_, difference_.now, "manifest.json"));
    const auto stages_before = stages_of(before);
    const auto stages_now = stages_of(now);
    for (const Json& stage : list_in(now, "stages")) {
      const auto other = stages_before.find(text_in(stage, "stage"));
      add(text_in(stage, "stage"), other == stages_before.end() ? nullptr : other->second, &stage);
    }
    for (const auto& [name, stage] : stages_before) {
      if (!stages_now.contains(name)) add(name, stage, nullptr);
    }
    return {};
  }

 private:
  void add(const std::string& name, const Json* before, const Json* now) {
    StageDifference stage;
    stage.stage = name;
    if (before != nullptr) {
      stage.status_before = text_in(*before, "status");
      stage.seconds_before = number_in<double>(*before, "duration_seconds");
    }
    if (now != nullptr) {
      stage.status_now = text_in(*now, "status");
      stage.seconds_now = number_in<double>(*now, "duration_seconds");
    }
    if (before != nullptr && now != nullptr) {
      stage.artifacts = differing(digests_of(*before), digests_of(*now));
      const Result<KeyRecord> old_key = read_key(store_, difference_.before, name);
      const Result<KeyRecord> new_key = read_key(store_, difference_.now, name);
      if (old_key && new_key) stage.key = differences_of(old_key->fields, new_key->fields);
    }
    // A result that was kept is as good as one that was made.
    const auto made = [](const std::string& status) { return status == "cached" ? std::string("done") : status; };
    const bool alike =
        made(stage.status_before) == made(stage.status_now) && stage.key.empty() && stage.artifacts.empty();
    if (alike) {
      ++difference_.stages_alike;
    } else {
      difference_.stages.push_back(std::move(stage));
    }
  }

  const RunStore& store_;
  RunDifference& difference_;
};

}  // namespace

Result<RunDifference> compare_runs(const RunStore& store, const std::string& before, const std::string& now) {
  RunDifference difference;
  difference.before = before;
  difference.now = now;
  PENSTOCK_TRY(Comparison(store, difference).compare());
  return difference;
}

std::string RunDifference::to_text() const {
  std::string text = fmt::format("run {} beside run {}\n", before, now);
  const auto line = [&](std::string_view indent, const std::string& name, const std::string& old,
                        const std::string& value) {
    text += fmt::format("{}{}: {} -> {}\n", indent, printable(name), printable(shown_value(old)),
                        printable(shown_value(value)));
  };
  for (const RunFact& fact : facts) line("", fact.name, fact.before, fact.now);
  for (const StageDifference& stage : stages) {
    const auto status = [](const std::string& known, double seconds) {
      return known.empty() ? std::string("not there") : fmt::format("{}, {}", known, duration_text(seconds));
    };
    text += fmt::format("stage {}: {} -> {}\n", stage.stage, status(stage.status_before, stage.seconds_before),
                        status(stage.status_now, stage.seconds_now));
    for (const KeyDifference& field : stage.key) line("  ", field.field, field.before, field.now);
    for (const RunFact& artifact : stage.artifacts)
      line("  artifact ", artifact.name, artifact.before.substr(0, 16), artifact.now.substr(0, 16));
  }
  return text + fmt::format("{} alike\n", counted(stages_alike, "stage"));
}

std::string RunDifference::to_json() const {
  const auto value = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json fact_list = Json::array();
  for (const RunFact& fact : facts)
    fact_list.push_back({{"name", fact.name}, {"before", value(fact.before)}, {"now", value(fact.now)}});
  Json stage_list = Json::array();
  for (const StageDifference& stage : stages) {
    Json key = Json::array();
    for (const KeyDifference& field : stage.key)
      key.push_back({{"field", field.field}, {"before", value(field.before)}, {"now", value(field.now)}});
    Json artifacts = Json::array();
    for (const RunFact& fact : stage.artifacts)
      artifacts.push_back({{"name", fact.name}, {"before", value(fact.before)}, {"now", value(fact.now)}});
    stage_list.push_back({{"stage", stage.stage},
                          {"status_before", value(stage.status_before)},
                          {"status_now", value(stage.status_now)},
                          {"seconds_before", stage.seconds_before},
                          {"seconds_now", stage.seconds_now},
                          {"key", std::move(key)},
                          {"artifacts", std::move(artifacts)}});
  }
  return json_document({{"version", 1},
                        {"before", before},
                        {"now", now},
                        {"facts", std::move(fact_list)},
                        {"stages", std::move(stage_list)},
                        {"stages_alike", stages_alike}});
}

}  // namespace penstock
