// SPDX-License-Identifier: MIT
// Stages that are done once for each of a list: the list is read when the run comes to the stage, every item is worked
// on as a stage of its own, with its own key, and what they made is put together in the order of the list.
#include <fmt/format.h>
#include <penstock/workflow.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/link_file.h"
#include "store/digest.h"
#include "workflow/placeholders.h"
#include "workflow/run_files.h"
#include "workflow/workflow_run.h"

namespace penstock {
namespace {

constexpr std::size_t kMostItems = 100'000;
constexpr std::size_t kMostListBytes = std::size_t{64} << 20;

std::string number_of(std::size_t item) { return fmt::format("{:05}", item); }

Error too_many(const FileStage& stage, std::size_t items) {
  return Error(ErrorCode::kResourceExhausted, fmt::format("for_each has {} items; the most is {}", items, kMostItems))
      .at(stage.name)
      .at(stage.for_each->place.to_text());
}

Result<std::vector<std::string>> items_of_json(const FileStage& stage, const std::string& text,
                                               const std::string& path) {
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
  if (!list.is_array()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} is no list in JSON", path))
        .at(stage.name)
        .at(stage.for_each->place.to_text())
        .hint("write [\"a\", \"b\"], or a text file with an item per line");
  }
  std::vector<std::string> items;
  for (const nlohmann::json& item : list) items.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  return items;
}

Result<std::vector<std::string>> items_of_file(const FileStage& stage, const std::string& path) {
  PENSTOCK_ASSIGN(const std::string text, read_file(path, kMostListBytes));
  if (path.ends_with(".json")) return items_of_json(stage, text, path);
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) items.push_back(std::move(line));
    begin = end + 1;
  }
  return items;
}

// An item that is a text; inputs that name it are then those of this item.
FileStage stage_of_text(const FileStage& stage, std::size_t number, const std::string& text) {
  FileStage item = stage;
  item.name += "/" + number_of(number);
  item.for_each.reset();
  item.item = text;
  StageFolders names;
  names.item = text;
  for (StageInput& input : item.inputs) {
    if (input.stage.empty()) input.path = insert_folders_in_text(input.path, names);
  }
  return item;
}

// An item that is a file: it is an input, and `{item}` its path.
FileStage stage_of_file(const FileStage& stage, std::size_t number, const StageInput& file) {
  FileStage item = stage_of_text(stage, number, file.path);
  item.item_is_file = true;
  StageInput input = file;
  input.name = "item";
  item.inputs.push_back(std::move(input));
  return item;
}

// Paths of the files in a folder, and in those in it; hidden ones and links are left out.
Result<std::vector<std::string>> files_in(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const bool hidden = it->path().filename().string().starts_with('.');
    if (hidden) it.disable_recursion_pending();
    if (!hidden && fs::is_regular_file(it->symlink_status(error)))
      names.push_back(it->path().lexically_relative(folder).string());
  }
  if (error) return file_error(error.value(), "list", folder);
  return names;
}

}  // namespace

Status WorkflowRun::make_items(std::size_t i, Fan& fan) {
  const FileStage& stage = file_.stages[i];
  if (stage.fan != nullptr) return make_function_items(i, fan);
  const StageItems& items = *stage.for_each;
  std::vector<std::string> texts = items.texts;
  if (!items.from.stage.empty() || !items.from.path.empty()) {
    const std::string path = path_of_input(items.from, folder_.path());
    struct stat info;
    if (::stat(path.c_str(), &info) != 0)
      return file_error(errno, "look at", path).at(stage.name).at(items.place.to_text());
    if (S_ISDIR(info.st_mode)) return make_file_items(i, path, fan);
    PENSTOCK_ASSIGN(texts, items_of_file(stage, path));
  }
  if (texts.size() > kMostItems) return too_many(stage, texts.size());
  for (const std::string& text : texts) fan.stages.push_back(stage_of_text(stage, fan.stages.size(), text));
  return {};
}

Status WorkflowRun::make_file_items(std::size_t i, const std::string& folder, Fan& fan) {
  const FileStage& stage = file_.stages[i];
  const StageInput& from = stage.for_each->from;
  std::vector<std::string> names;
  if (!from.stage.empty()) {
    // What it made is known; files that somebody else puts there are not its artifacts.
    const std::string below = from.path.empty() ? std::string() : from.path + "/";
    for (const Artifact& artifact : run_.stages[numbers_.at(from.stage)].artifacts) {
      if (artifact.name.starts_with(below)) names.push_back(artifact.name.substr(below.size()));
    }
  } else {
    PENSTOCK_ASSIGN(names, files_in(folder));
  }
  if (names.size() > kMostItems) return too_many(stage, names.size());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    StageInput file = from;
    file.path = from.path.empty() ? name : from.path + "/" + name;
    fan.stages.push_back(stage_of_file(stage, fan.stages.size(), file));
  }
  return {};
}

Status WorkflowRun::make_function_items(std::size_t i, Fan& fan) {
  const FileStage& stage = file_.stages[i];
  PENSTOCK_ASSIGN(const auto arguments, arguments_of(stage));
  const std::size_t count = stage.fan->count(arguments.front().get());
  if (count > kMostItems) return too_many(stage, count);
  for (std::size_t k = 0; k < count; ++k) {
    FileStage item = stage;
    item.name += "/" + number_of(k);
    item.for_each.reset();
    item.fan.reset();
    item.function = stage.fan->for_item();
    item.arguments.front() = {{}, {}, stage.fan->item(arguments.front().get(), k)};
    item.item = sha256(stage.fan->encode_item(item.arguments.front().value.get()));
    // The list as a whole is not what an item is made of.
    const std::string& list = stage.arguments.front().stage;
    const bool again = std::any_of(stage.arguments.begin() + 1, stage.arguments.end(),
                                   [&](const StageArgument& argument) { return argument.stage == list; });
    if (!again) std::erase_if(item.inputs, [&](const StageInput& input) { return input.stage == list; });
    fan.stages.push_back(std::move(item));
  }
  return {};
}

