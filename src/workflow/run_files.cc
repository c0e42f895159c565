// SPDX-License-Identifier: MIT
#include "workflow/run_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/machine.h"
#include "store/digest.h"
#include "store/json_fields.h"
#include "stream/trace_text.h"
#include "workflow/stage_graph.h"
#include "workflow/value_passing.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFileVersion = 1;

Json parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

Json to_json(const Status& status) {
  if (status) return nullptr;
  const Error& error = status.error();
  return {{"code", to_string(error.code())},
          {"message", error.message()},
          {"where", error.where()},
          {"hint", error.hint()},
          {"text", error.to_text()}};
}

Json to_json(const OptionValue& value) {
  if (value.as_bool() != nullptr) return *value.as_bool();
  if (value.as_integer() != nullptr) return *value.as_integer();
  if (value.as_number() != nullptr) return *value.as_number();
  if (value.as_text() != nullptr) return *value.as_text();
  if (value.as_list() != nullptr) {
    Json list = Json::array();
    for (const OptionValue& element : *value.as_list()) list.push_back(to_json(element));
    return list;
  }
  if (value.as_table() == nullptr) return nullptr;
  Json table = Json::object();
  for (const OptionValue::Entry& entry : *value.as_table()) table[entry.name] = to_json(entry.value);
  return table;
}

Json table_to_json(const OptionValue::Table& table) { return to_json(OptionValue(table)); }

Json to_json(const Machine& machine) {
  return {{"host", machine.host},
          {"system", machine.system},
          {"processor", machine.processor},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes}};
}

Json to_json(const std::vector<Artifact>& artifacts) {
  Json list = Json::array();
  for (const Artifact& artifact : artifacts) {
    list.push_back({{"name", artifact.name},
                    {"path", artifact.path},
                    {"type", artifact.type},
                    {"size", artifact.size_bytes},
                    {"sha256", artifact.sha256}});
  }
  return list;
}

Json to_json(const std::vector<OutputFile>& outputs) {
  Json list = Json::array();
  for (const OutputFile& output : outputs) {
    list.push_back(
        {{"path", output.path}, {"kind", output.kind}, {"records", output.records}, {"size_bytes", output.size_bytes}});
  }
  return list;
}

Json to_json(const std::vector<StepResult>& results) {
  Json list = Json::array();
  for (const StepResult& result : results) list.push_back({{"name", result.name}, {"rows", parsed(result.rows)}});
  return list;
}

Json overrides_to_json(const ParamOverrides& overrides) {
  Json table = Json::object();
  for (const auto& [name, text] : overrides) table[name] = text;
  return table;
}

Json settings_to_json(const RunOptions& run) {
  Json settings = {{"strategy", run.strategy.name},
                   {"workers", run.strategy.workers},
                   {"batch_size", run.batch_size},
                   {"queue_depth", run.queue_depth},
                   {"memory_limit", run.memory_limit},
                   {"worker_memory", run.worker_memory},
                   {"timeout_seconds", static_cast<double>(run.timeout.count()) / 1e3},
                   {"max_errors", nullptr},
                   {"metrics", run.metrics},
                   {"trace", run.trace},
                   {"monitor", run.monitor.wanted()}};
  if (!run.preset.empty()) settings["preset"] = run.preset;
  if (run.max_errors != static_cast<std::uint64_t>(-1)) settings["max_errors"] = run.max_errors;
  return settings;
}

}  // namespace

std::string steps_to_json(const FileStage& stage) {
  Json steps = Json::array();
  for (const FileStep& step : stage.steps) {
    Json input = nullptr;
    if (step.input != Pipeline::kNone) input = step.input;
    steps.push_back({{"op", step.op},
                     {"options", table_to_json(step.options.entries())},
                     {"input", std::move(input)},
                     {"on_error", static_cast<int>(step.on_error.action)},
                     {"attempts", step.on_error.max_attempts}});
  }
  return steps.dump(-1, ' ', false, Json::error_handler_t::replace);
}

