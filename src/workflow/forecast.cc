// SPDX-License-Identifier: MIT
#include "workflow/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/nearest_name.h"
#include "base/printable.h"
#include "store/json_fields.h"
#include "store/stage_cache.h"
#include "stream/table.h"
#include "workflow/command_stage.h"
#include "workflow/file_run.h"
#include "workflow/kept_output.h"
#include "workflow/stage_graph.h"
#include "workflow/stage_key.h"
#include "workflow/when.h"

namespace penstock {
namespace {

// Stands for the folder of the run that is not made; no path of a file can be below it by accident.
constexpr const char* kNoRun = "/\x01run";

class Forecaster final : private MadeResults {
 public:
  Forecaster(const PipelineFile& file, const FileRunOptions& options, StageGraph graph)
      : file_(file),
        graph_(std::move(graph)),
        store_(options.store),
        cache_(options.store),
        index_(options.store + "/digests"),
        made_(file.stages.size()),
        what_(file.stages.size(), Foresight::kRuns),
        forced_(file.stages.size(), false) {
    for (std::size_t i = 0; i < file.stages.size(); ++i) numbers_.emplace(file.stages[i].name, i);
    if (!options.from_stage.empty()) forced_ = graph_.downstream_of(numbers_.at(options.from_stage));
    if (!options.reuse_run.empty()) reuse_ = store_.lineage(options.reuse_run);
  }

  Result<std::vector<StageForecast>> make() {
    PENSTOCK_ASSIGN(runs_, store_.list());
    std::vector<StageForecast> forecast;
    for (const std::vector<std::size_t>& wave : graph_.waves) {
      for (const std::size_t i : wave) {
        forecast.push_back(foresee(i));
        what_[i] = forecast.back().what;
      }
    }
    (void)index_.save();  // only a help for the next time
    return forecast;
  }

 private:
  const std::vector<Artifact>* artifacts_of(const std::string& stage) const override {
    const std::size_t i = numbers_.at(stage);
    return what_[i] == Foresight::kKept ? &made_[i] : nullptr;
  }
  const FileStage& stage_of(const std::string& stage) const override { return file_.stages[numbers_.at(stage)]; }

  StageForecast foresee(std::size_t i) {
    const FileStage& stage = file_.stages[i];
    StageForecast forecast;
    forecast.stage = stage.name;
    const auto say = [&](Foresight what, std::string reason) {
      forecast.what = what;
      forecast.reason = std::move(reason);
      return forecast;
    };
    const Result<bool> wanted = holds(stage, file_.params);
    if (!wanted) return say(Foresight::kFails, wanted.error().message());
    if (!*wanted) return say(Foresight::kSkipped, fmt::format("when = {} does not hold", stage.when));
    std::string waits_for;
    for (const StageGraph::Edge& edge : stage.last ? std::vector<StageGraph::Edge>() : graph_.needs[i]) {
      const std::string& need = file_.stages[edge.stage].name;
      const Foresight what = what_[edge.stage];
      if (what == Foresight::kSkipped && edge.data && !edge.optional)
        return say(Foresight::kSkipped, fmt::format("stage \"{}\", whose artifacts it needs, is skipped", need));
      if (what == Foresight::kFails) return say(Foresight::kFails, fmt::format("stage \"{}\" fails", need));
      if (edge.data && (what == Foresight::kRuns || what == Foresight::kDepends)) waits_for = need;
    }
    if (forced_[i]) return say(Foresight::kRuns, "--from asks for it");
    if (stage.for_each) return say(Foresight::kDepends, "its items are known when it is their turn");
    if (!waits_for.empty())
      return say(Foresight::kDepends, fmt::format("on what stage \"{}\" makes: the same as before, or not", waits_for));
    return compare(i, std::move(forecast));
  }

  // All that it reads is known, and so is its key.
  StageForecast compare(std::size_t i, StageForecast forecast) {
    const FileStage& stage = file_.stages[i];
    const Result<NamedResult> named = name_result(file_, stage, kNoRun, *this, index_, &programs_);
    if (!named) {
      forecast.what = Foresight::kFails;
      forecast.reason = named.error().message();
      return forecast;
    }
    if (!named->why_not.empty()) {
      forecast.reason = "nothing can be kept of it: " + named->why_not;
      return forecast;
    }
    forecast.key = named->key.digest;
    std::string why_not = why_not_cached(file_, stage);
    std::string kept = why_not.empty() ? find_kept(i, named->key, why_not) : std::string();
    if (kept.empty()) kept = find_in_runs(i, named->key);
    if (!kept.empty()) {
      forecast.what = Foresight::kKept;
      forecast.reason = kept;
      return forecast;
    }
    const EarlierKey earlier = newest_key(store_, runs_, file_.name, stage.name);
    forecast.compared_with = earlier.run_id;
    if (!earlier.run_id.empty()) forecast.differences = differences_of(earlier.fields, named->key.fields);
    if (!why_not.empty()) {
      forecast.reason = why_not;
    } else if (earlier.run_id.empty()) {
      forecast.reason = "no run has made it before";
    } else if (forecast.differences.empty()) {
      forecast.reason = fmt::format("its key is that of run {}, but the result was not kept", earlier.run_id);
    } else {
      const KeyDifference& first = forecast.differences.front();
      forecast.reason = fmt::format("{} is not that of run {}: {} -> {}", first.field, earlier.run_id,
                                    shown_value(first.before), shown_value(first.now));
    }
    return forecast;
  }

