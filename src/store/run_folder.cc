// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "data/timestamp_text.h"
#include "platform/file.h"
#include "platform/machine.h"
#include "store/digest.h"
#include "store/run_store.h"

namespace penstock {

std::int64_t now_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string utc_text(std::int64_t micros) {
  char text[kMostTimestampText];
  return {text, format_timestamp(text, micros)};
}

std::string make_run_id(std::int64_t micros) {
  std::string id;
  for (const char c : utc_text(micros - micros % 1'000'000)) {
    if (c >= '0' && c <= '9') id += c;
    if (c == 'T') id += '_';
  }
  unsigned char random[3];
  if (::getrandom(random, sizeof random, 0) != sizeof random) std::fill(random, random + sizeof random, 0);
  char suffix[8];
  std::snprintf(suffix, sizeof suffix, "_%02x%02x%02x", random[0], random[1], random[2]);
  return id + suffix;
}

std::string_view media_type(std::string_view name) {
  static constexpr std::string_view kTypes[][2] = {{".csv", "text/csv"},
                                                   {".tsv", "text/tab-separated-values"},
                                                   {".json", "application/json"},
                                                   {".jsonl", "application/x-ndjson"},
                                                   {".ndjson", "application/x-ndjson"},
                                                   {".txt", "text/plain"},
                                                   {".log", "text/plain"},
                                                   {".html", "text/html"},
                                                   {".png", "image/png"},
                                                   {".jpg", "image/jpeg"},
                                                   {".jpeg", "image/jpeg"},
                                                   {".gz", "application/gzip"},
                                                   {".zst", "application/zstd"}};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::string RunFolder::path() const { return root_ + "/runs/" + id_; }

std::string RunFolder::artifacts_of(std::string_view stage) const {
  return path() + "/" + std::string(stage) + "/artifacts";
}

Status RunFolder::make_stage(std::string_view stage) { return make_folders(artifacts_of(stage)); }

namespace {

// "../RUN/STAGE": stores may be moved as a whole.
constexpr std::string_view kUp = "../";

}  // namespace

Status RunFolder::link_stage(std::string_view stage, const std::string& maker) {
  const std::string link = path() + "/" + std::string(stage);
  const std::string target = std::string(kUp) + maker + "/" + std::string(stage);
  if (::symlink(target.c_str(), link.c_str()) == 0) return {};
  return file_error(errno, "make the link", link);
}

std::string RunFolder::maker_of(std::string_view stage) const {
  char target[512];
  const ssize_t size = ::readlink((path() + "/" + std::string(stage)).c_str(), target, sizeof target);
  std::string_view text(target, size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!text.starts_with(kUp)) {
    std::string other = repeats();
    return other.empty() ? id_ : other;
  }
  text.remove_prefix(kUp.size());
  return std::string(text.substr(0, text.find('/')));
}

bool RunFolder::has_own(std::string_view stage) const {
  char target[1];
  return ::readlink((path() + "/" + std::string(stage)).c_str(), target, sizeof target) < 0 && errno == EINVAL;
}

std::string RunFolder::repeats() const {
  char target[64];
  const ssize_t size = ::readlink(path().c_str(), target, sizeof target);
  return {target, size > 0 ? static_cast<std::size_t>(size) : 0};
}

Status RunFolder::write(std::string_view name, std::string_view text) {
  return write_file(path() + "/" + std::string(name), text);
}

bool RunFolder::keeps(std::string_view name) {
  static constexpr std::string_view kNames[] = {"run.json",    "manifest.json", "timing.json", "metrics.json",
                                                "report.html", "plan.json",     "trace.json",  "journal.jsonl"};
  const std::size_t slash = name.find('/');
  // In a stage's folder, but not among its artifacts, whose names are anybody's.
  const std::size_t checkpoints = name.find("/checkpoints/");
  if (checkpoints != std::string_view::npos &&
      name.substr(0, checkpoints + 1).find("/artifacts/") == std::string_view::npos)
    return true;
  if (slash != std::string_view::npos) return name.substr(slash) == "/output.json" || name.substr(slash) == "/key.json";
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

namespace {

enum class Names { kVisible, kHidden };

// Adds the regular files under `folder`/`below` whose own names are visible, or hidden, to `names`.
Status collect_files(const std::string& folder, const std::string& below, Names wanted,
                     std::vector<std::string>& names) {
  const std::string path = below.empty() ? folder : folder + "/" + below;
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) return file_error(errno, "list", path);
  Status status;
  while (status) {
    errno = 0;
    const dirent* const entry = ::readdir(directory);
    if (entry == nullptr) {
      if (errno != 0) status = file_error(errno, "list", path);
      break;
    }
    const std::string_view name = entry->d_name;
    const bool hidden = name.starts_with('.');
    const std::string relative = below.empty() ? std::string(name) : below + "/" + std::string(name);
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {  // some file systems do not say
      struct stat info;
      if (::lstat((folder + "/" + relative).c_str(), &info) != 0) continue;  // removed meanwhile
      type = S_ISREG(info.st_mode) ? DT_REG : S_ISDIR(info.st_mode) ? DT_DIR : DT_UNKNOWN;
    }
    if (type == DT_REG && hidden == (wanted == Names::kHidden)) names.push_back(relative);
    if (type == DT_DIR && !hidden) status = collect_files(folder, relative, wanted, names);
  }
  ::closedir(directory);
  return status;
}

}  // namespace

Result<std::vector<Artifact>> RunFolder::artifacts(std::string_view stage) const {
  return artifacts_in(artifacts_of(stage), stage);
}

Result<std::vector<Artifact>> RunFolder::artifacts_in(const std::string& folder, std::string_view stage) {
  std::vector<std::string> names;
  PENSTOCK_TRY(collect_files(folder, "", Names::kVisible, names));
  std::sort(names.begin(), names.end());
  std::vector<Artifact> artifacts;
  for (const std::string& name : names) {
    Artifact artifact;
    artifact.name = name;
    artifact.path = std::string(stage) + "/artifacts/" + name;
    artifact.type = media_type(name);
    PENSTOCK_ASSIGN(File file, File::open(folder + "/" + name));
    PENSTOCK_ASSIGN(const FileStamp stamp, file.stamp());
    artifact.size_bytes = static_cast<std::uint64_t>(stamp.size_bytes);
    PENSTOCK_ASSIGN(artifact.sha256, sha256_of_file(file));
    artifacts.push_back(std::move(artifact));
  }
  return artifacts;
}

void RunFolder::remove_temporaries(std::string_view stage) noexcept {
  const std::string folder = artifacts_of(stage);
  const std::string mark = "." + this_process_mark() + "-";  // as AtomicFile names them
  std::vector<std::string> names;
  if (!collect_files(folder, "", Names::kHidden, names)) return;
  for (const std::string& name : names) {
    if (name.ends_with(".tmp") && name.find(mark) != std::string::npos) ::unlink((folder + "/" + name).c_str());
  }
}

// A link cannot be changed in place: a new one is made beside it and renamed over it.
Status RunFolder::publish_latest() {
  const std::string link = root_ + "/latest";
  const std::string temporary = root_ + "/.latest." + id_ + "." + this_process_mark() + "-0.tmp";
  ::unlink(temporary.c_str());
  if (::symlink(("runs/" + id_).c_str(), temporary.c_str()) != 0) return file_error(errno, "make the link", temporary);
  if (::rename(temporary.c_str(), link.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(temporary.c_str());
  return file_error(error, "replace the link", link);
}

}  // namespace penstock
