// SPDX-License-Identifier: MIT
#include "workflow/run_files.h"

#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/machine.h"
#include "store/digest.h"
#include "stream/trace_text.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// Paths and messages may hold bytes that are no UTF-8; a file of the run is valid JSON all the same.
std::string text_of(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

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
                   {"trace", run.trace}};
  if (run.max_errors != static_cast<std::uint64_t>(-1)) settings["max_errors"] = run.max_errors;
  return settings;
}

// What the stage is to do: the same text gives the same hash, whatever runs it and where its outputs go.
std::string input_hash(const FileStage& stage) {
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
  return sha256(steps.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string output_hash(const std::vector<Artifact>& artifacts) {
  std::string names;
  for (const Artifact& artifact : artifacts) names += artifact.sha256 + "  " + artifact.name + "\n";
  return sha256(names);
}

const char* status_of(const StageRun& run) {
  return run.outcome.status                                          ? to_string(run.outcome.report.outcome)
         : run.outcome.report.outcome == Report::Outcome::kCancelled ? "cancelled"
                                                                     : "failed";
}

double total_seconds(const FileRun& run) {
  double seconds = 0;
  for (const StageRun& stage : run.stages) seconds += stage.duration_seconds;
  return seconds;
}

}  // namespace

std::string run_json(const RunRecord& record, const FileRun& run) {
  const bool ended = run.status != "running";
  const std::int64_t now = now_micros();
  const ProcessIdentity process = this_process();
  Json stages = Json::array();
  for (const FileStage& stage : record.file->stages) stages.push_back(stage.name);
  Json json = {{"version", kVersion},
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
               {"stages", std::move(stages)},
               {"writes", record.writes},
               {"machine", to_json(this_machine())},
               {"process", {{"pid", process.pid}, {"start_ticks", process.start_ticks}, {"boot", process.boot}}}};
  if (ended) {
    json["ended_at"] = utc_text(now);
    json["duration_seconds"] = static_cast<double>(now - record.started_micros) / 1e6;
  }
  return text_of(json);
}

std::string manifest_json(const RunRecord& record, const FileRun& run) {
  Json stages = Json::array();
  for (std::size_t i = 0; i < record.file->stages.size(); ++i) {
    const FileStage& stage = record.file->stages[i];
    if (i >= run.stages.size()) {
      stages.push_back({{"stage", stage.name}, {"status", "not_run"}, {"attempts", 0}, {"cache_hit", false}});
      continue;
    }
    const StageRun& done = run.stages[i];
    stages.push_back({{"stage", stage.name},
                      {"status", status_of(done)},
                      {"attempts", 1},
                      {"cache_hit", false},
                      {"started_at", utc_text(done.started_micros)},
                      {"duration_seconds", done.duration_seconds},
                      {"input_hash", input_hash(stage)},
                      {"output_hash", done.outcome.status ? Json(output_hash(done.artifacts)) : Json(nullptr)},
                      {"artifacts", to_json(done.artifacts)},
                      {"outputs", to_json(done.outcome.report.outputs)},
                      {"error", to_json(done.outcome.status)}});
  }
  return text_of({{"version", kVersion}, {"run_id", run.id}, {"status", run.status}, {"stages", std::move(stages)}});
}

std::string timing_json(const RunRecord& record, const FileRun& run) {
  Json stages = Json::array();
  for (const StageRun& stage : run.stages) {
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
  return text_of({{"version", kVersion},
                  {"run_id", run.id},
                  {"started_at", utc_text(record.started_micros)},
                  {"duration_seconds", total_seconds(run)},
                  {"stages", std::move(stages)}});
}

std::string metrics_json(const FileRun& run) {
  Json stages = Json::array();
  for (const StageRun& stage : run.stages) {
    stages.push_back({{"stage", stage.name}, {"report", parsed(stage.outcome.report.to_json())}});
  }
  return text_of({{"version", kVersion}, {"run_id", run.id}, {"stages", std::move(stages)}});
}

// One process per stage in the timeline, each with its own zero.
std::string trace_json(const FileRun& run) {
  std::string events;
  for (std::size_t i = 0; i < run.stages.size(); ++i) {
    const StageRun& stage = run.stages[i];
    const double offset = static_cast<double>(stage.started_micros - run.stages.front().started_micros);
    const Json named = {
        {"ph", "M"}, {"pid", i + 1}, {"tid", 0}, {"name", "process_name"}, {"args", {{"name", stage.name}}}};
    events += (events.empty() ? "" : ",\n") + named.dump();
    append_trace_events(events, stage.outcome.report, i + 1, offset);
  }
  return trace_of_events(events);
}

std::string output_json(const FileStage& stage, const StageRun& run) {
  const Report& report = run.outcome.report;
  const Json meta = {{"stage", stage.name},
                     {"version", nullptr},
                     {"created_at", utc_text(now_micros())},
                     {"duration_seconds", run.duration_seconds},
                     {"input_hash", input_hash(stage)},
                     {"output_hash", output_hash(run.artifacts)}};
  const Json data = {{"outcome", to_string(report.outcome)},      {"records_in", report.records_in},
                     {"records_out", report.records_out},         {"records_rejected", report.records_rejected},
                     {"records_dropped", report.records_dropped}, {"outputs", to_json(report.outputs)},
                     {"results", to_json(report.results)}};
  return text_of({{"version", kVersion}, {"_meta", meta}, {"data", data}, {"artifacts", to_json(run.artifacts)}});
}

std::string FileRun::to_json() const {
  Json list = Json::array();
  for (const StageRun& stage : stages) {
    list.push_back({{"stage", stage.name},
                    {"status", status_of(stage)},
                    {"report", parsed(stage.outcome.report.to_json())},
                    {"artifacts", penstock::to_json(stage.artifacts)}});
  }
  return text_of({{"version", kVersion},
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
  PENSTOCK_TRY(folder.write("run.json", text_of(json)));
  return folder.publish_latest();
}

std::string plans_to_json(const std::vector<StagePlan>& plans) {
  Json stages = Json::array();
  for (const auto& [stage, plan] : plans) {
    if (plan) stages.push_back({{"stage", stage}, {"plan", parsed(plan->to_json())}});
  }
  return text_of({{"version", kVersion}, {"stages", std::move(stages)}});
}

}  // namespace penstock
