// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/penstock/bench/strategies/report.h"
#include "apps/penstock/commands.h"
#include "platform/machine.h"

namespace penstock::app::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

Json spread_json(const Spread& spread) { return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}}; }

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json first_result_json(const Cell& cell) {
  const Spread first = cell.spread(&Sample::first_seconds);
  return first.min < 0 ? Json(nullptr) : spread_json(first);
}

Json steps_json(const Sample& sample) {
  Json steps = Json::array();
  for (const StepTimes& step : sample.steps) {
    steps.push_back({{"name", step.name},
                     {"batches", step.batches},
                     {"busy_seconds", step.busy_seconds},
                     {"wait_seconds", step.wait_seconds},
                     {"blocked_seconds", step.blocked_seconds},
                     {"fused", step.fused}});
  }
  return steps;
}

Json cell_json(const Results& results, const Cell& cell) {
  const Sample& typical = cell.typical();
  Json json = {{"series", to_string(cell.series)},
               {"job", cell.job.name},
               {"size", cell.input.size},
               {"unit", cell.job.unit},
               {"contender", cell.contender.name},
               {"workers", cell.contender.workers},
               {"batch_size", cell.contender.batch_size},
               {"queue_depth", cell.contender.queue_depth},
               {"runs", cell.samples.size()},
               {"digest", cell.digest()},
               {"seconds", spread_json(cell.spread(&Sample::seconds))},
               {"cpu_seconds", spread_json(cell.spread(&Sample::cpu_seconds))},
               {"first_result_seconds", first_result_json(cell)},
               {"memory_bytes", cell.memory_bytes()},
               {"memory_before_bytes", typical.memory_before_bytes},
               {"worker_processes", typical.worker_processes}};
  if (cell.series != Series::kContenders) return json;
  const Comparison comparison = results.compare(cell);
  json["speed_up_over_serial"] = optional_json(comparison.speed_up);
  json["time_saved_percent"] = optional_json(comparison.time_saved_percent);
  json["memory_saved_percent"] = optional_json(comparison.memory_saved_percent);
  json["steps"] = steps_json(typical);
  json["counters"] = typical.counters;
  return json;
}

Json jobs_json(const Settings& settings) {
  Json jobs = Json::array();
  for (const Job& job : settings.jobs) {
    jobs.push_back({{"name", job.name}, {"what", job.what}, {"unit", job.unit}, {"sizes", settings.sizes_of(job)}});
  }
  return jobs;
}

Json machine_json() {
  const Machine machine = this_machine();
  return {{"host", machine.host},
          {"system", machine.system},
          {"processor", machine.processor},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes}};
}

void add_deep(const Results& results, Json& json) {
  Json crossings = Json::array();
  for (const CrossingCost& cost : results.crossings) {
    crossings.push_back({{"job", cost.job},
                         {"batches", cost.batches},
                         {"seconds_per_batch", cost.wall_seconds},
                         {"cpu_seconds_per_batch", cost.cpu_seconds}});
  }
  Json advice = Json::array();
  for (const Advice& each : results.advice) advice.push_back({{"job", each.job}, {"text", each.text}});
  json["processes_beyond_parallel"] = std::move(crossings);
  json["advice"] = std::move(advice);
}

}  // namespace

Json results_to_json(const Results& results) {
  const Settings& settings = results.settings;
  Json cells = Json::array();
  std::string counters_missing;
  for (const Cell& cell : results.cells) {
    if (cell.samples.empty()) continue;
    cells.push_back(cell_json(results, cell));
    counters_missing = cell.typical().counters_missing;
  }
  Json json = {{"version", kFormatVersion},
               {"benchmark", "strategies"},
               {"level", settings.level},
               {"penstock", program_version()},
               {"machine", machine_json()},
               {"scale", settings.scale},
               {"rounds", results.rounds},
               {"seconds", results.seconds},
               {"same_answers", check_answers(results).has_value()},
               {"memory", kHowMemory},
               {"processor_counters", counters_missing.empty() ? "available" : "not available: " + counters_missing},
               {"strategies", settings.strategies},
               {"jobs", jobs_json(settings)},
               {"results", std::move(cells)}};
  if (settings.is_deep()) add_deep(results, json);
  return json;
}

}  // namespace penstock::app::bench
