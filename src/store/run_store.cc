// SPDX-License-Identifier: MIT
#include "store/run_store.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/nearest_name.h"
#include "platform/file.h"
#include "platform/machine.h"
#include "store/json_fields.h"

namespace penstock {
namespace {

constexpr int kRunVersion = 1;

// "20261120_101500_a1b2c3"
bool is_run_id(std::string_view text) {
  constexpr std::string_view kForm = "dddddddd_dddddd_xxxxxx";
  if (text.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool hex = digit || (text[i] >= 'a' && text[i] <= 'f');
    if (kForm[i] == 'd' ? !digit : kForm[i] == 'x' ? !hex : text[i] != '_') return false;
  }
  return true;
}

ProcessIdentity process_of(const nlohmann::json& run) {
  const auto process = run.find("process");
  if (process == run.end() || !process->is_object()) return {};
  return {number_in<std::int64_t>(*process, "pid"), number_in<std::uint64_t>(*process, "start_ticks"),
          text_in(*process, "boot")};
}

// A run that was killed could not write its end; the process that wrote "running" tells.
bool still_runs(const nlohmann::json& run) {
  const ProcessIdentity process = process_of(run);
  if (process.pid == 0) return false;
  const auto machine = run.find("machine");
  const bool here = machine != run.end() && machine->is_object() && text_in(*machine, "host") == this_machine().host;
  return !here || is_running(process);  // of another machine one cannot know
}

Error damaged_run(const std::string& path, std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("not the record of a run: {}: {}", path, what))
      .hint("the file was changed or damaged; the run's other files may still be readable");
}

StoredRun unreadable(const std::string& root, const std::string& id, const Error& why) {
  StoredRun run;
  run.id = id;
  run.path = RunFolder(root, id).path();
  run.status = "unreadable";
  run.started_at = fmt::format("{}-{}-{}T{}:{}:{}Z", id.substr(0, 4), id.substr(4, 2), id.substr(6, 2), id.substr(9, 2),
                               id.substr(11, 2), id.substr(13, 2));
  run.error = why.message();
  return run;
}

}  // namespace

Result<RunFolder> RunStore::create() {
  PENSTOCK_TRY(make_folders(root_ + "/runs"));
  constexpr int kMostAttempts = 100;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    RunFolder folder(root_, make_run_id(now_micros()));
    if (::mkdir(folder.path().c_str(), 0777) == 0) return folder;
    if (errno != EEXIST) return file_error(errno, "make the folder", folder.path());
  }
  return Error(ErrorCode::kUnavailable, fmt::format("no free run id in {}/runs", root_)).hint("try again in a second");
}

Result<std::vector<std::string>> RunStore::ids() const {
  std::vector<std::string> ids;
  const std::string path = root_ + "/runs";
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) {
    if (errno == ENOENT) return ids;
    return file_error(errno, "list", path);
  }
  while (const dirent* const entry = ::readdir(directory)) {
    if (!is_run_id(entry->d_name)) continue;
    // A link to itself is what a removal that was killed left of a run whose folder went to one that repeated it.
    const bool folder = entry->d_type == DT_DIR;
    if (folder || RunFolder(root_, entry->d_name).repeats() != entry->d_name) ids.emplace_back(entry->d_name);
  }
  ::closedir(directory);
  std::sort(ids.begin(), ids.end(), std::greater<>());
  return ids;
}

Result<std::vector<StoredRun>> RunStore::list() const {
  PENSTOCK_ASSIGN(const std::vector<std::string> names, ids());
  std::vector<StoredRun> runs;
  for (const std::string& id : names) {
    Result<StoredRun> run = read(id);
    runs.push_back(run ? std::move(*run) : unreadable(root_, id, run.error()));
  }
  // Ids are only as fine as a second.
  std::stable_sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.started_at > b.started_at; });
  return runs;
}

Result<std::string> RunStore::find(std::string_view text) const {
  PENSTOCK_ASSIGN(const std::vector<std::string> names, ids());
  if (text == "latest") {
    char target[256];
    const ssize_t size = ::readlink((root_ + "/latest").c_str(), target, sizeof target);
    std::string_view id(target, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (id.starts_with("runs/")) id.remove_prefix(5);
    if (std::find(names.begin(), names.end(), id) != names.end()) return std::string(id);
    return Error(ErrorCode::kNotFound, fmt::format("no latest run in {}", root_))
        .hint(names.empty() ? "penstock run FILE makes one" : "penstock runs list shows the runs");
  }
  std::vector<std::string> matches;
  for (const std::string& id : names) {
    if (id == text) return id;
    if (!text.empty() && id.find(text) != std::string::npos) matches.push_back(id);
  }
  if (matches.size() == 1) return matches.front();
  if (!matches.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("several runs match \"{}\": {}", text, fmt::join(matches, ", ")))
        .hint("give more of the run id");
  }
  const std::string near = nearest_name(text, names);
  return Error(ErrorCode::kNotFound, fmt::format("no run \"{}\" in {}", text, root_))
      .hint(near.empty() ? "penstock runs list shows the runs" : fmt::format("did you mean \"{}\"?", near));
}

Result<StoredRun> RunStore::read(std::string_view id) const {
  const std::string path = RunFolder(root_, std::string(id)).path();
  PENSTOCK_ASSIGN(const std::string text, read_text(id, "run.json"));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged_run(path + "/run.json", "no JSON object");
  const int version = number_in<int>(json, "version");
  if (version > kRunVersion) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("{}/run.json has version {}, this program reads up to {}", path, version, kRunVersion))
        .hint("use the Penstock that wrote it, or a later one");
  }
  StoredRun run;
  run.id = id;
  run.path = path;
  run.name = text_in(json, "name");
  run.strategy = text_in(json, "strategy");
  run.status = text_in(json, "status");
  run.started_at = text_in(json, "started_at");
  run.duration_seconds = number_in<double>(json, "duration_seconds");
  if (version < 1 || run.status.empty()) return damaged_run(path + "/run.json", "no version or no status");
  const auto error = json.find("error");
  if (error != json.end() && error->is_object()) run.error = text_in(*error, "message");
  if (run.status == "running" && !still_runs(json)) run.status = "lost";
  run.process = mark_of(process_of(json));
  const auto writes = json.find("writes");
  for (const nlohmann::json& path : writes != json.end() && writes->is_array() ? *writes : nlohmann::json::array()) {
    if (path.is_string()) run.writes.push_back(path.get<std::string>());
  }
  run.resumes = text_in(json, "resumes");
  run.file = text_in(json, "file");
  run.folder = text_in(json, "folder");
  if (const auto set = json.find("overrides"); set != json.end() && set->is_object()) {
    for (const auto& [param, text] : set->items()) {
      if (text.is_string()) run.overrides.emplace_back(param, text.get<std::string>());
    }
  }
  return run;
}

std::vector<std::string> RunStore::lineage(std::string_view id) const {
  std::vector<std::string> ids;
  std::string next(id);
  while (!next.empty() && std::find(ids.begin(), ids.end(), next) == ids.end()) {
    ids.push_back(next);
    const Result<StoredRun> run = read(next);
    next = run ? run->resumes : std::string();
  }
  return ids;
}

}  // namespace penstock