namespace {

// What the stage is to do: its key, or where it has none, a digest of its operators.
std::string input_hash(const FileStage& stage, const StageRun& run) {
  return run.key.empty() ? sha256(steps_to_json(stage)) : run.key;
}

std::string output_hash(const std::vector<Artifact>& artifacts) {
  std::string names;
  for (const Artifact& artifact : artifacts) names += artifact.sha256 + "  " + artifact.name + "\n";
  return sha256(names);
}

Json version_of(const FileStage& stage) { return stage.version.empty() ? Json(nullptr) : Json(stage.version); }

bool has_run(const StageRun& run) { return run.started_micros > 0; }

// Whether the engine of pipelines reported of it.
bool has_report(const StageRun& run) { return has_run(run) && !run.outcome.report.plan.strategy.empty(); }

std::int64_t first_start(const FileRun& run) {
  std::int64_t first = 0;
  for (const StageRun& stage : run.stages) {
    if (has_run(stage) && (first == 0 || stage.started_micros < first)) first = stage.started_micros;
  }
  return first;
}

double total_seconds(const FileRun& run) {
  std::int64_t last = 0;
  for (const StageRun& stage : run.stages) {
    if (has_run(stage))
      last = std::max(last, stage.started_micros + static_cast<std::int64_t>(stage.duration_seconds * 1e6));
  }
  return last == 0 ? 0 : static_cast<double>(last - first_start(run)) / 1e6;
}

}  // namespace

