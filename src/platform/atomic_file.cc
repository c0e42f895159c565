// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "platform/file.h"
#include "platform/machine.h"

namespace penstock {
namespace {

// Follows a link, so that the rename replaces the file behind it and not the link.
std::string behind_link(const std::string& path) {
  struct stat info;
  char resolved[PATH_MAX];
  const bool link = ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
  return link && ::realpath(path.c_str(), resolved) ? std::string(resolved) : path;
}

std::string temporary_beside(const std::string& target) {
  static std::atomic<unsigned> counter{0};  // relaxed: only distinctness matters
  const std::size_t slash = target.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  // Long names are cut, so that the suffix does not push them over the limit of 255 bytes.
  return target.substr(0, name) + "." + target.substr(name, 200) + "." + this_process_mark() + "-" +
         std::to_string(counter.fetch_add(1, std::memory_order_relaxed)) + ".tmp";
}

}  // namespace

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : file_(std::move(other.file_)),
      target_(std::move(other.target_)),
      state_(std::exchange(other.state_, State::kNothing)),
      temporary_(std::exchange(other.temporary_, {})),
      bytes_written_(other.bytes_written_),
      options_(other.options_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(target_, other.target_);
  std::swap(state_, other.state_);
  std::swap(temporary_, other.temporary_);
  std::swap(bytes_written_, other.bytes_written_);
  std::swap(options_, other.options_);
  return *this;
}

AtomicFile::~AtomicFile() { remove_temporary(); }

Result<AtomicFile> AtomicFile::create(const std::string& path, const Options& options) {
  if (options.make_folders) PENSTOCK_TRY(penstock::make_folders(folder_of(path)));
  AtomicFile atomic;
  atomic.options_ = options;
  struct stat info;
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) return file_error(EISDIR, "write", path);
  if (exists && !S_ISREG(info.st_mode)) {
    atomic.target_ = path;
    PENSTOCK_ASSIGN(atomic.file_, File::create(path, {.append = true}));
    return atomic;
  }
  if (exists && ::access(path.c_str(), W_OK) != 0) return file_error(errno, "replace", path);
  atomic.target_ = exists ? behind_link(path) : path;  // a link to nothing keeps its own name
  std::string temporary = temporary_beside(atomic.target_);
  auto file = File::create(temporary, {.exclusive = true});
  if (!file) {
    // The person knows the target's name, not the temporary's.
    const Error& why = file.error();
    return Error(why.code(), "cannot create a file beside " + path + " to write it").hint(why.hint()).caused_by(why);
  }
  atomic.file_ = std::move(*file);
  atomic.temporary_ = std::move(temporary);
  atomic.state_ = State::kWriting;
  if (exists) ::fchmod(atomic.file_.descriptor(), info.st_mode & 07777);
  return atomic;
}

bool AtomicFile::replaces(const std::string& path) noexcept {
  struct stat info;
  return ::stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

Result<AtomicFile> AtomicFile::go_on(const std::string& path, const Options& options, const std::string& temporary,
                                     std::uint64_t size) {
  PENSTOCK_ASSIGN(AtomicFile atomic, create(path, options));
  if (atomic.temporary_.empty()) {
    return Error(ErrorCode::kInvalidArgument, "what was written there cannot be gone on with: " + path);
  }
  // Its own name and mode are right already; only the bytes are those of the other one.
  struct stat info;
  const bool known = ::fstat(atomic.file_.descriptor(), &info) == 0;
  ::unlink(atomic.temporary_.c_str());
  PENSTOCK_ASSIGN(atomic.file_, File::go_on(temporary, atomic.temporary_, size));
  if (known) ::fchmod(atomic.file_.descriptor(), info.st_mode & 07777);
  atomic.bytes_written_ = size;
  return atomic;
}

Status AtomicFile::write_all(std::string_view bytes) {
  PENSTOCK_CHECK(is_open(), "AtomicFile::write_all after commit or abort");
  auto written = file_.write_all(bytes);
  if (!written) {
    const Error& why = written.error();
    return Error(why.code(), "cannot write " + target_ + " beyond byte " + std::to_string(bytes_written_))
        .hint(why.hint())
        .caused_by(why);
  }
  bytes_written_ += bytes.size();
  return {};
}

Status AtomicFile::commit() {
  PENSTOCK_CHECK(is_open(), "AtomicFile::commit after commit or abort");
  if (options_.durable) PENSTOCK_TRY(file_.sync());
  PENSTOCK_TRY(file_.close());
  if (temporary_.empty()) return {};
  PENSTOCK_TRY(put_in_place());
  if (options_.durable) PENSTOCK_TRY(sync_folder(folder_of(target_)));
  return {};
}

Status AtomicFile::put_in_place() {
  std::string before = temporary_beside(target_);
  const bool kept = options_.revocable && ::link(target_.c_str(), before.c_str()) == 0;
  const bool created = options_.revocable && !kept && errno == ENOENT;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int why = errno;
    if (kept) ::unlink(before.c_str());
    remove_temporary();
    return file_error(why, "put in place", target_);
  }
  temporary_ = kept ? std::move(before) : std::string();
  state_ = kept ? State::kReplaced : created ? State::kCreated : State::kNothing;
  return {};
}

void AtomicFile::abort() noexcept {
  file_ = File();
  if (state_ == State::kCreated) ::unlink(target_.c_str());
  if (state_ == State::kReplaced && ::rename(temporary_.c_str(), target_.c_str()) == 0) temporary_.clear();
  remove_temporary();
}

void AtomicFile::remove_temporary() noexcept {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
  state_ = State::kNothing;
}

Status write_file(const std::string& path, std::string_view bytes, const AtomicFile::Options& options) {
  PENSTOCK_ASSIGN(AtomicFile file, AtomicFile::create(path, options));
  PENSTOCK_TRY(file.write_all(bytes));
  return file.commit();
}

Status write_file(const std::string& path, std::string_view bytes) { return write_file(path, bytes, {}); }

}  // namespace penstock