  // Says from which run the kept result is; empty when there is none that is whole, with why in `why_not`.
  std::string find_kept(std::size_t i, const StageKey& key, std::string& why_not) {
    const Result<std::optional<CacheEntry>> entry = cache_.find(key);
    if (!entry) return why_not = "the kept result is damaged: " + entry.error().message(), std::string();
    if (!*entry) return {};
    const Status whole = check_artifacts((*entry)->artifacts, cache_.artifacts_of(**entry), index_);
    if (!whole) return why_not = "the kept result is damaged: " + whole.error().message(), std::string();
    made_[i] = (*entry)->artifacts;
    return "kept from run " + (*entry)->run_id;
  }

  std::string find_in_runs(std::size_t i, const StageKey& key) {
    const std::string& name = file_.stages[i].name;
    for (const std::string& id : reuse_) {
      const RunFolder run(store_.root(), id);
      std::optional<KeptOutput> output = read_kept_output(run, name, key.digest);
      if (!output || !check_artifacts(output->artifacts, run.artifacts_of(name), index_)) continue;
      made_[i] = std::move(output->artifacts);
      return "taken over from run " + id;
    }
    return {};
  }

  const PipelineFile& file_;
  const StageGraph graph_;
  const RunStore store_;
  const StageCache cache_;
  DigestIndex index_;
  FoundPrograms programs_;
  std::vector<StoredRun> runs_;
  std::vector<std::string> reuse_;
  std::vector<std::vector<Artifact>> made_;  // by stage
  std::vector<Foresight> what_;              // by stage
  std::vector<bool> forced_;
  std::map<std::string, std::size_t> numbers_;
};

}  // namespace

const char* to_string(Foresight foresight) noexcept {
  switch (foresight) {
    case Foresight::kRuns: return "runs";
    case Foresight::kKept: return "kept";
    case Foresight::kDepends: return "depends";
    case Foresight::kSkipped: return "skipped";
    case Foresight::kFails: return "fails";
  }
  return "unknown";
}

Result<std::vector<StageForecast>> forecast_run(const PipelineFile& file, const FileRunOptions& options) {
  PENSTOCK_ASSIGN(StageGraph graph, make_stage_graph(file));
  PENSTOCK_TRY(check_from_stage(file, options));
  return Forecaster(file, options, std::move(graph)).make();
}

std::string forecast_to_text(const std::vector<StageForecast>& forecast) {
  Table table({"stage", "would", "why"});
  std::size_t kept = 0;
  std::size_t runs = 0;
  for (const StageForecast& each : forecast) {
    kept += each.what == Foresight::kKept ? 1 : 0;
    runs += each.what == Foresight::kRuns ? 1 : 0;
    const std::string word = each.what == Foresight::kRuns      ? "run"
                             : each.what == Foresight::kKept    ? "be kept"
                             : each.what == Foresight::kDepends ? "depend"
                             : each.what == Foresight::kSkipped ? "be skipped"
                                                                : "fail";
    table.add({each.stage, word, printable(each.reason)});
  }
  return table.to_text() + fmt::format("{}: {} would run, {} would be kept, {} otherwise; nothing was run\n",
                                       counted(forecast.size(), "stage"), runs, kept, forecast.size() - runs - kept);
}

std::string forecast_to_json(const std::vector<StageForecast>& forecast) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const StageForecast& each : forecast) {
    Json differences = Json::array();
    for (const KeyDifference& field : each.differences)
      differences.push_back({{"field", field.field}, {"before", field.before}, {"now", field.now}});
    list.push_back({{"stage", each.stage},
                    {"foresight", to_string(each.what)},
                    {"reason", each.reason},
                    {"key", each.key},
                    {"compared_with", each.compared_with},
                    {"differences", std::move(differences)}});
  }
  return json_document({{"version", 1}, {"stages", std::move(list)}});
}

}  // namespace penstock
