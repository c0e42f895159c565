// SPDX-License-Identifier: MIT
// Removes runs. A run goes at once, by a rename to a hidden name, so that nobody sees half of one.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>

#include "platform/file.h"
#include "platform/link_file.h"
#include "platform/machine.h"
#include "store/run_store.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRemoved = ".removed-";

// Lets `latest` point somewhere else before `id` goes.
Status leave_latest(const RunStore& store, std::string_view id) {
  const Result<std::string> latest = store.find("latest");
  if (!latest || *latest != id) return {};
  PENSTOCK_ASSIGN(const std::vector<StoredRun> runs, store.list());
  const auto next = std::find_if(runs.begin(), runs.end(), [&](const StoredRun& run) {
    return run.id != id && run.status != "running" && run.status != "lost" && run.status != "unreadable";
  });
  if (next != runs.end()) return RunFolder(store.root(), next->id).publish_latest();
  const std::string link = store.root() + "/latest";
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
Status exchange(const std::string& one, const std::string& other) {
  if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return file_error(errno, "exchange", one);
  // A file system that cannot: for an instant the link leads nowhere.
  if (::unlink(other.c_str()) != 0 || ::rename(one.c_str(), other.c_str()) != 0) return file_error(errno, "move", one);
  return {};
}

}  // namespace

// What other runs took over by a link goes to the newest of them; the others are pointed there before. `folder` is
// where the run's own files are.
Status RunStore::hand_over_stages(std::string_view id, const std::string& folder) const {
  PENSTOCK_ASSIGN(const std::vector<std::string> others, ids());
  std::map<std::string, std::vector<std::string>> users;  // by stage
  for (const std::string& other : others) {
    const RunFolder run(root_, other);
    std::error_code error;
    for (fs::directory_iterator it(run.path(), error), end; other != id && !error && it != end; it.increment(error)) {
      const std::string stage = it->path().filename().string();
      if (it->is_symlink(error) && run.maker_of(stage) == id) users[stage].push_back(other);
    }
  }
  for (const auto& [stage, runs] : users) {
    const RunFolder heir(root_, runs.front());
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const std::string path = RunFolder(root_, runs[i]).path();
      PENSTOCK_TRY(point_link(path + "/" + stage, "../" + heir.id() + "/" + stage, path + "/." + stage + ".tmp"));
    }
    PENSTOCK_TRY(exchange(folder + "/" + stage, heir.path() + "/" + stage));
  }
  return {};
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
  const std::string path = RunFolder(root_, std::string(id)).path();
  PENSTOCK_TRY(hand_over_stages(id, path));
  const std::string hidden = fmt::format("{}/runs/{}{}-{}", root_, kRemoved, id, this_process_mark());
  if (::rename(path.c_str(), hidden.c_str()) != 0) {
    if (errno == ENOENT) return {};  // another process was faster
    return file_error(errno, "remove", path);
  }
  PENSTOCK_TRY(hand_over_stages(id, hidden));  // what a run linked meanwhile
  return remove_tree(hidden);
}

std::size_t RunStore::finish_removals() const {
  std::size_t finished = 0;
  std::error_code error;
  for (fs::directory_iterator it(root_ + "/runs", error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with(kRemoved)) continue;
    finished += remove_tree(it->path().string()) ? 1 : 0;
  }
  return finished;
}

std::uint64_t RunStore::size_bytes(std::string_view id) const {
  std::uint64_t bytes = 0;
  std::error_code error;
  const std::string path = RunFolder(root_, std::string(id)).path();
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code missing;
    if (fs::is_regular_file(it->symlink_status(missing))) bytes += it->file_size(missing);
  }
  return bytes;
}

}  // namespace penstock
