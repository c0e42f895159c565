// SPDX-License-Identifier: MIT
// The file is a head, numbers and texts as base/words.h puts them, and a check of all that. It decides nothing that is
// not compared with the files themselves.
#include "store/run_grounds.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/words.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "platform/process.h"
#include "store/digest.h"
#include "store/stage_cache.h"

namespace penstock {
namespace {

constexpr std::string_view kGroundsHead = "penstock grounds 1\n";
constexpr std::size_t kGroundsCheckSize = 8;
constexpr std::size_t kMostRequests = 32;

std::string folder_of_grounds(const std::string& store) { return store + "/grounds"; }

std::string path_of_grounds(const std::string& store, const std::string& request) {
  return folder_of_grounds(store) + "/" + request.substr(0, 32);
}

bool has_state(RunGrounds::Kind kind) {
  return kind != RunGrounds::Kind::kMissing && kind != RunGrounds::Kind::kFolder;
}

void put_seen(std::string& out, const RunGrounds::Seen& seen) {
  put_word(out, static_cast<std::uint64_t>(seen.kind));
  put_text(out, seen.path);
  if (!has_state(seen.kind)) return;
  const FileDigest& digest = seen.digest;
  put_word(out, digest.state.device);
  put_word(out, digest.state.inode);
  put_word(out, static_cast<std::uint64_t>(digest.state.size_bytes));
  put_word(out, static_cast<std::uint64_t>(digest.state.modified_ns));
  put_word(out, static_cast<std::uint64_t>(digest.state.changed_ns));
  put_word(out, static_cast<std::uint64_t>(digest.hashed_ns));
  put_text(out, digest.sha256);
}

struct GroundsTaker {
  std::string_view bytes;
  bool cut = false;

  std::uint64_t number() { return take_word(bytes, cut); }
  std::string text() { return std::string(take_text(bytes, cut)); }
};

RunGrounds::Seen seen_in(GroundsTaker& from) {
  RunGrounds::Seen seen;
  const std::uint64_t kind = from.number();
  from.cut = from.cut || kind > static_cast<std::uint64_t>(RunGrounds::Kind::kFolder);
  if (!from.cut) seen.kind = static_cast<RunGrounds::Kind>(kind);
  seen.path = from.text();
  if (!has_state(seen.kind)) return seen;
  FileDigest& digest = seen.digest;
  digest.state.device = from.number();
  digest.state.inode = from.number();
  digest.state.size_bytes = static_cast<std::int64_t>(from.number());
  digest.state.modified_ns = static_cast<std::int64_t>(from.number());
  digest.state.changed_ns = static_cast<std::int64_t>(from.number());
  digest.hashed_ns = static_cast<std::int64_t>(from.number());
  digest.sha256 = from.text();
  return seen;
}

// The oldest ones of requests go; each is of some file with some settings, which may not be there any more.
void forget_some(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::file_time_type, std::string>> all;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (!it->path().filename().string().starts_with('.'))
      all.emplace_back(it->last_write_time(gone), it->path().string());
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i + kMostRequests < all.size(); ++i) ::unlink(all[i].second.c_str());
}

bool programs_are_the_same(const std::vector<RunGrounds::Program>& programs) {
  return std::all_of(programs.begin(), programs.end(), [](const RunGrounds::Program& program) {
    const Result<std::string> found = find_program(program.name);
    return found && *found == program.path;
  });
}

}  // namespace

std::string digest_of_environment(const std::vector<std::string>& variables) {
  std::map<std::string, std::string> values;
  for (const std::string& entry : environment()) {
    const std::string name = entry.substr(0, entry.find('='));
    if (name.starts_with("LC_") || name == "LANG" || name == "LANGUAGE" || name == "TZ" || name == "PATH")
      values[name] = entry;
  }
  for (const std::string& name : variables) {
    const char* const value = std::getenv(name.c_str());
    values[name] = value == nullptr ? name : name + "=" + value;
  }
  std::string text;
  for (const auto& [name, entry] : values) put_text(text, entry);
  return sha256(text);
}

std::optional<RunGrounds> RunGrounds::read(const std::string& store, const std::string& request) {
  const Result<std::string> file = read_file(path_of_grounds(store, request));
  if (!file || !file->starts_with(kGroundsHead) || file->size() < kGroundsHead.size() + kGroundsCheckSize) return {};
  GroundsTaker check{std::string_view(*file).substr(file->size() - kGroundsCheckSize)};
  GroundsTaker from{std::string_view(*file).substr(0, file->size() - kGroundsCheckSize)};
  if (XXH3_64bits(from.bytes.data(), from.bytes.size()) != check.number()) return {};
  from.bytes.remove_prefix(kGroundsHead.size());
  RunGrounds grounds;
  if (from.text() != request) return {};
  grounds.run_id = from.text();
  grounds.stages = from.number();
  grounds.durable = from.number() != 0;
  grounds.environment = from.text();
  for (std::uint64_t left = from.number(); !from.cut && left > 0; --left) grounds.variables.push_back(from.text());
  for (std::uint64_t left = from.number(); !from.cut && left > 0; --left) {
    std::string name = from.text();
    grounds.programs.push_back({std::move(name), from.text()});
  }
  const std::uint64_t seen = from.number();
  if (!from.cut) grounds.seen.reserve(std::min<std::uint64_t>(seen, from.bytes.size()));
  for (std::uint64_t left = seen; !from.cut && left > 0; --left) grounds.seen.push_back(seen_in(from));
  if (from.cut || !from.bytes.empty()) return {};
  return grounds;
}

