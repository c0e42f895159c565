// SPDX-License-Identifier: MIT
#include "store/stage_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <set>

#include "platform/file.h"
#include "platform/link_file.h"
#include "platform/machine.h"
#include "platform/new_file.h"
#include "store/digest.h"
#include "store/run_store.h"

namespace penstock {
namespace {

constexpr std::string_view kTemporary = ".tmp-";

std::string temporary_name() {
  static std::atomic<unsigned> counter{0};  // relaxed: only distinctness matters
  return std::string(kTemporary) + this_process_mark() + "-" +
         std::to_string(counter.fetch_add(1, std::memory_order_relaxed));
}

bool is_artifact_name(std::string_view name) {
  if (name.empty() || name.front() == '/') return false;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    name.remove_prefix(std::min(slash + 1, name.size()));
  }
  return true;
}

Error not_what_it_was(const std::string& path, std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("{} is not what was kept: {}", path, what));
}

Status check_artifact(const std::string& path, const Artifact& artifact, DigestIndex& index) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0)
    return not_what_it_was(path, errno == ENOENT ? "it is gone" : "it cannot be read");
  if (!S_ISREG(info.st_mode)) return not_what_it_was(path, "it is no regular file");
  if (static_cast<std::uint64_t>(info.st_size) != artifact.size_bytes)
    return not_what_it_was(path, fmt::format("it has {} bytes instead of {}", info.st_size, artifact.size_bytes));
  PENSTOCK_ASSIGN(const FileDigest digest, index.digest(path, state_from(info)));
  if (digest.sha256 != artifact.sha256) return not_what_it_was(path, "its content was changed");
  return {};
}

Status link_artifact(const std::string& from, const std::string& to, const Artifact& artifact, DigestIndex& index) {
  PENSTOCK_TRY(link_file(from + "/" + artifact.name, to + "/" + artifact.name, Sharing::kAny));
  return index.remember(to + "/" + artifact.name, artifact.sha256);
}

// Links or copies all artifacts into `to`, making its folders.
Status fill(const std::vector<Artifact>& artifacts, const std::string& from, const std::string& to,
            DigestIndex& index) {
  PENSTOCK_TRY(make_folders(to));
  std::set<std::string> made;
  for (const Artifact& artifact : artifacts) {
    const std::string folder = folder_of(to + "/" + artifact.name);
    if (folder != to && made.insert(folder).second) PENSTOCK_TRY(make_folders(folder));
    PENSTOCK_TRY(link_artifact(from, to, artifact, index));
  }
  return {};
}

}  // namespace

void StageKey::seal() {
  // Lengths in front make the text unambiguous.
  std::string text;
  for (const auto& [name, value] : fields) text += fmt::format("{}:{}={}:{}\n", name.size(), name, value.size(), value);
  digest = sha256(text);
}

Status check_artifacts(const std::vector<Artifact>& artifacts, const std::string& from, DigestIndex& index) {
  for (const Artifact& artifact : artifacts) {
    if (!is_artifact_name(artifact.name)) return not_what_it_was(from, "a name leads out of it");
    PENSTOCK_TRY(check_artifact(from + "/" + artifact.name, artifact, index));
  }
  return {};
}

namespace {

Status fill_kept(const KeptArtifacts& kept, const std::string& to, DigestIndex& index) {
  PENSTOCK_TRY(fill(kept.artifacts, kept.from, to, index));
  for (const std::string& folder : kept.folders) PENSTOCK_TRY(make_folders(to + "/" + folder));
  return {};
}

// Makes a folder aside by `make`, which then gets its name.
template <class F>
Status appear(const std::string& to, F make) {
  const std::string temporary = folder_of(to) + "/" + temporary_name();
  Status status = make(temporary);
  if (status && ::rename(temporary.c_str(), to.c_str()) != 0) status = file_error(errno, "put in place", to);
  if (!status) (void)remove_tree(temporary);
  return status;
}

}  // namespace

Status restore_artifacts(const KeptArtifacts& kept, const std::string& to, DigestIndex& index) {
  PENSTOCK_TRY(check_artifacts(kept.artifacts, kept.from, index));
  return appear(to, [&](const std::string& folder) { return fill_kept(kept, folder, index); });
}

Status restore_stage(const KeptArtifacts& kept, const std::string& to,
                     const std::vector<std::pair<std::string, std::string>>& files, DigestIndex& index) {
  PENSTOCK_TRY(check_artifacts(kept.artifacts, kept.from, index));
  return appear(to, [&](const std::string& folder) -> Status {
    PENSTOCK_TRY(make_folders(folder));
    PENSTOCK_TRY(fill_kept(kept, folder + "/artifacts", index));
    for (const auto& [name, text] : files) PENSTOCK_TRY(write_new_file(folder + "/" + name, text));
    return {};
  });
}

std::string StageCache::artifacts_of(const CacheEntry& entry) const { return folder_of_key(entry.key) + "/artifacts"; }

Result<std::optional<CacheEntry>> StageCache::find(const StageKey& key) const {
  const std::string path = entry_path(key);
  const Result<std::string> text = read_file(path);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::optional<CacheEntry>();
  if (!text) return text.error();
  PENSTOCK_ASSIGN(CacheEntry entry, entry_of_json(*text, path));
  // The folder's name holds a part of the key only.
  if (entry.key.digest != key.digest) return std::optional<CacheEntry>();
  return std::optional(std::move(entry));
}

