// SPDX-License-Identifier: MIT
// Results of stages: taken from the cache or from an earlier run, and kept.
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/link_file.h"
#include "platform/new_file.h"
#include "store/json_fields.h"
#include "store/json_writer.h"
#include "workflow/kept_output.h"
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

const std::vector<StageInput>& no_inputs() {
  static const std::vector<StageInput> none;
  return none;
}

// Declared folders, which are there although no file may be in them.
std::vector<std::string> folders_made_by(const FileStage& stage) {
  std::vector<std::string> folders;
  for (const StageOutput& output : stage.outputs) {
    if (output.folder) folders.push_back(output.path);
  }
  return folders;
}

}  // namespace

Status WorkflowRun::note(std::string_view event, const Journal::Facts& facts) { return journal_->add(event, facts); }

Status WorkflowRun::write_output(std::size_t i, const std::string& data) {
  StageRun& run = run_of(i);
  return folder_.write(run.name + "/output.json", json_on_lines(output_json(stage(i), run, data)));
}

// Of a stage that runs; once.
Status WorkflowRun::write_key(std::size_t i) {
  State& state = this->state(i);
  if (!state.named || state.key_written) return {};
  const std::string& name = run_of(i).name;
  PENSTOCK_TRY(make_folders(folder_.path() + "/" + name));
  state.key_written = true;
  return folder_.write(name + "/key.json", json_on_lines(key_json(state.named->key, state.decision)));
}

const std::vector<Artifact>* WorkflowRun::artifacts_of(const std::string& name) const {
  const StageRun& run = run_.stages[numbers_.at(name)];
  return run.ok() ? &run.artifacts : nullptr;
}

Status WorkflowRun::take_kept_result(std::size_t i, bool& taken) {
  const FileStage& stage = this->stage(i);
  const bool later = stage.is_command() || (!is_item(i) && recordable_[i]);  // its folder comes with its result
  // Files of operators alone are run as they always were: whoever starts them wants to see them run.
  const bool expects_content = std::any_of(stage.inputs.begin(), stage.inputs.end(),
                                           [](const StageInput& input) { return input.ref.has_value(); });
  if (file_.stages.size() == 1 && !stage.is_command() && !stage.cache && !expects_content) {
    PENSTOCK_TRY(check_needs(i));
    return later ? Status() : make_folders(folder_.path() + "/" + stage.name);
  }
  State& state = this->state(i);
  PENSTOCK_ASSIGN(NamedResult named, name_result(file_, stage, folder_.path(), *this, index_, &programs_));
  if (!named.why_not.empty()) {
    PENSTOCK_TRY(note("not_named", {{"stage", stage.name}, {"reason", named.why_not}}));
    PENSTOCK_TRY(check_needs(i));
    return later ? Status() : make_folders(folder_.path() + "/" + stage.name);
  }
  state.named = std::move(named);
  run_of(i).key = state.named->key.digest;
  state.decision = state.forced ? "it was to run again" : "no result of this key";
  if (!state.forced) {
    const std::string why_not = why_not_cached(file_, stage);
    if (why_not.empty()) {
      PENSTOCK_TRY(take_from_cache(i, taken));
    } else {
      state.decision = "not cached: " + why_not;
    }
    if (!taken && !state.verify) PENSTOCK_TRY(take_from_runs(i, taken));
    if (state.replace) state.decision = "the kept result was damaged";
    if (state.verify) state.decision = "kept, and made again to be compared";
  }
  if (taken) return {};
  PENSTOCK_TRY(check_needs(i));
  return later ? Status() : write_key(i);
}

// Nobody may have changed what the stages before made; a result of that would be nobody's. Of a list of files, which
// its stage has looked at, each item looks at its own.
Status WorkflowRun::check_needs(std::size_t i) {
  for (const StageGraph::Edge& edge : graph_.needs[parent(i)]) {
    if (!edge.data) continue;
    const std::string& maker = run_.stages[edge.stage].name;
    bool is_checked = is_item(i) && file_.stages[parent(i)].for_each->from.stage == maker;
    for (const StageInput& input : is_item(i) ? stage(i).inputs : no_inputs()) {
      if (input.stage != maker) continue;
      PENSTOCK_TRY(check_made(i, edge.stage, input.path));
      is_checked = true;
    }
    if (!is_checked) PENSTOCK_TRY(check_made(i, edge.stage, {}));
  }
  return {};
}

