// SPDX-License-Identifier: MIT
// The file is text: a head, a line per file, and last a digest of all that, so that damage cannot pass for a digest.
#include "store/digest_index.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <vector>

#include "platform/file.h"
#include "store/digest.h"

namespace penstock {
namespace {

constexpr std::string_view kHead = "penstock digests 1\n";
constexpr std::size_t kMostKnown = 500'000;
// The times of files come from a clock that ticks every 1 to 10 ms; some more for good measure.
constexpr std::int64_t kSettles = 50'000'000;

std::int64_t ns_of(const timespec& time) noexcept {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::int64_t file_clock_ns() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return ns_of(now);
}

FileState state_from(const struct ::stat& info) noexcept {
  return {info.st_dev, info.st_ino, info.st_size, ns_of(info.st_mtim), ns_of(info.st_ctim)};
}

bool FileDigest::settled() const noexcept {
  return fresh || (own ? state.modified_ns : std::max(state.modified_ns, state.changed_ns)) + kSettles < hashed_ns;
}

Result<FileState> state_of(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return file_error(errno, "look at", path);
  if (S_ISREG(info.st_mode)) return state_from(info);
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} is no regular file", path));
}

DigestIndex::DigestIndex(std::string path) : path_(std::move(path)), known_(read(path_)) {}

bool DigestIndex::find_known(const FileState& state, FileDigest& digest) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find({state.device, state.inode});
  if (known == known_.end() || !(known->second.state == state) || !known->second.settled()) return false;
  digest = known->second;
  return true;
}

Result<FileDigest> DigestIndex::digest(const std::string& path, const FileState& state) {
  FileDigest known;
  return find_known(state, known) ? std::move(known) : digest(path);
}

Result<FileDigest> DigestIndex::digest(const std::string& path) {
  constexpr int kMostAttempts = 3;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    PENSTOCK_ASSIGN(const FileState before, state_of(path));
    FileDigest digest;
    if (find_known(before, digest)) return digest;
    digest.hashed_ns = file_clock_ns();
    digest.state = before;
    PENSTOCK_ASSIGN(digest.sha256, sha256_of_file(path));
    PENSTOCK_ASSIGN(const FileState after, state_of(path));
    if (!(before == after)) continue;
    const std::lock_guard lock(mutex_);
    known_[{before.device, before.inode}] = digest;
    added_[{before.device, before.inode}] = digest;
    return digest;
  }
  return Error(ErrorCode::kUnavailable, fmt::format("{} is changed while it is read", path))
      .hint("wait until who writes it has finished");
}

std::int64_t DigestIndex::bytes_to_hash(const std::string& path) {
  const Result<FileState> state = state_of(path);
  if (!state) return 0;
  const std::lock_guard lock(mutex_);
  const auto known = known_.find({state->device, state->inode});
  const bool is_known = known != known_.end() && known->second.state == *state && known->second.settled();
  return is_known ? 0 : state->size_bytes;
}

Result<bool> DigestIndex::unchanged(const std::string& path, const FileDigest& known) {
  PENSTOCK_ASSIGN(const FileState now, state_of(path));
  if (now == known.state && known.settled()) return true;
  PENSTOCK_ASSIGN(const FileDigest again, digest(path, now));
  return again.sha256 == known.sha256;
}

Status DigestIndex::remember(const std::string& path, const std::string& sha256) {
  FileDigest digest;
  digest.own = true;
  digest.fresh = true;
  digest.sha256 = sha256;
  PENSTOCK_ASSIGN(digest.state, state_of(path));
  digest.hashed_ns = file_clock_ns();
  const std::lock_guard lock(mutex_);
  known_[{digest.state.device, digest.state.inode}] = digest;
  added_[{digest.state.device, digest.state.inode}] = digest;
  return {};
}

namespace {

// "DEVICE INODE SIZE MODIFIED CHANGED HASHED OWN SHA256"
bool read_line(std::string_view line, FileDigest& digest) {
  std::int64_t numbers[7];
  for (std::int64_t& number : numbers) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || end == line.data() + line.size() || *end != ' ') return false;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
  }
  if (line.size() != 64) return false;
  digest.state = {static_cast<std::uint64_t>(numbers[0]), static_cast<std::uint64_t>(numbers[1]), numbers[2],
                  numbers[3], numbers[4]};
  digest.hashed_ns = numbers[5];
  digest.own = numbers[6] != 0;
  digest.sha256 = line;
  return true;
}

}  // namespace

std::map<DigestIndex::Key, FileDigest> DigestIndex::read(const std::string& path) {
  std::map<Key, FileDigest> known;
  const Result<std::string> file = read_file(path);
  if (!file || file->size() < kHead.size() + 65 || !file->starts_with(kHead)) return known;
  std::string_view text(*file);
  const std::string_view seal = text.substr(text.size() - 65);
  text.remove_suffix(65);
  if (seal.back() != '\n' || sha256(text) != seal.substr(0, 64)) return known;
  text.remove_prefix(kHead.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    FileDigest digest;
    if (!read_line(text.substr(0, end), digest)) return {};
    known.emplace_hint(known.end(), Key{digest.state.device, digest.state.inode}, digest);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return known;
}

Status DigestIndex::save() {
  const std::lock_guard lock(mutex_);
  if (added_.empty()) return {};
  std::map<Key, FileDigest> all = read(path_);  // what others have saved meanwhile
  for (const auto& [key, digest] : added_) all[key] = digest;
  if (all.size() > kMostKnown) all = added_;
  std::string text(kHead);
  for (const auto& [key, digest] : all) {
    const FileState& state = digest.state;
    fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {} {} {}\n", static_cast<std::int64_t>(state.device),
                   static_cast<std::int64_t>(state.inode), state.size_bytes, state.modified_ns, state.changed_ns,
                   digest.hashed_ns, digest.own ? 1 : 0, digest.sha256);
  }
  text += sha256(text) + "\n";
  PENSTOCK_TRY(write_file(path_, text));
  added_.clear();
  return {};
}

std::string folder_line(std::string_view sha256_of_content, std::string_view name) {
  return fmt::format("file {} {}\n", sha256_of_content, sha256(name));
}

std::string digest_of_lines(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return sha256(text);
}

Result<std::string> digest_of_folder(const std::string& path, DigestIndex& index,
                                     const std::function<FileDigests(const std::vector<std::string>&)>& before) {
  namespace fs = std::filesystem;
  std::vector<std::string> lines;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().lexically_relative(path).string();
    const fs::file_status status = it->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) continue;
    if (fs::is_symlink(status)) {
      const fs::path target = fs::read_symlink(it->path(), error);
      if (error) break;
      lines.push_back("link " + sha256(target.string()) + " " + sha256(name) + "\n");
    } else if (fs::is_regular_file(status)) {
      files.push_back(it->path().string());
    } else {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{} is neither a file nor a folder nor a link", it->path().string()));
    }
  }
  if (error) return file_error(error.value(), "list", path);
  const FileDigests known = before ? before(files) : FileDigests();
  for (const std::string& file : files) {
    const auto found = known.find(file);
    Result<FileDigest> digest = found != known.end() ? Result<FileDigest>(found->second) : index.digest(file);
    if (!digest) return std::move(digest.error());
    lines.push_back(folder_line(digest->sha256, fs::path(file).lexically_relative(path).string()));
  }
  return digest_of_lines(std::move(lines));
}

}  // namespace penstock
