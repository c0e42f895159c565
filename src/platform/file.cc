// SPDX-License-Identifier: MIT
#include "platform/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "platform/descriptor.h"
#include "platform/link_file.h"

namespace penstock {
namespace {

struct Meaning {
  ErrorCode code;
  const char* text;  // null: what strerror says
  const char* hint;  // null: none
};

Meaning meaning_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return {ErrorCode::kNotFound, "no such file or folder",
              "check the path; relative paths start at the working folder"};
    case ENOTDIR: return {ErrorCode::kNotFound, "a part of the path is a file, not a folder", "check the path"};
    case EEXIST: return {ErrorCode::kAlreadyExists, "it exists already", "remove it or choose another name"};
    case EACCES:
    case EPERM:
      return {ErrorCode::kPermissionDenied, "permission denied", "check who owns it (ls -l) and who runs this"};
    case EROFS: return {ErrorCode::kPermissionDenied, "the file system is read-only", "write somewhere else"};
    case EISDIR:
      return {ErrorCode::kInvalidArgument, "it is a folder, a file was expected",
              "name a file in it; where files are read, all in it with \"/*\""};
    case ENAMETOOLONG: return {ErrorCode::kInvalidArgument, "the name is too long", nullptr};
    case ELOOP: return {ErrorCode::kInvalidArgument, "its links point in a circle", nullptr};
    case ENOSPC:
      return {ErrorCode::kResourceExhausted, "no space left on the disk",
              "free some space (df -h) or write somewhere else"};
    case EDQUOT:
      return {ErrorCode::kResourceExhausted, "the disk quota is used up", "free some space or write somewhere else"};
    case EFBIG: return {ErrorCode::kResourceExhausted, "the file would get larger than allowed", "see ulimit -f"};
    case EMFILE:
    case ENFILE: return {ErrorCode::kResourceExhausted, "too many open files", "see ulimit -n"};
    case ENOMEM: return {ErrorCode::kResourceExhausted, nullptr, nullptr};
    case EPIPE: return {ErrorCode::kUnavailable, "the reader of the pipe has gone", nullptr};
    case EIO: return {ErrorCode::kDataLoss, "the disk reported an input/output error", "see dmesg"};
    case EAGAIN:
    case EBUSY:
    case ETXTBSY: return {ErrorCode::kUnavailable, nullptr, nullptr};
    default: return {ErrorCode::kUnavailable, nullptr, nullptr};
  }
}

FileStamp stamp_from(const struct stat& info) {
  FileStamp stamp;
  stamp.device = info.st_dev;
  stamp.inode = info.st_ino;
  stamp.size_bytes = info.st_size;
  stamp.modified_ns = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
  stamp.regular = S_ISREG(info.st_mode);
  return stamp;
}

}  // namespace

Error file_error(int error_number, std::string_view action, std::string_view path) {
  const Meaning meaning = meaning_of(error_number);
  std::string message = "cannot ";
  message.append(action).append(" ").append(path).append(": ");
  message += meaning.text ? meaning.text : std::strerror(error_number);
  Error error(meaning.code, std::move(message));
  if (meaning.hint) return std::move(error).hint(meaning.hint);
  return error;
}

Result<FileStamp> stamp_of(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return file_error(errno, "look at", path);
  return stamp_from(info);
}

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open(const std::string& path) {
  const int descriptor = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0) return file_error(errno, "open", path);
  File file(descriptor, path);
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return file_error(errno, "look at", path);
  if (S_ISDIR(info.st_mode)) return file_error(EISDIR, "read", path);
  return file;
}

Result<File> File::create(const std::string& path, const CreateOptions& options) {
  const int flags =
      O_WRONLY | O_CREAT | O_CLOEXEC | (options.exclusive ? O_EXCL : 0) | (options.append ? O_APPEND : O_TRUNC);
  const int descriptor = uninterrupted([&] { return ::open(path.c_str(), flags, options.mode); });
  if (descriptor < 0) return file_error(errno, "create", path);
  return File(descriptor, path);
}

Result<File> File::go_on(const std::string& from, const std::string& to, std::uint64_t size) {
  const auto open_to_write = [](const std::string& path) -> Result<File> {
    const int descriptor = uninterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC); });
    if (descriptor < 0) return file_error(errno, "go on with", path);
    return File(descriptor, path);
  };
  PENSTOCK_ASSIGN(File file, open_to_write(from));
  if (::flock(file.descriptor_, LOCK_EX | LOCK_NB) != 0)
    return Error(ErrorCode::kUnavailable, "another process goes on with " + from);
  struct stat info;
  if (::fstat(file.descriptor_, &info) != 0) return file_error(errno, "look at", from);
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) < size) {
    return Error(ErrorCode::kDataLoss,
                 from + " has " + std::to_string(info.st_size) + " bytes, and had at least " + std::to_string(size));
  }
  if (info.st_nlink == 1 && ::link(from.c_str(), to.c_str()) == 0) {
    file.path_ = to;
  } else {
    PENSTOCK_TRY(link_file(from, to, Sharing::kOwn));
    PENSTOCK_ASSIGN(file, open_to_write(to));
  }
  if (uninterrupted([&] { return ::ftruncate(file.descriptor_, static_cast<off_t>(size)); }) != 0) {
    const int why = errno;
    ::unlink(to.c_str());
    return file_error(why, "cut", to);
  }
  return file;
}

Result<std::size_t> File::read(char* to, std::size_t size) {
  const ssize_t count = uninterrupted([&] { return ::read(descriptor_, to, size); });
  if (count < 0) return file_error(errno, "read", path_);
  return static_cast<std::size_t>(count);
}