namespace {

// How what stage `need` makes gets to those that need it, and why.
Json passing_to_json(const FileStage& need, const StageRun* made, std::uint64_t max_value) {
  if (need.function == nullptr) return {{"passing", "files"}, {"passing_reason", "its artifacts are files"}};
  if (made == nullptr || made->artifacts.empty())
    return {{"passing", nullptr}, {"passing_reason", "by the size of its value"}};
  std::uint64_t bytes = 0;
  for (const Artifact& artifact : made->artifacts) bytes += artifact.size_bytes;
  const PassingChoice passing = choose_passing(bytes, max_value);
  return {{"passing", to_string(passing.how)}, {"passing_reason", passing.reason}};
}

// Who needs whom, wave by wave.
Json graph_to_json(const RunRecord& record, const FileRun& run) {
  Json list = Json::array();
  if (record.graph == nullptr) return list;
  const StageGraph& graph = *record.graph;
  const auto add = [&](std::size_t i, Json wave) {
    Json needs = Json::array();
    for (const StageGraph::Edge& edge : graph.needs[i]) {
      const FileStage& need = record.file->stages[edge.stage];
      needs.push_back({{"stage", need.name}, {"data", edge.data}});
      if (edge.data) {
        const StageRun* const made = edge.stage < run.stages.size() ? &run.stages[edge.stage] : nullptr;
        needs.back().update(passing_to_json(need, made, record.file->workflow.max_value));
      }
    }
    if (const std::string& stream = record.file->stages[i].stream_from; !stream.empty()) {
      needs.push_back({{"stage", stream},
                       {"data", true},
                       {"passing", "stream"},
                       {"passing_reason", "both are pipelines, and run as one"}});
    }
    list.push_back({{"stage", record.file->stages[i].name},
                    {"kind", kind_of(record.file->stages[i])},
                    {"mode", mode_of(record.file->stages[i]).mode == StageMode::kProcess ? "process" : "function"},
                    {"mode_reason", mode_of(record.file->stages[i]).reason},
                    {"wave", std::move(wave)},
                    {"needs", std::move(needs)}});
  };
  for (std::size_t wave = 0; wave < graph.waves.size(); ++wave) {
    for (const std::size_t i : graph.waves[wave]) add(i, wave + 1);
  }
  for (std::size_t i = 0; i < graph.fallback_of.size(); ++i) {
    if (graph.fallback_of[i] != StageGraph::kNone) add(i, nullptr);
  }
  return list;
}

// Job, inputs and outputs in the terms of OpenLineage, so that others can take them over.
Json lineage_to_json(const RunRecord& record) {
  Json inputs = Json::array();
  for (const std::string& path : record.reads) inputs.push_back({{"namespace", "file"}, {"name", path}});
  Json outputs = Json::array();
  for (const std::string& path : record.writes) outputs.push_back({{"namespace", "file"}, {"name", path}});
  return {{"producer", record.options->program},
          {"job", {{"namespace", record.folder}, {"name", record.file->name}}},
          {"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)}};
}

}  // namespace

std::string run_json(const RunRecord& record, const FileRun& run) {
  const bool ended = run.status != "running";
  const std::int64_t now = now_micros();
  const ProcessIdentity process = this_process();
  Json stages = Json::array();
  for (const FileStage& stage : record.file->stages) stages.push_back(stage.name);
  Json json = {{"version", kFileVersion},
               {"run_id", run.id},
               {"name", record.file->name},
               {"file", record.file->path},
               {"status", run.status},
               {"started_at", utc_text(record.started_micros)},
               {"ended_at", nullptr},
               {"duration_seconds", nullptr},
               {"error", to_json(run.error)},
               {"program", record.options->program},
               {"command", record.options->command},
               {"strategy", record.file->run.strategy.name},
               {"settings", settings_to_json(record.file->run)},
               {"params", table_to_json(record.file->params)},
               {"overrides", overrides_to_json(record.file->overrides)},
               {"folder", record.folder},
               {"resumes", record.options->reuse_run.empty() ? Json(nullptr) : Json(record.options->reuse_run)},
               {"stages", std::move(stages)},
               {"graph", graph_to_json(record, run)},
               {"lineage", lineage_to_json(record)},
               {"writes", record.writes},
               {"machine", to_json(this_machine())},
               {"process", {{"pid", process.pid}, {"start_ticks", process.start_ticks}, {"boot", process.boot}}}};
  if (ended) {
    json["ended_at"] = utc_text(now);
    json["duration_seconds"] = static_cast<double>(now - record.started_micros) / 1e6;
  }
  return json_document(json);
}

namespace {

Json items_to_json(const std::vector<StageRun>& items) {
  Json list = Json::array();
  for (const StageRun& item : items) {
    Json entry = {{"stage", item.name},
                  {"status", to_string(item.status)},
                  {"attempts", item.attempts},
                  {"duration_seconds", item.duration_seconds},
                  {"error", to_json(item.outcome.status)}};
    if (!item.reason.empty()) entry["reason"] = item.reason;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

std::string manifest_json(const RunRecord& record, const FileRun& run) {
  Json stages = Json::array();
  for (std::size_t i = 0; i < record.file->stages.size(); ++i) {
    const FileStage& stage = record.file->stages[i];
    if (i >= run.stages.size() || !has_run(run.stages[i])) {
      Json entry = {{"stage", stage.name}, {"status", "not_run"}, {"attempts", 0}, {"cache_hit", false}};
      if (i < run.stages.size()) {
        entry["status"] = to_string(run.stages[i].status);
        entry["reason"] = run.stages[i].reason;
      }
      stages.push_back(std::move(entry));
      continue;
    }
    const StageRun& done = run.stages[i];
    Json entry = {{"stage", stage.name},
                  {"status", to_string(done.status)},
                  {"attempts", done.attempts},
                  {"cache_hit", done.status == StageStatus::kCached},
                  {"started_at", utc_text(done.started_micros)},
                  {"duration_seconds", done.duration_seconds},
                  {"input_hash", input_hash(stage, done)},
                  {"output_hash", done.ok() ? Json(output_hash(done.artifacts)) : Json(nullptr)},
                  {"artifacts", to_json(done.artifacts)},
                  {"outputs", to_json(done.outcome.report.outputs)},
                  {"error", to_json(done.outcome.status)}};
    if (!done.reason.empty()) entry["reason"] = done.reason;
    if (!done.items.empty()) entry["items"] = items_to_json(done.items);
    stages.push_back(std::move(entry));
  }
  return json_document(
      {{"version", kFileVersion}, {"run_id", run.id}, {"status", run.status}, {"stages", std::move(stages)}});
}

std::string timing_json(const RunRecord& record, const FileRun& run) {
  Json stages = Json::array();
  for (const StageRun& stage : run.stages) {
    if (!has_run(stage)) continue;
    Json operators = Json::array();
    for (const StepReport& step : stage.outcome.report.steps) {
      operators.push_back({{"name", step.name},
                           {"op", step.op},
                           {"segment", step.segment},
                           {"fused", step.fused},
                           {"busy_seconds", step.busy_seconds},
                           {"wait_seconds", step.wait_seconds},
                           {"blocked_seconds", step.blocked_seconds}});
    }
    stages.push_back({{"stage", stage.name},
                      {"started_at", utc_text(stage.started_micros)},
                      {"duration_seconds", stage.duration_seconds},
                      {"wall_seconds", stage.outcome.report.wall_seconds},
                      {"cpu_seconds", stage.outcome.report.cpu_seconds},
                      {"operators", std::move(operators)}});
  }
  return json_document({{"version", kFileVersion},
                        {"run_id", run.id},
                        {"started_at", utc_text(record.started_micros)},
                        {"duration_seconds", total_seconds(run)},
                        {"stages", std::move(stages)}});
}

std::string metrics_json(const FileRun& run) {
  Json stages = Json::array();
  for (const StageRun& stage : run.stages) {
    if (!has_report(stage)) continue;
    stages.push_back({{"stage", stage.name}, {"report", parsed(stage.outcome.report.to_json())}});
  }
  return json_document({{"version", kFileVersion}, {"run_id", run.id}, {"stages", std::move(stages)}});
}

// One process per stage in the timeline, each with its own zero.
std::string trace_json(const FileRun& run) {
  std::string events;
  std::vector<const StageRun*> all;
  for (const StageRun& stage : run.stages) {
    all.push_back(&stage);
    for (const StageRun& item : stage.items) all.push_back(&item);
  }
  const std::int64_t zero = first_start(run);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const StageRun& stage = *all[i];
    if (!has_run(stage)) continue;
    const double offset = static_cast<double>(stage.started_micros - zero);
    const Json named = {
        {"ph", "M"}, {"pid", i + 1}, {"tid", 0}, {"name", "process_name"}, {"args", {{"name", stage.name}}}};
    events += (events.empty() ? "" : ",\n") + named.dump();
    if (has_report(stage)) {
      append_trace_events(events, stage.outcome.report, i + 1, offset);
      continue;
    }
    const Json span = {{"ph", "X"},    {"pid", i + 1},
                       {"tid", 0},     {"name", to_string(stage.status)},
                       {"ts", offset}, {"dur", stage.duration_seconds * 1e6}};
    events += ",\n" + span.dump();
  }
  return trace_of_events(events);
}

namespace {

Json output_of(const FileStage& stage, const StageRun& run, Json data) {
  const Json meta = {{"stage", stage.name},
                     {"version", version_of(stage)},
                     {"created_at", utc_text(now_micros())},
                     {"duration_seconds", run.duration_seconds},
                     {"input_hash", input_hash(stage, run)},
                     {"output_hash", output_hash(run.artifacts)}};
  return {{"version", kFileVersion}, {"_meta", meta}, {"data", std::move(data)}, {"artifacts", to_json(run.artifacts)}};
}

}  // namespace

std::string output_json(const FileStage& stage, const StageRun& run, const std::string& data) {
  return json_document(output_of(stage, run, parsed(data)));
}

std::string data_json(const FileStage& stage, const StageRun& run) {
  if (stage.for_each) return json_document({{"outcome", "done"}, {"items", run.items.size()}});
  if (stage.is_command()) return json_document({{"outcome", "done"}, {"exit_code", 0}});
  if (stage.function != nullptr) {
    std::uint64_t bytes = 0;
    for (const Artifact& artifact : run.artifacts) bytes += artifact.size_bytes;
    return json_document({{"outcome", "done"}, {"value_bytes", bytes}});
  }
  const Report& report = run.outcome.report;
  const Json data = {
      {"outcome", to_string(report.outcome)},      {"records_in", report.records_in},
      {"records_out", report.records_out},         {"records_rejected", report.records_rejected},
      {"records_dropped", report.records_dropped}, {"records_rejected_further_on", report.records_rejected_further_on},
      {"outputs", to_json(report.outputs)},        {"results", to_json(report.results)}};
  return json_document(data);
}

std::string FileRun::to_json() const {
  Json list = Json::array();
  for (const StageRun& stage : stages) {
    list.push_back({{"stage", stage.name},
                    {"status", to_string(stage.status)},
                    {"reason", stage.reason},
                    {"attempts", stage.attempts},
                    {"report", has_report(stage) ? parsed(stage.outcome.report.to_json()) : Json(nullptr)},
                    {"artifacts", penstock::to_json(stage.artifacts)}});
  }
  return json_document({{"version", kFileVersion},
                        {"run_id", id},
                        {"path", path},
                        {"status", status},
                        {"error", penstock::to_json(error)},
                        {"records_rejected", rejected()},
                        {"stages", std::move(list)}});
}

Status close_given_up_run(RunFolder folder, const std::string& status, const Error& error) {
  PENSTOCK_ASSIGN(const std::string text, read_file(folder.path() + "/run.json"));
  Json json = parsed(text);
  if (!json.is_object()) return Error(ErrorCode::kDataLoss, "not the record of a run: " + folder.path() + "/run.json");
  json["status"] = status;
  json["error"] = to_json(Status(error));
  json["ended_at"] = utc_text(now_micros());
  for (const Json& stage : json["stages"]) {
    if (stage.is_string()) folder.remove_temporaries(stage.get<std::string>());
  }
  PENSTOCK_TRY(folder.write("run.json", json_document(json)));
  return folder.publish_latest();
}

std::string plans_to_json(const std::vector<StagePlan>& plans) {
  Json stages = Json::array();
  for (const auto& [stage, plan] : plans) {
    if (plan) stages.push_back({{"stage", stage}, {"plan", parsed(plan->to_json())}});
  }
  return json_document({{"version", kFileVersion}, {"stages", std::move(stages)}});
}

}  // namespace penstock
