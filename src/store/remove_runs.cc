// SPDX-License-Identifier: MIT
// Removes runs. A run goes at once, by a rename to a hidden name, so that nobody sees half of one.
#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

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

}  // namespace

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
  const std::string hidden = fmt::format("{}/runs/{}{}-{}", root_, kRemoved, id, this_process_mark());
  if (::rename(path.c_str(), hidden.c_str()) != 0) {
    if (errno == ENOENT) return {};  // another process was faster
    return file_error(errno, "remove", path);
  }
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