// `path` of one artifact, or of a folder of them; empty: all.
Status WorkflowRun::check_made(std::size_t i, std::size_t maker, const std::string& path) {
  const StageRun& made = run_.stages[maker];
  if (!made.ok() || states_[maker].recorded) return {};
  const auto check = [&](const Artifact& artifact) -> Status {
    const std::string file = folder_.path() + "/" + artifact.path;
    const Result<FileDigest> digest = index_.digest(file);
    if (digest && digest->sha256 == artifact.sha256) return {};
    return Error(ErrorCode::kDataLoss, fmt::format("{} is not what stage \"{}\" made", file, made.name))
        .at(stage(i).name)
        .hint("something changed it; penstock resume makes it again");
  };
  if (const Artifact* const one = path.empty() ? nullptr : artifact_named(made.artifacts, path)) return check(*one);
  for (const Artifact& artifact : made.artifacts) {
    if (path.empty() || artifact.name.starts_with(path + "/")) PENSTOCK_TRY(check(artifact));
  }
  return {};
}

Status WorkflowRun::take(std::size_t i, std::vector<Artifact> artifacts, const std::string& from,
                         const std::string& data, bool& taken) {
  StageRun& run = run_of(i);
  const std::string folder = folder_.path() + "/" + run.name;
  std::vector<Artifact> own = artifacts;
  for (Artifact& artifact : own) artifact.path = run.name + "/artifacts/" + artifact.name;
  std::swap(run.artifacts, own);
  // A stage that did not begin has no folder yet, and gets it with all that is in it.
  const bool whole = ::access(folder.c_str(), F_OK) != 0;
  std::vector<std::pair<std::string, std::string>> files;
  if (whole) {
    files.emplace_back("output.json", json_on_lines(output_json(stage(i), run, data)));
    if (state(i).named) files.emplace_back("key.json", json_on_lines(key_json(state(i).named->key, "taken over")));
  }
  const std::vector<std::string> folders = folders_made_by(stage(i));
  const Status restored = whole ? restore_stage({artifacts, folders, from}, folder, files, index_)
                                : restore_artifacts({artifacts, folders, from}, folder + "/artifacts", index_);
  if (!restored) {
    std::swap(run.artifacts, own);
    // Damaged or gone meanwhile: the stage runs; all else is an error of this run's own files.
    const ErrorCode code = restored.error().code();
    if (code != ErrorCode::kDataLoss && code != ErrorCode::kNotFound) return restored;
    state(i).replace = true;
    return note("damaged", {{"stage", run.name}, {"reason", restored.error().message()}});
  }
  fill_report(run.outcome.report, data);
  if (!whole) PENSTOCK_TRY(write_output(i, data));
  taken = true;
  return {};
}

// As long as the run that made the result still has it, the stage's folder is a link to its; `taken` says whether.
Status WorkflowRun::link(std::size_t i, const std::vector<Artifact>& artifacts, const std::string& maker,
                         const std::string& data, bool& taken) {
  StageRun& run = run_of(i);
  const RunFolder made(options_.store, maker);
  if (is_item(i) || maker == run_.id) return {};
  if (!made.has_own(run.name) || !check_artifacts(artifacts, made.artifacts_of(run.name), index_)) return {};
  for (const std::string& folder : folders_made_by(stage(i))) {
    if (::access((made.artifacts_of(run.name) + "/" + folder).c_str(), F_OK) != 0) return {};
  }
  if (!folder_.link_stage(run.name, maker)) return {};
  // It may have no output.json, or have been removed just now.
  if (::access((folder_.path() + "/" + run.name + "/output.json").c_str(), R_OK) != 0) {
    ::unlink((folder_.path() + "/" + run.name).c_str());
    return {};
  }
  run.artifacts = artifacts;
  for (Artifact& artifact : run.artifacts) artifact.path = run.name + "/artifacts/" + artifact.name;
  fill_report(run.outcome.report, data);
  taken = true;
  return {};
}

bool WorkflowRun::is_sampled() const {
  std::uint32_t bits = 0;
  if (options_.verify <= 0 || ::getrandom(&bits, sizeof bits, 0) != sizeof bits) return options_.verify >= 1;
  return static_cast<double>(bits) < options_.verify * 4294967296.0;
}

Status WorkflowRun::compare_with_kept(std::size_t i) {
  PENSTOCK_ASSIGN(const std::vector<Artifact> made, RunFolder::artifacts_in(made_artifacts_of(i), stage(i).name));
  const auto digest_in = [](const std::vector<Artifact>& artifacts, const std::string& name) {
    const auto found =
        std::find_if(artifacts.begin(), artifacts.end(), [&](const Artifact& each) { return each.name == name; });
    return found == artifacts.end() ? std::string() : found->sha256;
  };
  std::string differs;
  for (const Artifact& artifact : made) {
    if (digest_in(state(i).kept, artifact.name) != artifact.sha256) differs = artifact.name;
  }
  for (const Artifact& artifact : state(i).kept) {
    if (digest_in(made, artifact.name).empty()) differs = artifact.name;
  }
  if (differs.empty()) return {};
  return Error(ErrorCode::kDataLoss, fmt::format("the stage, made again with the same key, made another {} than run {}",
                                                 differs, state(i).kept_from))
      .at(stage(i).name)
      .hint("it reads something that it does not name as an input, or it is random: name it, or set cache = false");
}