Result<std::size_t> WorkflowRun::divide(std::size_t i) {
  PENSTOCK_TRY(check_needs(i));
  auto fan = std::make_unique<Fan>();
  PENSTOCK_TRY(make_items(i, *fan));
  const std::size_t count = fan->stages.size();
  fan->states = std::vector<State>(count);
  begin_stage(i);
  note_begin(i);
  StageRun& run = run_.stages[i];
  for (std::size_t k = 0; k < count; ++k) {
    fan->states[k].forced = states_[i].forced;
    run.items.emplace_back().name = fan->stages[k].name;
  }
  PENSTOCK_TRY(make_folders(folder_.path() + "/" + run.name));
  PENSTOCK_TRY(note("stage_divided", {{"stage", run.name}, {"items", std::to_string(count)}}));
  fans_[i] = std::move(fan);
  return count;
}

// Links what the items made into one folder; the value of a function is a list of theirs.
Status WorkflowRun::join(std::size_t i) {
  const FileStage& stage = file_.stages[i];
  StageRun& run = run_.stages[i];
  const std::string target = folder_.artifacts_of(run.name);
  const std::string joined = folder_.path() + "/" + run.name + "/.joined";
  PENSTOCK_TRY(remove_tree(joined));
  PENSTOCK_TRY(make_folders(joined));
  std::vector<std::shared_ptr<const void>> values;
  for (std::size_t k = 0; k < run.items.size(); ++k) {
    const StageRun& item = run.items[k];
    const std::string from = folder_.artifacts_of(item.name);
    if (stage.fan != nullptr) {
      PENSTOCK_ASSIGN(auto value, value_of_item(i, k));
      values.push_back(std::move(value));
      continue;
    }
    static const std::vector<std::string> none;
    PENSTOCK_TRY(restore_artifacts({item.artifacts, none, from}, joined + "/" + number_of(k), index_));
    for (const Artifact& artifact : item.artifacts) {
      Artifact own = artifact;
      own.name = number_of(k) + "/" + artifact.name;
      own.path = run.name + "/artifacts/" + own.name;
      run.artifacts.push_back(std::move(own));
    }
  }
  std::shared_ptr<const void> value;
  if (stage.fan != nullptr) {
    value = stage.fan->collect(values);
    PENSTOCK_TRY(write_file(joined + "/" + kValueFile, stage.function->encode(value.get())));
  }
  if (::rename(joined.c_str(), target.c_str()) != 0) return file_error(errno, "put in place", target);
  if (stage.fan != nullptr) {
    PENSTOCK_ASSIGN(run.artifacts, folder_.artifacts(run.name));
    for (const Artifact& artifact : run.artifacts)
      PENSTOCK_TRY(index_.remember(folder_.path() + "/" + artifact.path, artifact.sha256));
    keep(stage, std::move(value));
  }
  return write_output(i, data_json(stage, run));
}

Result<std::shared_ptr<const void>> WorkflowRun::value_of_item(std::size_t i, std::size_t k) {
  const FileStage& item = fans_[i]->stages[k];
  {
    const std::lock_guard lock(values_mutex_);
    const auto known = values_.find(item.name);
    if (known != values_.end()) return known->second;
  }
  PENSTOCK_ASSIGN(const std::string bytes, read_file(folder_.artifacts_of(item.name) + "/" + kValueFile));
  return item.function->decode(bytes);
}

void WorkflowRun::end_divided(std::size_t i) {
  StageRun& run = run_.stages[i];
  const auto count = [&](StageStatus status) {
    return std::count_if(run.items.begin(), run.items.end(),
                         [&](const StageRun& item) { return item.status == status; });
  };
  const auto failed = std::find_if(run.items.begin(), run.items.end(),
                                   [](const StageRun& item) { return item.status == StageStatus::kFailed; });
  if (failed != run.items.end()) {
    run.outcome.status = failed->outcome.status;
    run.outcome.report.outcome = Report::Outcome::kFailed;
    if (graph_.fallback[i] != StageGraph::kNone && (file_.stages[i].last || stopped().empty())) return run_fallback(i);
    return end_stage(i, StageStatus::kFailed,
                     fmt::format("{} of {} items failed", count(StageStatus::kFailed), run.items.size()));
  }
  if (count(StageStatus::kCancelled) > 0) return end_stage(i, StageStatus::kCancelled, {});
  if (const auto left = count(StageStatus::kNotRun); left > 0)
    return end_stage(i, StageStatus::kNotRun, fmt::format("{} of {} items were not run", left, run.items.size()));
  if (Status joined = join(i); !joined) return fail_stage(i, std::move(joined.error()).at("store"));
  const auto kept = count(StageStatus::kCached);
  const bool drained = count(StageStatus::kDrained) > 0;
  const bool all_kept = kept > 0 && static_cast<std::size_t>(kept) == run.items.size();
  end_stage(i,
            drained    ? StageStatus::kDrained
            : all_kept ? StageStatus::kCached
                       : StageStatus::kDone,
            fmt::format("{} items, {} of them kept", run.items.size(), kept));
}

}  // namespace penstock
