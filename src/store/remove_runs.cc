// SPDX-License-Identifier: MIT
// Removes runs. A run goes at once, by a rename to a hidden name, so that nobody sees half of one.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/link_file.h"
#include "platform/machine.h"
#include "store/json_fields.h"
#include "store/run_store.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRemoved = ".removed-";

// ".removed-RUN-MARK": of the process that removes it.
std::string hidden_name(std::string_view id) { return fmt::format("{}{}-{}", kRemoved, id, this_process_mark()); }

bool is_alive(const std::string& mark) {
  const ProcessIdentity holder = process_with(std::atoll(mark.c_str()));
  return holder.start_ticks != 0 && mark_of(holder) == mark;
}

struct Hidden {
  std::string id;
  std::string mark;
};

Hidden parts_of_hidden(std::string_view name) {
  name.remove_prefix(kRemoved.size());
  const std::size_t end = std::min(name.find('-'), name.size());
  const std::string_view mark = name.substr(std::min(end + 1, name.size()));
  return {std::string(name.substr(0, end)), std::string(mark.substr(0, mark.find('.')))};
}

// Lets `latest` point somewhere else before `id` goes, and once more behind it: who made it may have pointed there
// late.
Status leave_latest(const RunStore& store, std::string_view id) {
  const std::string link = store.root() + "/latest";
  char target[256];
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  if (std::string_view(target, size > 0 ? static_cast<std::size_t>(size) : 0) != fmt::format("runs/{}", id)) return {};
  PENSTOCK_ASSIGN(const std::vector<StoredRun> runs, store.list());
  const auto next = std::find_if(runs.begin(), runs.end(), [&](const StoredRun& run) {
    return run.id != id && run.status != "running" && run.status != "lost" && run.status != "unreadable";
  });
  if (next != runs.end()) return RunFolder(store.root(), next->id).publish_latest();
  if (::unlink(link.c_str()) != 0 && errno != ENOENT) return file_error(errno, "remove", link);
  return {};
}

// Lets `link` point to `target`, whatever it was before.
Status point_link(const std::string& link, const std::string& target, const std::string& temporary) {
  ::unlink(temporary.c_str());
  if (::symlink(target.c_str(), temporary.c_str()) != 0) return file_error(errno, "make the link", temporary);
  if (::rename(temporary.c_str(), link.c_str()) != 0) return file_error(errno, "replace the link", link);
  return {};
}

// At every moment every name leads to the files.
Status exchange_names(const std::string& one, const std::string& other) {
  if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return file_error(errno, "exchange", one);
  return Error(ErrorCode::kUnsupported,
               fmt::format("the file system cannot exchange {} and {}, so what other runs use cannot become theirs",
                           one, other))
      .hint("remove the runs that use it first");
}

// Some file systems cannot, as is found with two names of no meaning before anything is begun. They begin with `names`.
Status can_exchange(const std::string& names) {
  const std::string one = names + ".1";
  const std::string other = names + ".2";
  Status status;
  for (const std::string& link : {one, other}) {
    if (status && ::symlink("nothing", link.c_str()) != 0) status = file_error(errno, "make the link", link);
  }
  if (status) status = exchange_names(one, other);
  for (const std::string& link : {one, other}) ::unlink(link.c_str());
  return status;
}

Status remove_record(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error(errno, "remove", path);
  return {};
}

// A run that repeats another one writes its record before it makes its link.
void remove_record_without_run(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path.parent_path() / path.stem(), error).type() != fs::file_type::not_found) return;
  const Result<std::string> text = read_file(path.string());
  const auto record = nlohmann::json::parse(text ? *text : "", nullptr, false);
  if (!record.is_object() || !record.contains("process")) return;
  const nlohmann::json& process = record["process"];
  const ProcessIdentity writer{number_in<std::int64_t>(process, "pid"),
                               number_in<std::uint64_t>(process, "start_ticks"), text_in(process, "boot")};
  if (!is_running(writer)) ::unlink(path.c_str());
}