Result<std::size_t> File::read_at(char* to, std::size_t size, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < size) {
    const auto position = static_cast<off_t>(offset + done);
    const ssize_t count = uninterrupted([&] { return ::pread(descriptor_, to + done, size - done, position); });
    if (count < 0) return file_error(errno, "read", path_);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Status File::write_all(std::string_view bytes) {
  if (!penstock::write_all(descriptor_, bytes)) return file_error(errno, "write", path_);
  return {};
}

Status File::sync() {
  // Pipes and terminals cannot be synced and need not be.
  if (uninterrupted([&] { return ::fsync(descriptor_); }) != 0 && errno != EINVAL && errno != EROFS) {
    return file_error(errno, "sync", path_);
  }
  return {};
}

Status File::close() {
  if (descriptor_ < 0) return {};
  // Not repeated on EINTR: on Linux the descriptor is gone even then.
  const int answer = ::close(std::exchange(descriptor_, -1));
  if (answer != 0 && errno != EINTR) return file_error(errno, "close", path_);
  return {};
}

Result<FileStamp> File::stamp() const {
  struct stat info;
  if (::fstat(descriptor_, &info) != 0) return file_error(errno, "look at", path_);
  return stamp_from(info);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (size_bytes_ > 0) ::munmap(const_cast<char*>(data_), size_bytes_);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  PENSTOCK_ASSIGN(const File file, File::open(path));
  PENSTOCK_ASSIGN(const FileStamp stamp, file.stamp());
  if (!stamp.regular) {
    return Error(ErrorCode::kUnsupported, "cannot map " + path + ": it is not a regular file")
        .hint("read it as a stream");
  }
  MappedFile mapped;
  if (stamp.size_bytes == 0) return mapped;
  const auto size = static_cast<std::size_t>(stamp.size_bytes);
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  if (data == MAP_FAILED) return file_error(errno, "map", path);
  mapped.data_ = static_cast<const char*>(data);
  mapped.size_bytes_ = size;
  return mapped;
}

void MappedFile::release(std::size_t offset, std::size_t size) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t end = offset >= size_bytes_ || size >= size_bytes_ - offset ? size_bytes_ : offset + size;
  const std::size_t first = (offset + page - 1) / page * page;
  const std::size_t last = end == size_bytes_ ? end : end / page * page;
  if (first < last) ::madvise(const_cast<char*>(data_) + first, last - first, MADV_DONTNEED);
}

namespace {

Error too_large(const std::string& path, std::size_t max_bytes) {
  return Error(ErrorCode::kResourceExhausted,
               "cannot read " + path + " at once: it holds more than " + std::to_string(max_bytes) + " bytes");
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  PENSTOCK_ASSIGN(File file, File::open(path));
  PENSTOCK_ASSIGN(const FileStamp stamp, file.stamp());
  if (static_cast<std::uint64_t>(stamp.size_bytes) > max_bytes) return too_large(path, max_bytes);
  std::string bytes;
  std::size_t filled = 0;
  // One byte more than the stamp says, so that the end is seen without growing; pipes say 0 and grow.
  bytes.resize(static_cast<std::size_t>(stamp.size_bytes) + 1);
  while (true) {
    if (filled > max_bytes) return too_large(path, max_bytes);
    if (filled == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
    PENSTOCK_ASSIGN(const std::size_t count, file.read(bytes.data() + filled, bytes.size() - filled));
    if (count == 0) break;
    filled += count;
  }
  bytes.resize(filled);
  return bytes;
}

Result<std::string> read_file_part(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                                   std::size_t max_bytes) {
  if (bytes > max_bytes) return too_large("a part of " + path, max_bytes);
  PENSTOCK_ASSIGN(const File file, File::open(path));
  PENSTOCK_ASSIGN(const FileStamp stamp, file.stamp());
  const auto size = static_cast<std::uint64_t>(stamp.size_bytes);
  std::string part;
  std::size_t filled = 0;
  if (offset <= size && bytes <= size - offset) part.resize(static_cast<std::size_t>(bytes));
  while (filled < part.size()) {
    PENSTOCK_ASSIGN(const std::size_t count, file.read_at(part.data() + filled, part.size() - filled, offset + filled));
    if (count == 0) break;
    filled += count;
  }
  if (filled == bytes) return part;
  return Error(ErrorCode::kDataLoss, path + " ends before byte " + std::to_string(offset) + " + " +
                                         std::to_string(bytes) + ", where a part of it should end");
}

Status make_folders(const std::string& path) {
  // From the end, since most of them are there.
  if (::mkdir(path.c_str(), 0777) == 0) return {};
  int why = errno;
  const std::string parent = folder_of(path);
  if (why == ENOENT && parent.size() < path.size()) {
    PENSTOCK_TRY(make_folders(parent));
    if (::mkdir(path.c_str(), 0777) == 0) return {};
    why = errno;
  }
  struct stat info;
  const bool there = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  return there ? Status() : file_error(why, "create the folder", path);
}

Status sync_folder(const std::string& path) {
  const int descriptor = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return file_error(errno, "open", path);
  // Some file systems cannot sync a folder; they say EINVAL, and nothing more can be done there.
  const int answer = uninterrupted([&] { return ::fsync(descriptor); });
  const int why = errno;
  ::close(descriptor);
  if (answer != 0 && why != EINVAL) return file_error(why, "sync", path);
  return {};
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace penstock
