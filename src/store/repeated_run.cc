// SPDX-License-Identifier: MIT
// Runs in which nothing had to be done: a second name of the run that they repeat, and what is not the same beside it.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/machine.h"
#include "store/json_fields.h"
#include "store/json_writer.h"
#include "store/run_store.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of_record(const std::string& id, const std::string& of, const RepeatRecord& record) {
  const std::int64_t now = now_micros();
  const ProcessIdentity process = this_process();
  JsonWriter out;
  out.begin_object().member("version", 1).member("run_id", id).member("repeats", of).member("status", "done");
  out.member("started_at", utc_text(record.started_micros)).member("ended_at", utc_text(now));
  out.member("duration_seconds", static_cast<double>(now - record.started_micros) / 1e6);
  out.member("program", record.program).texts("command", record.command);
  out.key("process").begin_object().member("pid", process.pid).member("start_ticks", process.start_ticks);
  out.member("boot", process.boot).end_object().end_object();
  return std::move(out).document();
}

void repeat_run(Json& run, const Json& record) {
  for (const auto& [name, value] : record.items()) run[name] = value;
  run["error"] = nullptr;
  run["resumes"] = nullptr;
}

// Each stage was kept: from that run, or from where that run has it.
void repeat_stages(Json& manifest, const Json& record) {
  const auto stages = manifest.find("stages");
  if (stages == manifest.end() || !stages->is_array()) return;
  for (Json& stage : *stages) {
    const std::string status = text_in(stage, "status");
    if (status != "done" && status != "cached") continue;
    stage["status"] = "cached";
    stage["attempts"] = 0;
    stage["cache_hit"] = true;
    stage["started_at"] = text_in(record, "started_at");
    stage["duration_seconds"] = 0;
    if (status == "done") stage["reason"] = "kept from run " + text_in(record, "repeats");
  }
}

// The files of the run that is repeated, as this one would have written them.
void repeat(std::string_view name, Json& json, const Json& record) {
  if (name == "run.json") return repeat_run(json, record);
  json["run_id"] = text_in(record, "run_id");
  if (name == "manifest.json") return repeat_stages(json, record);
  json["stages"] = Json::array();  // nothing took its time
  if (name != "timing.json") return;
  json["started_at"] = text_in(record, "started_at");
  json["duration_seconds"] = 0;
}

bool says_whose_run(std::string_view name) {
  return name == "run.json" || name == "manifest.json" || name == "timing.json" || name == "metrics.json";
}

}  // namespace

Result<RunFolder> RunStore::create_repeat(const std::string& of, const RepeatRecord& record, bool durable) {
  constexpr int kMostAttempts = 100;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    RunFolder run(root_, make_run_id(now_micros()));
    if (::access(run.path().c_str(), F_OK) == 0) continue;
    // The record first: a link without one would be taken for the run itself.
    PENSTOCK_TRY(write_file(record_of_repeat(run.id()), text_of_record(run.id(), of, record), {.durable = durable}));
    const bool linked = ::symlink(of.c_str(), run.path().c_str()) == 0;
    const int why = linked ? 0 : errno;
    if (linked && ::access((run.path() + "/run.json").c_str(), F_OK) == 0) {
      if (durable) PENSTOCK_TRY(sync_folder(root_ + "/runs"));
      return run;
    }
    // It was removed meanwhile; who removes it makes the link a folder when he has seen it.
    if (linked && ::unlink(run.path().c_str()) != 0) {
      if (errno == EISDIR || errno == EPERM) return run;
      if (errno != ENOENT) return file_error(errno, "remove", run.path());
    }
    ::unlink(record_of_repeat(run.id()).c_str());
    if (linked) return Error(ErrorCode::kNotFound, fmt::format("run {} was removed meanwhile", of));
    if (why != EEXIST) return file_error(why, "make the link", run.path());
  }
  return Error(ErrorCode::kUnavailable, fmt::format("no free run id in {}/runs", root_)).hint("try again in a second");
}

std::string RunStore::path_of_page(std::string_view id) const {
  const RunFolder run(root_, std::string(id));
  return run.repeats().empty() ? run.path() + "/report.html" : page_of_repeat(id);
}

Result<std::string> RunStore::read_text(std::string_view id, std::string_view name) const {
  PENSTOCK_ASSIGN(std::string text, read_file(RunFolder(root_, std::string(id)).path() + "/" + std::string(name)));
  if (!says_whose_run(name)) return text;
  const Result<std::string> said = read_file(record_of_repeat(id));
  const Json record = said ? Json::parse(*said, nullptr, false) : Json();
  if (!record.is_object()) return text;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return text;
  repeat(name, json, record);
  return json_document(json);
}

}  // namespace penstock