// Of writers of this machine that are gone: ".NAME.MARK-N.tmp". One of another machine may live, but not for so long.
void remove_dead_temporaries(const std::string& folder) {
  constexpr std::chrono::hours kLongest{1};
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    struct stat info;
    if (!name.starts_with('.') || !name.ends_with(".tmp") || ::lstat(it->path().c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode) ||
        std::chrono::system_clock::from_time_t(info.st_mtime) + kLongest > std::chrono::system_clock::now())
      continue;
    const std::string_view before = std::string_view(name).substr(0, name.size() - 4);
    const std::string_view marked = before.substr(0, std::min(before.rfind('-'), before.size()));
    if (!is_alive(std::string(marked.substr(marked.rfind('.') + 1)))) ::unlink(it->path().c_str());
  }
}

}  // namespace

// Lets those who repeat the run `id`, or take something from it by a link, lead to `heir` instead.
Status RunStore::point_users(std::string_view id, const std::string& heir) const {
  PENSTOCK_ASSIGN(const std::vector<std::string> others, ids());
  for (const std::string& other : others) {
    const RunFolder run(root_, other);
    const std::string repeated = run.repeats();
    if (repeated == id && other != heir) PENSTOCK_TRY(point_link(run.path(), heir, root_ + "/runs/." + other + ".tmp"));
    if (!repeated.empty() || other == id) continue;
    std::error_code error;
    for (fs::directory_iterator it(run.path(), error), end; !error && it != end; it.increment(error)) {
      const std::string stage = it->path().filename().string();
      if (!it->is_symlink(error) || run.maker_of(stage) != id) continue;
      PENSTOCK_TRY(point_link(it->path().string(), "../" + heir + "/" + stage, run.path() + "/." + stage + ".tmp"));
    }
  }
  return {};
}

// The folder of a run that others repeat goes, as a whole, to the newest of them, which is returned; empty: none does.
// `folder` is where the run's own files are.
Result<std::string> RunStore::hand_over_folder(std::string_view id, const std::string& folder) const {
  PENSTOCK_ASSIGN(const std::vector<std::string> others, ids());
  const auto heir = std::find_if(others.begin(), others.end(),
                                 [&](const std::string& other) { return RunFolder(root_, other).repeats() == id; });
  if (heir == others.end()) return std::string();
  PENSTOCK_TRY(can_exchange(root_ + "/runs/" + hidden_name(id)));
  PENSTOCK_TRY(point_users(id, *heir));
  PENSTOCK_TRY(exchange_names(folder, RunFolder(root_, *heir).path()));
  return *heir;
}

// What other runs took over by a link goes to the newest of them; the others are pointed there before. `folder` is
// where the run's own files are.
Status RunStore::hand_over_stages(std::string_view id, const std::string& folder) const {
  PENSTOCK_ASSIGN(const std::vector<std::string> others, ids());
  std::map<std::string, std::vector<std::string>> users;  // by stage
  for (const std::string& other : others) {
    const RunFolder run(root_, other);
    if (!run.repeats().empty()) continue;  // its folder is another's
    std::error_code error;
    for (fs::directory_iterator it(run.path(), error), end; other != id && !error && it != end; it.increment(error)) {
      const std::string stage = it->path().filename().string();
      if (it->is_symlink(error) && run.maker_of(stage) == id) users[stage].push_back(other);
    }
  }
  if (!users.empty()) PENSTOCK_TRY(can_exchange(root_ + "/runs/" + hidden_name(id)));
  for (const auto& [stage, runs] : users) {
    const RunFolder heir(root_, runs.front());
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const std::string path = RunFolder(root_, runs[i]).path();
      PENSTOCK_TRY(point_link(path + "/" + stage, "../" + heir.id() + "/" + stage, path + "/." + stage + ".tmp"));
    }
    PENSTOCK_TRY(exchange_names(folder + "/" + stage, heir.path() + "/" + stage));
  }
  return {};
}