Status WorkflowRun::take_from_cache(std::size_t i, bool& taken) {
  const StageKey& key = state(i).named->key;
  const std::string path = cache_.entry_path(key);
  Result<std::optional<CacheEntry>> entry = results_.find(key, path);
  if (!*entry) {
    entry = cache_.find(key);
    if (entry && *entry) results_.add(**entry, path);
  }
  if (!entry) {
    if (entry.error().code() != ErrorCode::kDataLoss) return entry.error();
    state(i).replace = true;
    return note("damaged", {{"stage", run_of(i).name}, {"reason", entry.error().message()}});
  }
  if (!*entry || !files_are_unchanged(i, cache_.artifacts_of(**entry))) return {};
  if (is_sampled()) {
    state(i).verify = true;
    state(i).kept = (*entry)->artifacts;
    state(i).kept_from = (*entry)->run_id;
    return {};
  }
  PENSTOCK_TRY(link(i, (*entry)->artifacts, (*entry)->run_id, (*entry)->data, taken));
  if (!taken) PENSTOCK_TRY(take(i, (*entry)->artifacts, cache_.artifacts_of(**entry), (*entry)->data, taken));
  if (!taken) return {};
  cache_.touch(**entry);
  end_stage(i, StageStatus::kCached, "kept from run " + (*entry)->run_id);
  return {};
}

Status WorkflowRun::take_from_runs(std::size_t i, bool& taken) {
  const StageRun& run = run_of(i);
  for (const std::string& id : reuse_) {
    const RunFolder other(options_.store, id);
    std::optional<KeptOutput> output = read_kept_output(other, run.name, run.key);
    if (!output || !files_are_unchanged(i, other.artifacts_of(run.name))) continue;
    if (!is_item(i)) PENSTOCK_TRY(link(i, output->artifacts, other.maker_of(run.name), output->data, taken));
    if (!taken) PENSTOCK_TRY(take(i, std::move(output->artifacts), other.artifacts_of(run.name), output->data, taken));
    if (!taken) continue;
    end_stage(i, StageStatus::kCached, "taken over from run " + id);
    return {};
  }
  return {};
}

Status WorkflowRun::keep_result(std::size_t i) {
  const FileStage& stage = this->stage(i);
  State& state = this->state(i);
  StageRun& run = run_of(i);
  if (state.value) {
    run.artifacts = artifact_of_value(i);
    state.recorded = true;  // with the line that says that it has ended
    return {};
  }
  const bool drained = run.outcome.report.outcome == Report::Outcome::kDrained;
  const bool cached = state.named && !drained && why_not_cached(file_, stage).empty();
  const std::string made = made_artifacts_of(i);
  PENSTOCK_ASSIGN(run.artifacts, RunFolder::artifacts_in(made, stage.name));
  for (const Artifact& artifact : run.artifacts) {
    const std::string path = made + "/" + artifact.name;
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
    PENSTOCK_TRY(cache_.put(entry, made, index_, true, file_.workflow.durable));
    results_.add(entry, cache_.entry_path(entry.key));
  }
  return put_in_place(i, data);
}

std::string WorkflowRun::made_artifacts_of(std::size_t i) {
  const std::string& aside = state(i).aside;
  return aside.empty() ? folder_.artifacts_of(run_of(i).name) : aside + "/artifacts";
}

// The folder of a stage appears as a whole, unless it is there already, as that of one which has printed something.
Status WorkflowRun::put_in_place(std::size_t i, const std::string& data) {
  State& state = this->state(i);
  const std::string target = folder_.path() + "/" + run_of(i).name;
  if (!state.aside.empty() && !state.key_written && !file_.workflow.durable && ::access(target.c_str(), F_OK) != 0) {
    PENSTOCK_TRY(write_new_file(state.aside + "/output.json", json_on_lines(output_json(stage(i), run_of(i), data))));
    if (state.named) {
      PENSTOCK_TRY(
          write_new_file(state.aside + "/key.json", json_on_lines(key_json(state.named->key, state.decision))));
    }
    if (::rename(state.aside.c_str(), target.c_str()) != 0) return file_error(errno, "put in place", target);
    state.aside.clear();
    state.key_written = true;
    return {};
  }
  PENSTOCK_TRY(write_key(i));
  if (!state.aside.empty()) {
    PENSTOCK_TRY(make_folders(target));
    if (::rename((state.aside + "/artifacts").c_str(), (target + "/artifacts").c_str()) != 0)
      return file_error(errno, "put in place", target + "/artifacts");
    if (::rmdir(state.aside.c_str()) == 0) state.aside.clear();
  }
  return write_output(i, data);
}

}  // namespace penstock