Status StageCache::put(const CacheEntry& entry, const std::string& from, DigestIndex& index, bool replace,
                       bool durable) {
  const std::string folder = folder_of_key(entry.key);
  if (!replace && ::access((folder + "/entry.json").c_str(), F_OK) == 0) return {};
  const std::string temporary = root_ + "/cache/" + temporary_name();
  Status status = make_folders(temporary);  // and the cache, once
  if (status) status = fill(entry.artifacts, from, temporary + "/artifacts", index);
  // It appears with the folder, so nothing has to be written beside it.
  if (status) status = write_new_file(temporary + "/entry.json", entry_to_json(entry), durable);
  if (status && durable) status = sync_folder(temporary);
  for (int attempt = 0; status; ++attempt) {
    if (::rename(temporary.c_str(), folder.c_str()) == 0) {
      if (durable) status = sync_folder(root_ + "/cache");
      return status;
    }
    if (errno != EEXIST && errno != ENOTEMPTY) status = file_error(errno, "put in place", folder);
    // Another process was faster, and its entry is as good as this one; a damaged one must go first.
    if (status && (!replace || attempt > 3)) break;
    if (status) status = remove(entry.key.digest.substr(0, 16));
  }
  (void)remove_tree(temporary);
  return status;
}

Status StageCache::remove(const std::string& folder) const {
  // Renamed first, so that nobody sees half an entry.
  const std::string temporary = root_ + "/cache/" + temporary_name();
  if (::rename((root_ + "/cache/" + folder).c_str(), temporary.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return file_error(errno, "remove", root_ + "/cache/" + folder);
  }
  return remove_tree(temporary);
}

// The folder, as the state of entry.json says whether it is what was read before (ResultIndex).
void StageCache::touch(const std::string& folder) noexcept {
  constexpr std::int64_t kFineEnough = 60;  // seconds; looking costs less than changing
  struct stat info;
  timespec now;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (::stat(folder.c_str(), &info) == 0 && now.tv_sec >= info.st_mtim.tv_sec &&
      now.tv_sec - info.st_mtim.tv_sec < kFineEnough)
    return;
  ::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0);
}

namespace {

Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) {
    if (errno == ENOENT) return names;
    return file_error(errno, "list", path);
  }
  while (const dirent* const entry = ::readdir(directory)) names.emplace_back(entry->d_name);
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::vector<StageCache::Listed>> StageCache::list() const {
  PENSTOCK_ASSIGN(const std::vector<std::string> names, names_in(root_ + "/cache"));
  std::vector<Listed> entries;
  for (const std::string& name : names) {
    if (name.starts_with('.')) continue;
    const std::string path = root_ + "/cache/" + name + "/entry.json";
    Listed listed;
    listed.folder = name;
    struct stat info;
    for (const std::string& marked : {path, root_ + "/cache/" + name}) {
      if (::stat(marked.c_str(), &info) == 0)
        listed.used_at = std::max<std::int64_t>(listed.used_at, info.st_mtim.tv_sec);
    }
    const Result<std::string> text = read_file(path);
    Result<CacheEntry> entry = text ? entry_of_json(*text, path) : Result<CacheEntry>(text.error());
    if (entry) {
      listed.entry = std::move(*entry);
      for (const Artifact& artifact : listed.entry.artifacts) listed.size_bytes += artifact.size_bytes;
    } else if (entry.error().code() == ErrorCode::kNotFound) {
      continue;  // removed meanwhile
    } else {
      listed.fault = entry.error().message();
    }
    entries.push_back(std::move(listed));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.used_at > b.used_at; });
  return entries;
}

Status StageCache::verify(const Listed& listed) const {
  const std::string folder = root_ + "/cache/" + listed.folder;
  if (!listed.fault.empty()) return not_what_it_was(folder, listed.fault);
  if (listed.entry.key.digest.substr(0, 16) != listed.folder) return not_what_it_was(folder, "it is of another key");
  for (const Artifact& artifact : listed.entry.artifacts) {
    if (!is_artifact_name(artifact.name)) return not_what_it_was(folder, "a name leads out of it");
    const std::string path = folder + "/artifacts/" + artifact.name;
    PENSTOCK_ASSIGN(const std::string digest, sha256_of_file(path));
    if (digest != artifact.sha256) return not_what_it_was(path, "its content was changed");
  }
  return {};
}

std::size_t StageCache::clean() const {
  std::size_t removed = 0;
  const Result<std::vector<std::string>> names = names_in(root_ + "/cache");
  if (!names) return 0;
  for (const std::string& name : *names) {
    if (!name.starts_with(kTemporary)) continue;
    // ".tmp-PID-DIGEST-N": of a process that is gone.
    const std::string mark = name.substr(kTemporary.size(), name.rfind('-') - kTemporary.size());
    const ProcessIdentity holder = process_with(std::atoll(mark.c_str()));
    if (holder.start_ticks != 0 && mark_of(holder) == mark) continue;
    removed += remove_tree(root_ + "/cache/" + name) ? 1 : 0;
  }
  return removed;
}

}  // namespace penstock
