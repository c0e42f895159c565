// SPDX-License-Identifier: MIT
#include "workflow/run_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/machine.h"
#include "store/digest.h"
#include "store/json_fields.h"
#include "store/json_writer.h"
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

// What there may be thousands of is written straight away; the rest is made as values first.

void put(JsonWriter& out, std::string_view name, const Json& value) {
  out.key(name).json(value.dump(2, ' ', false, Json::error_handler_t::replace));
}

void put(JsonWriter& out, std::string_view name, const Status& status) {
  if (status) {
    out.key(name).null();
  } else {
    put(out, name, to_json(status));
  }
}

void put(JsonWriter& out, std::string_view name, const std::vector<Artifact>& artifacts) {
  out.key(name).begin_array();
  for (const Artifact& artifact : artifacts) {
    out.begin_object().member("name", artifact.name).member("path", artifact.path).member("type", artifact.type);
    out.member("size", artifact.size_bytes).member("sha256", artifact.sha256).end_object();
  }
  out.end_array();
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
void put_passing(JsonWriter& out, const FileStage& need, const StageRun* made, std::uint64_t max_value) {
  if (need.function == nullptr) {
    out.member("passing", "files").member("passing_reason", "its artifacts are files");
  } else if (made == nullptr || made->artifacts.empty()) {
    out.key("passing").null().member("passing_reason", "by the size of its value");
  } else {
    std::uint64_t bytes = 0;
    for (const Artifact& artifact : made->artifacts) bytes += artifact.size_bytes;
    const PassingChoice passing = choose_passing(bytes, max_value);
    out.member("passing", to_string(passing.how)).member("passing_reason", passing.reason);
  }
}

void put_stage_of_graph(JsonWriter& out, const RunRecord& record, const FileRun& run, std::size_t i, std::size_t wave) {
  const FileStage& stage = record.file->stages[i];
  const StagePlace place = mode_of(stage);
  out.begin_object().member("stage", stage.name).member("kind", kind_of(stage));
  out.member("mode", place.mode == StageMode::kProcess ? "process" : "function").member("mode_reason", place.reason);
  if (wave == 0) {
    out.key("wave").null();
  } else {
    out.member("wave", wave);
  }
  out.key("needs").begin_array();
  for (const StageGraph::Edge& edge : record.graph->needs[i]) {
    const FileStage& need = record.file->stages[edge.stage];
    out.begin_object().member("stage", need.name).member("data", edge.data);
    const StageRun* const made = edge.stage < run.stages.size() ? &run.stages[edge.stage] : nullptr;
    if (edge.data) put_passing(out, need, made, record.file->workflow.max_value);
    out.end_object();
  }
  if (!stage.stream_from.empty()) {
    out.begin_object().member("stage", stage.stream_from).member("data", true).member("passing", "stream");
    out.member("passing_reason", "both are pipelines, and run as one").end_object();
  }
  out.end_array().end_object();
}

// Who needs whom, wave by wave; a fallback is in none.
void put_graph(JsonWriter& out, const RunRecord& record, const FileRun& run) {
  out.key("graph").begin_array();
  if (record.graph != nullptr) {
    const StageGraph& graph = *record.graph;
    for (std::size_t wave = 0; wave < graph.waves.size(); ++wave) {
      for (const std::size_t i : graph.waves[wave]) put_stage_of_graph(out, record, run, i, wave + 1);
    }
    for (std::size_t i = 0; i < graph.fallback_of.size(); ++i) {
      if (graph.fallback_of[i] != StageGraph::kNone) put_stage_of_graph(out, record, run, i, 0);
    }
  }
  out.end_array();
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
  JsonWriter out;
  out.begin_object().member("version", kFileVersion).member("run_id", run.id).member("name", record.file->name);
  out.member("file", record.file->path).member("status", run.status);
  out.member("started_at", utc_text(record.started_micros));
  if (ended) {
    out.member("ended_at", utc_text(now));
    out.member("duration_seconds", static_cast<double>(now - record.started_micros) / 1e6);
  } else {
    out.key("ended_at").null().key("duration_seconds").null();
  }
  put(out, "error", run.error);
  out.member("program", record.options->program).texts("command", record.options->command);
  out.member("strategy", record.file->run.strategy.name);
  put(out, "settings", settings_to_json(record.file->run));
  put(out, "params", table_to_json(record.file->params));
  put(out, "overrides", overrides_to_json(record.file->overrides));
  out.member("folder", record.folder);
  put(out, "resumes", record.options->reuse_run.empty() ? Json(nullptr) : Json(record.options->reuse_run));
  out.key("stages").begin_array();
  for (const FileStage& stage : record.file->stages) out.value(stage.name);
  out.end_array();
  put_graph(out, record, run);
  put(out, "lineage", lineage_to_json(record));
  out.texts("writes", record.writes);
  put(out, "machine", to_json(this_machine()));
  put(out, "process", {{"pid", process.pid}, {"start_ticks", process.start_ticks}, {"boot", process.boot}});
  out.end_object();
  return std::move(out).document();
}

namespace {

void put_items(JsonWriter& out, const std::vector<StageRun>& items) {
  out.key("items").begin_array();
  for (const StageRun& item : items) {
    out.begin_object().member("stage", item.name).member("status", to_string(item.status));
    out.member("attempts", item.attempts).member("duration_seconds", item.duration_seconds);
    put(out, "error", item.outcome.status);
    if (!item.reason.empty()) out.member("reason", item.reason);
    out.end_object();
  }
  out.end_array();
}

void put_stage(JsonWriter& out, const FileStage& stage, const StageRun& done) {
  out.begin_object().member("stage", stage.name).member("status", to_string(done.status));
  if (!has_run(done)) {
    out.member("attempts", 0).member("cache_hit", false).member("reason", done.reason).end_object();
    return;
  }
  out.member("attempts", done.attempts).member("cache_hit", done.status == StageStatus::kCached);
  out.member("started_at", utc_text(done.started_micros)).member("duration_seconds", done.duration_seconds);
  out.member("input_hash", input_hash(stage, done));
  if (done.ok()) {
    out.member("output_hash", output_hash(done.artifacts));
  } else {
    out.key("output_hash").null();
  }
  put(out, "artifacts", done.artifacts);
  put(out, "outputs", to_json(done.outcome.report.outputs));
  put(out, "error", done.outcome.status);
  if (!done.reason.empty()) out.member("reason", done.reason);
  if (!done.items.empty()) put_items(out, done.items);
  out.end_object();
}

}  // namespace

std::string manifest_json(const RunRecord& record, const FileRun& run) {
  JsonWriter out;
  out.begin_object().member("version", kFileVersion).member("run_id", run.id).member("status", run.status);
  out.key("stages").begin_array();
  for (std::size_t i = 0; i < record.file->stages.size(); ++i) {
    const FileStage& stage = record.file->stages[i];
    if (i < run.stages.size()) {
      put_stage(out, stage, run.stages[i]);
    } else {
      out.begin_object().member("stage", stage.name).member("status", "not_run");
      out.member("attempts", 0).member("cache_hit", false).end_object();
    }
  }
  out.end_array().end_object();
  return std::move(out).document();
}

std::string timing_json(const RunRecord& record, const FileRun& run) {
  JsonWriter out;
  out.begin_object().member("version", kFileVersion).member("run_id", run.id);
  out.member("started_at", utc_text(record.started_micros)).member("duration_seconds", total_seconds(run));
  out.key("stages").begin_array();
  for (const StageRun& stage : run.stages) {
    if (!has_run(stage)) continue;
    const Report& report = stage.outcome.report;
    out.begin_object().member("stage", stage.name).member("started_at", utc_text(stage.started_micros));
    out.member("duration_seconds", stage.duration_seconds).member("wall_seconds", report.wall_seconds);
    out.member("cpu_seconds", report.cpu_seconds).key("operators").begin_array();
    for (const StepReport& step : report.steps) {
      out.begin_object().member("name", step.name).member("op", step.op).member("segment", step.segment);
      out.member("fused", step.fused).member("busy_seconds", step.busy_seconds);
      out.member("wait_seconds", step.wait_seconds).member("blocked_seconds", step.blocked_seconds).end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return std::move(out).document();
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
    JsonWriter named(JsonWriter::Form::kCompact);
    named.begin_object().member("ph", "M").member("pid", i + 1).member("tid", 0).member("name", "process_name");
    named.key("args").begin_object().member("name", stage.name).end_object().end_object();
    events += (events.empty() ? "" : ",\n") + named.text();
    if (has_report(stage)) {
      append_trace_events(events, stage.outcome.report, i + 1, offset);
      continue;
    }
    JsonWriter span(JsonWriter::Form::kCompact);
    span.begin_object().member("ph", "X").member("pid", i + 1).member("tid", 0);
    span.member("name", to_string(stage.status)).member("ts", offset).member("dur", stage.duration_seconds * 1e6);
    events += ",\n" + span.end_object().text();
  }
  return trace_of_events(events);
}

std::string output_json(const FileStage& stage, const StageRun& run, const std::string& data) {
  JsonWriter out(JsonWriter::Form::kCompact);
  out.begin_object().member("version", kFileVersion).key("_meta").begin_object().member("stage", stage.name);
  if (stage.version.empty()) {
    out.key("version").null();
  } else {
    out.member("version", stage.version);
  }
  out.member("created_at", utc_text(now_micros())).member("duration_seconds", run.duration_seconds);
  out.member("input_hash", input_hash(stage, run)).member("output_hash", output_hash(run.artifacts)).end_object();
  out.key("data").json(data);
  put(out, "artifacts", run.artifacts);
  return std::move(out.end_object()).text();
}

std::string key_json(const StageKey& key, const std::string& decision) {
  JsonWriter out(JsonWriter::Form::kCompact);
  out.begin_object().member("version", 1).member("key", key.digest).member("decision", decision);
  out.key("fields").begin_array();
  for (const auto& [name, value] : key.fields)
    out.begin_object().member("name", name).member("value", value).end_object();
  out.end_array().end_object();
  return std::move(out).text();
}

std::string data_json(const FileStage& stage, const StageRun& run) {
  if (stage.for_each || stage.is_command() || stage.function != nullptr) {
    JsonWriter out(JsonWriter::Form::kCompact);
    out.begin_object().member("outcome", "done");
    if (stage.for_each) {
      out.member("items", run.items.size());
    } else if (stage.is_command()) {
      out.member("exit_code", 0);
    } else {
      std::uint64_t bytes = 0;
      for (const Artifact& artifact : run.artifacts) bytes += artifact.size_bytes;
      out.member("value_bytes", bytes);
    }
    return std::move(out.end_object()).text();
  }
  const Report& report = run.outcome.report;
  const Json data = {
      {"outcome", to_string(report.outcome)},      {"records_in", report.records_in},
      {"records_out", report.records_out},         {"records_rejected", report.records_rejected},
      {"records_dropped", report.records_dropped}, {"records_rejected_further_on", report.records_rejected_further_on},
      {"outputs", to_json(report.outputs)},        {"results", to_json(report.results)}};
  return data.dump(-1, ' ', false, Json::error_handler_t::replace);
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