// What runs that came meanwhile use of one that has its hidden name.
Status RunStore::hand_over_hidden(std::string_view id, const std::string& hidden) const {
  PENSTOCK_ASSIGN(const std::string heir, hand_over_folder(id, hidden));
  return heir.empty() ? hand_over_stages(id, hidden) : Status();
}

Status RunStore::remove(std::string_view id) const {
  const Result<StoredRun> run = read(id);
  if (run && run->status == "running") {
    return Error(ErrorCode::kUnavailable, fmt::format("run {} goes on", id)).hint("wait for its end, or stop it");
  }
  PENSTOCK_TRY(leave_latest(*this, id));
  if (run && run->status == "lost") {
    std::vector<std::string> removed;
    clean_run(*run, removed);  // what it left beside outputs elsewhere
  }
  const RunFolder own(root_, std::string(id));
  const std::string path = own.path();
  std::string heir;
  const bool is_repeat = !own.repeats().empty();
  if (!is_repeat) {
    PENSTOCK_ASSIGN(heir, hand_over_folder(id, path));
  }
  PENSTOCK_TRY(remove_record(page_of_repeat(id)));
  if (is_repeat || !heir.empty()) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error(errno, "remove", path);
    PENSTOCK_TRY(leave_latest(*this, id));
    if (!heir.empty()) PENSTOCK_TRY(point_users(id, heir));  // who came meanwhile
    return remove_record(record_of_repeat(id));
  }
  PENSTOCK_TRY(hand_over_stages(id, path));
  const std::string hidden = root_ + "/runs/" + hidden_name(id);
  if (::rename(path.c_str(), hidden.c_str()) != 0) {
    if (errno == ENOENT) return {};  // another process was faster
    return file_error(errno, "remove", path);
  }
  PENSTOCK_TRY(leave_latest(*this, id));
  if (Status handed = hand_over_hidden(id, hidden); !handed) {
    // Back, for those who use it; or it is gone, when somebody took it for what a killed removal left.
    if (::rename(hidden.c_str(), path.c_str()) != 0 && errno == ENOENT) return {};
    return handed;
  }
  PENSTOCK_TRY(remove_record(record_of_repeat(id)));
  Status removed = remove_tree(hidden);  // where the folder has an heir, a link
  return removed || removed.error().code() == ErrorCode::kNotFound ? Status() : std::move(removed);
}

std::size_t RunStore::finish_removals() const {
  for (const char* const folder : {"", "/runs", "/grounds"}) remove_dead_temporaries(root_ + folder);
  std::size_t finished = 0;
  std::error_code error;
  for (fs::directory_iterator it(root_ + "/runs", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool link_to_itself = it->is_symlink(error) && RunFolder(root_, name).repeats() == name;
    if (name.ends_with(".json")) remove_record_without_run(it->path());
    if (!name.starts_with(kRemoved) && !link_to_itself) continue;
    if (!link_to_itself) {
      const Hidden hidden = parts_of_hidden(name);
      if (is_alive(hidden.mark)) continue;  // it is just being handed over
      if (!it->is_symlink(error) && !hand_over_hidden(hidden.id, it->path().string())) continue;
    }
    finished += remove_tree(it->path().string()) ? 1 : 0;
    if (!link_to_itself) continue;
    for (const std::string& path : {record_of_repeat(name), page_of_repeat(name)}) ::unlink(path.c_str());
  }
  return finished;
}

std::uint64_t RunStore::size_bytes(std::string_view id) const {
  std::uint64_t bytes = 0;
  std::error_code error;
  const RunFolder run(root_, std::string(id));
  if (!run.repeats().empty()) return 0;
  const std::string path = run.path();
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code missing;
    if (fs::is_regular_file(it->symlink_status(missing))) bytes += it->file_size(missing);
  }
  return bytes;
}

}  // namespace penstock
