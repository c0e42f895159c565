// SPDX-License-Identifier: MIT
#include "workflow/crash_history.h"

#include "store/json_fields.h"
#include "workflow/stored_json.h"

namespace penstock {
namespace {

constexpr int kRunsLookedAt = 20;

void add_crashed(const nlohmann::ordered_json& metrics, const std::string& stage, std::set<std::string>& steps) {
  const auto stages = metrics.find("stages");
  if (stages == metrics.end() || !stages->is_array()) return;
  for (const nlohmann::ordered_json& one : *stages) {
    if (text_in(one, "stage") != stage || !one.contains("report")) continue;
    const nlohmann::ordered_json& report = one["report"];
    if (!report.is_object() || !report.contains("steps") || !report["steps"].is_array()) continue;
    for (const nlohmann::ordered_json& step : report["steps"]) {
      if (number_in<std::uint64_t>(step, "crashes") > 0) steps.insert(text_in(step, "name"));
    }
  }
}

}  // namespace

std::set<std::string> steps_that_crashed(const RunStore& store, const std::string& name, const std::string& stage) {
  std::set<std::string> steps;
  const Result<std::vector<StoredRun>> runs = store.list();
  if (!runs) return steps;
  int left = kRunsLookedAt;
  for (const StoredRun& run : *runs) {
    if (run.name != name || run.status == "running") continue;
    if (const auto metrics = read_json_object(store, run.id, "metrics.json")) add_crashed(*metrics, stage, steps);
    if (--left == 0) break;
  }
  return steps;
}

}  // namespace penstock
