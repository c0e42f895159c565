// SPDX-License-Identifier: MIT
#include "workflow/observed_run.h"

#include <algorithm>

#include "embed/network_modules.h"
#include "platform/file.h"
#include "store/digest.h"
#include "store/run_store.h"
#include "workflow/command_stage.h"
#include "workflow/placeholders.h"

namespace penstock {
namespace {

// Which files a glob names may change without a change of any of them.
bool has_glob_in(const OptionValue& value) {
  if (const std::string* const text = value.as_text()) return has_glob(*text);
  if (const OptionValue::List* const list = value.as_list())
    return std::any_of(list->begin(), list->end(), has_glob_in);
  const OptionValue::Table* const table = value.as_table();
  return table != nullptr && std::any_of(table->begin(), table->end(),
                                         [](const OptionValue::Entry& entry) { return has_glob_in(entry.value); });
}

bool looks_for_files(const FileStage& stage) {
  return std::any_of(stage.steps.begin(), stage.steps.end(), [](const FileStep& step) {
    const OptionValue::Table& options = step.options.entries();
    return std::any_of(options.begin(), options.end(),
                       [](const OptionValue::Entry& option) { return has_glob_in(option.value); });
  });
}

bool sets_path(const FileStage& stage) {
  return std::any_of(stage.command.env.begin(), stage.command.env.end(),
                     [](const auto& entry) { return entry.first == "PATH"; });
}

// Artifacts were hashed as soon as they were made, when a change could still have looked the same; by now it cannot.
void settle(FileDigest& digest, const std::string& path) {
  constexpr std::int64_t kMostToHashAgain = std::int64_t{1} << 20;
  digest.own = false;
  digest.fresh = false;
  if (digest.settled() || digest.state.size_bytes > kMostToHashAgain) return;
  FileDigest now = digest;
  now.hashed_ns = file_clock_ns();
  const Result<std::string> content = now.settled() ? sha256_of_file(path) : std::string();
  if (content && *content == digest.sha256) digest = now;
}

// A file of the store whose state alone says that it is as it was.
bool add_untouched(RunGrounds& grounds, const std::string& store, const std::string& path) {
  Result<FileState> state = state_of(store + "/" + path);
  if (!state) return false;
  FileDigest digest;
  digest.state = *state;
  grounds.seen.push_back({RunGrounds::Kind::kUntouched, path, std::move(digest)});
  return true;
}

}  // namespace

bool ObservedRun::can_be_told(const FileStage& stage, const StageRun& run, const NamedResult* named) const {
  if (run.status == StageStatus::kSkipped) return true;  // by a condition over parameters
  if (run.status != StageStatus::kDone && run.status != StageStatus::kCached) return false;
  if (named == nullptr || !named->why_not.empty() || !why_not_cached(file_, stage).empty()) return false;
  return stage.function == nullptr && !stage.for_each && !stage.item && !named->inputs.has_folders() &&
         stage.stream_from.empty() && !sets_path(stage) && !looks_for_files(stage) &&
         run.outcome.report.records_rejected + run.outcome.report.records_rejected_further_on == 0;
}

void ObservedRun::add_program(const FileStage& stage, const std::string& path) {
  if (path.empty() || path.starts_with(run_dir_ + "/")) return;  // a pipeline, or what another stage made
  const std::string& word = stage.command.words.front();
  if (stage.code_declared || is_named_by_placeholder(stage.command)) other_programs_.insert(path);
  if (stage.command.shell || word.find_first_of("/{") != std::string::npos) return;
  const auto [known, is_new] = programs_.emplace(word, path);
  given_up_ = given_up_ || (!is_new && known->second != path);
}

void ObservedRun::add(const FileStage& stage, const StageRun& run, const NamedResult* named) {
  const std::lock_guard lock(mutex_);
  given_up_ = given_up_ || !can_be_told(stage, run, named);
  if (given_up_ || named == nullptr || run.status == StageStatus::kSkipped) return;
  for (const auto& [path, digest] : named->inputs.files()) {
    if (digest.state.inode == 0) continue;
    const auto [known, is_new] = read_.emplace(path, digest);
    // Changed between two stages: what the first one saw is not there any more, and may come back.
    given_up_ = given_up_ || (!is_new && known->second.sha256 != digest.sha256);
  }
  for (const StageInput& input : stage.inputs) {
    const bool is_missing = input.optional && input.stage.empty() && !input.is_remote() &&
                            std::any_of(named->key.fields.begin(), named->key.fields.end(), [&](const auto& field) {
                              return field.first == "input." + input.name && field.second == "missing";
                            });
    if (is_missing) missing_.insert(input.path);
  }
  for (const StageOutput& output : stage.outputs) {
    if (output.folder) folders_.insert(run.name + "/artifacts/" + output.path);
  }
  variables_.insert(stage.command.pass_env.begin(), stage.command.pass_env.end());
  if (std::any_of(stage.steps.begin(), stage.steps.end(), [](const FileStep& step) { return step.op == "embed.onnx"; }))
    variables_.insert(embed::kModuleVariable);
  add_program(stage, named->program);
}

std::optional<RunGrounds> ObservedRun::grounds(const FileRun& run, const StageCache& cache, DigestIndex& index) {
  using Kind = RunGrounds::Kind;
  const std::lock_guard lock(mutex_);
  if (given_up_ || run.status != "done") return {};
  RunGrounds grounds;
  grounds.run_id = run.id;
  grounds.stages =
      static_cast<std::uint64_t>(std::count_if(run.stages.begin(), run.stages.end(), [](const StageRun& stage) {
        return stage.status != StageStatus::kSkipped;
      }));
  grounds.durable = file_.workflow.durable;
  grounds.variables.assign(variables_.begin(), variables_.end());
  grounds.environment = digest_of_environment(grounds.variables);
  for (const auto& [name, path] : programs_) grounds.programs.push_back({name, path});
  other_programs_.insert(file_.path);
  for (const std::string& path : other_programs_) {
    Result<FileDigest> digest = index.digest(path);
    if (!digest || (path == file_.path && digest->sha256 != file_.sha256)) return {};
    grounds.seen.push_back({Kind::kInput, path, std::move(*digest)});
  }
  for (const auto& [path, digest] : read_) grounds.seen.push_back({Kind::kInput, path, digest});
  for (const std::string& path : missing_) grounds.seen.push_back({Kind::kMissing, path});
  for (const std::string& folder : folders_) grounds.seen.push_back({Kind::kFolder, folder});
  for (const char* const record : {"run.json", "manifest.json"}) {
    if (!add_untouched(grounds, cache.root(), "runs/" + run.id + "/" + record)) return {};
  }
  for (const StageRun& stage : run.stages) {
    if (stage.key.empty()) continue;
    for (const Artifact& artifact : stage.artifacts) {
      const std::string path = run_dir_ + "/" + artifact.path;
      Result<FileDigest> digest = index.digest(path);
      if (!digest || digest->sha256 != artifact.sha256) return {};
      settle(*digest, path);
      grounds.seen.push_back({Kind::kArtifact, artifact.path, std::move(*digest)});
    }
    const std::string output = "runs/" + run.id + "/" + stage.name + "/output.json";
    if (!add_untouched(grounds, cache.root(), output)) return {};
    if (!add_untouched(grounds, cache.root(), cache.entry_of(stage.key))) return {};
  }
  return grounds;
}

}  // namespace penstock
