// SPDX-License-Identifier: MIT
// Results of stages: taken from the cache or from an earlier run, and kept.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/link_file.h"
#include "store/json_fields.h"
#include "workflow/workflow_run.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

// What the report of the kept result said, as far as others count with it.
void fill_report(Report& report, const std::string& data) {
  const Json json = Json::parse(data, nullptr, false);
  report.records_in = number_in<std::uint64_t>(json, "records_in");
  report.records_out = number_in<std::uint64_t>(json, "records_out");
  report.records_rejected = number_in<std::uint64_t>(json, "records_rejected");
  report.records_rejected_further_on = number_in<std::uint64_t>(json, "records_rejected_further_on");
  report.records_dropped = number_in<std::uint64_t>(json, "records_dropped");
}

// The artifacts that an output.json lists, when it is that of a result with this key.
std::optional<std::vector<Artifact>> artifacts_with_key(const Json& json, const std::string& key) {
  if (!json.is_object() || !json.contains("_meta") || text_in(json["_meta"], "input_hash") != key) return {};
  std::vector<Artifact> artifacts;
  const auto list = json.find("artifacts");
  if (list == json.end() || !list->is_array()) return {};
  for (const Json& each : *list) {
    Artifact artifact;
    artifact.name = text_in(each, "name");
    artifact.type = text_in(each, "type");
    artifact.sha256 = text_in(each, "sha256");
    const auto size = each.is_object() ? each.find("size") : each.end();
    if (artifact.name.empty() || size == each.end() || !size->is_number_unsigned()) return {};
    artifact.size_bytes = size->get<std::uint64_t>();
    artifacts.push_back(std::move(artifact));
  }
  return artifacts;
}