Status RunGrounds::write(const std::string& store, const std::string& request) const {
  std::string out(kGroundsHead);
  put_text(out, request);
  put_text(out, run_id);
  put_word(out, stages);
  put_word(out, durable ? 1 : 0);
  put_text(out, environment);
  put_word(out, variables.size());
  for (const std::string& name : variables) put_text(out, name);
  put_word(out, programs.size());
  for (const Program& program : programs) {
    put_text(out, program.name);
    put_text(out, program.path);
  }
  put_word(out, seen.size());
  for (const Seen& each : seen) put_seen(out, each);
  put_word(out, XXH3_64bits(out.data(), out.size()));
  PENSTOCK_TRY(make_folders(folder_of_grounds(store)));
  const std::string path = path_of_grounds(store, request);
  const bool is_new = ::access(path.c_str(), F_OK) != 0;
  PENSTOCK_TRY(write_file(path, out));
  if (is_new) forget_some(folder_of_grounds(store));
  return {};
}

// The time of the file is that of `mark_used`.
Status RunGrounds::rewrite(const std::string& store, const std::string& request) const {
  const std::string path = path_of_grounds(store, request);
  struct stat before;
  const bool is_marked = ::stat(path.c_str(), &before) == 0;
  PENSTOCK_TRY(write(store, request));
  const timespec times[2] = {before.st_atim, before.st_mtim};
  if (is_marked && ::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0)
    return file_error(errno, "set the time of", path);
  return {};
}

namespace {

/// Looks at files, most of them below one of two folders.
class Look {
 public:
  Look(const std::string& store, const std::string& run_id)
      : store_(store),
        run_(store + "/runs/" + run_id),
        store_fd_(::open(store_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        run_fd_(::open(run_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

  bool can_look() const { return store_fd_.is_open() && run_fd_.is_open(); }

  bool is_the_same(RunGrounds::Seen& seen, bool& renewed) const {
    using Kind = RunGrounds::Kind;
    struct stat info;
    const bool in_run = seen.kind == Kind::kArtifact || seen.kind == Kind::kFolder;
    const bool own = in_run || seen.kind == Kind::kUntouched;
    const int folder = in_run ? run_fd_.get() : own ? store_fd_.get() : AT_FDCWD;
    const bool there = ::fstatat(folder, seen.path.c_str(), &info, own ? AT_SYMLINK_NOFOLLOW : 0) == 0;
    if (seen.kind == Kind::kMissing) return !there && errno == ENOENT;
    if (seen.kind == Kind::kFolder) return there && S_ISDIR(info.st_mode);
    if (!there || !S_ISREG(info.st_mode)) return false;
    const FileState now = state_from(info);
    if (now == seen.digest.state && (seen.kind == Kind::kUntouched || seen.digest.settled())) return true;
    return seen.kind != Kind::kUntouched && has_the_content(seen, now, renewed);
  }

 private:
  bool has_the_content(RunGrounds::Seen& seen, const FileState& now, bool& renewed) const {
    if (now.size_bytes != seen.digest.state.size_bytes) return false;
    const std::string path = seen.kind == RunGrounds::Kind::kArtifact ? run_ + "/" + seen.path : seen.path;
    const std::int64_t begin = file_clock_ns();
    const Result<std::string> content = sha256_of_file(path);
    const Result<FileState> after = state_of(path);
    if (!content || !after || !(*after == now) || *content != seen.digest.sha256) return false;
    seen.digest.state = now;
    seen.digest.hashed_ns = begin;
    renewed = true;
    return true;
  }

  const std::string store_;
  const std::string run_;
  const Descriptor store_fd_;
  const Descriptor run_fd_;
};

}  // namespace

// The time of the file is that at which all of them were marked last.
void RunGrounds::mark_used(const std::string& store, const std::string& request) const noexcept {
  constexpr std::int64_t kFineEnough = std::int64_t{3600} * 1'000'000'000;
  const std::string path = path_of_grounds(store, request);
  const Result<FileState> state = state_of(path);
  const std::int64_t now = file_clock_ns();
  if (state && now >= state->modified_ns && now - state->modified_ns < kFineEnough) return;
  for (const Seen& each : seen) {
    if (each.kind == Kind::kUntouched && each.path.starts_with("cache/"))
      StageCache::touch(folder_of(store + "/" + each.path));
  }
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
}

bool RunGrounds::hold(const std::string& store, bool& renewed) {
  if (digest_of_environment(variables) != environment || !programs_are_the_same(programs)) return false;
  const Look look(store, run_id);
  return look.can_look() &&
         std::all_of(seen.begin(), seen.end(), [&](Seen& each) { return look.is_the_same(each, renewed); });
}

}  // namespace penstock