// The fields of a key beside the result, for `penstock why`.
std::string key_json(const StageKey& key, const std::string& decision) {
  Json fields = Json::array();
  for (const auto& [name, value] : key.fields) fields.push_back({{"name", name}, {"value", value}});
  return Json({{"version", 1}, {"key", key.digest}, {"decision", decision}, {"fields", std::move(fields)}})
             .dump(1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace

Status WorkflowRun::note(std::string_view event, const Journal::Facts& facts) { return journal_->add(event, facts); }

Status WorkflowRun::write_output(std::size_t i, const std::string& data) {
  StageRun& run = run_.stages[i];
  return folder_.write(run.name + "/output.json", output_json(file_.stages[i], run, data));
}

Status WorkflowRun::take_kept_result(std::size_t i, bool& taken) {
  const FileStage& stage = file_.stages[i];
  // Files of operators alone are run as they always were: whoever starts them wants to see them run.
  if (file_.stages.size() == 1 && !stage.is_command() && !stage.cache) return {};
  State& state = states_[i];
  PENSTOCK_TRY(check_needs(i));
  PENSTOCK_ASSIGN(NamedResult named, name_result(file_, stage, folder_.path(), index_));
  if (!named.why_not.empty()) {
    return note("not_named", {{"stage", stage.name}, {"reason", named.why_not}});
  }
  state.named = std::move(named);
  run_.stages[i].key = state.named->key.digest;
  std::string decision = state.forced ? "it was to run again" : "no result of this key";
  if (!state.forced) {
    const std::string why_not = why_not_cached(file_, stage);
    if (why_not.empty()) {
      PENSTOCK_TRY(take_from_cache(i, taken));
    } else {
      decision = "not cached: " + why_not;
    }
    if (!taken) PENSTOCK_TRY(take_from_runs(i, taken));
    if (state.replace) decision = "the kept result was damaged";
  }
  if (taken) decision = "taken over";
  return folder_.write(stage.name + "/key.json", key_json(state.named->key, decision));
}

// Nobody may have changed what the stages before made; a result of that would be nobody's.
Status WorkflowRun::check_needs(std::size_t i) {
  for (const StageGraph::Edge& edge : graph_.needs[i]) {
    if (!edge.data || !run_.stages[edge.stage].ok()) continue;
    for (const Artifact& artifact : run_.stages[edge.stage].artifacts) {
      const std::string path = folder_.path() + "/" + artifact.path;
      const Result<FileDigest> digest = index_.digest(path);
      if (digest && digest->sha256 == artifact.sha256) continue;
      return Error(ErrorCode::kDataLoss,
                   fmt::format("{} is not what stage \"{}\" made", path, run_.stages[edge.stage].name))
          .at(file_.stages[i].name)
          .hint("something changed it; penstock resume makes it again");
    }
  }
  return {};
}

Status WorkflowRun::take(std::size_t i, std::vector<Artifact> artifacts, const std::string& from,
                         const std::string& data, bool& taken) {
  StageRun& run = run_.stages[i];
  const Status restored = restore_artifacts(artifacts, from, folder_.artifacts_of(run.name), index_);
  if (!restored) {
    // Damaged or gone meanwhile: the stage runs; all else is an error of this run's own files.
    const ErrorCode code = restored.error().code();
    if (code != ErrorCode::kDataLoss && code != ErrorCode::kNotFound) return restored;
    states_[i].replace = true;
    return note("damaged", {{"stage", run.name}, {"reason", restored.error().message()}});
  }
  run.artifacts = std::move(artifacts);
  for (Artifact& artifact : run.artifacts) artifact.path = run.name + "/artifacts/" + artifact.name;
  fill_report(run.outcome.report, data);
  PENSTOCK_TRY(write_output(i, data));
  taken = true;
  return {};
}

Status WorkflowRun::take_from_cache(std::size_t i, bool& taken) {
  const StageKey& key = states_[i].named->key;
  const Result<std::optional<CacheEntry>> entry = cache_.find(key);
  if (!entry) {
    if (entry.error().code() != ErrorCode::kDataLoss) return entry.error();
    states_[i].replace = true;
    return note("damaged", {{"stage", run_.stages[i].name}, {"reason", entry.error().message()}});
  }
  if (!*entry) return {};
  PENSTOCK_TRY(take(i, (*entry)->artifacts, cache_.artifacts_of(**entry), (*entry)->data, taken));
  if (!taken) return {};
  cache_.touch(**entry);
  end_stage(i, StageStatus::kCached, "kept from run " + (*entry)->run_id);
  return {};
}

Status WorkflowRun::take_from_runs(std::size_t i, bool& taken) {
  const StageRun& run = run_.stages[i];
  for (const std::string& id : reuse_) {
    const RunFolder other(options_.store, id);
    const Result<std::string> text = read_file(other.path() + "/" + run.name + "/output.json");
    if (!text) continue;
    const Json json = Json::parse(*text, nullptr, false);
    std::optional<std::vector<Artifact>> artifacts = artifacts_with_key(json, run.key);
    if (!artifacts || text_in(json["data"], "outcome") != "done") continue;
    PENSTOCK_TRY(take(i, std::move(*artifacts), other.artifacts_of(run.name), json["data"].dump(), taken));
    if (!taken) continue;
    end_stage(i, StageStatus::kCached, "taken over from run " + id);
    return {};
  }
  return {};
}

Status WorkflowRun::keep_result(std::size_t i) {
  const FileStage& stage = file_.stages[i];
  const State& state = states_[i];
  StageRun& run = run_.stages[i];
  const bool drained = run.outcome.report.outcome == Report::Outcome::kDrained;
  const bool cached = state.named && !drained && why_not_cached(file_, stage).empty();
  PENSTOCK_ASSIGN(run.artifacts, folder_.artifacts(stage.name));
  for (const Artifact& artifact : run.artifacts) {
    const std::string path = folder_.path() + "/" + artifact.path;
    // The cache will share the file: nobody is to write to it.
    if (cached) PENSTOCK_TRY(make_read_only(path));
    if (state.named) PENSTOCK_TRY(index_.remember(path, artifact.sha256));
    if (file_.workflow.durable) {
      PENSTOCK_ASSIGN(File file, File::open(path));
      PENSTOCK_TRY(file.sync());
      PENSTOCK_TRY(sync_folder(folder_of(path)));
    }
  }
  const std::string data = data_json(stage, run);
  if (cached) {
    CacheEntry entry;
    entry.key = state.named->key;
    entry.stage = stage.name;
    entry.run_id = run_.id;
    entry.created_at = utc_text(now_micros());
    entry.duration_seconds = run.duration_seconds;
    entry.data = data;
    entry.artifacts = run.artifacts;
    PENSTOCK_TRY(cache_.put(entry, folder_.artifacts_of(stage.name), index_, true, file_.workflow.durable));
  }
  return write_output(i, data);
}

}  // namespace penstock
