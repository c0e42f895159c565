// SPDX-License-Identifier: MIT
#include "platform/shared_region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "platform/file.h"

namespace penstock {
namespace {

Error memory_error(int error_number, std::string_view action, const std::string& path) {
  Error error = file_error(error_number, action, path);
  if (error_number == ENOSPC) {
    return std::move(error).hint(
        "its file system in memory is full (df -h /dev/shm); \"penstock shm list\" shows what is there");
  }
  if (error_number == ELOOP) {
    return Error(ErrorCode::kInvalidArgument, "cannot " + std::string(action) + " " + path + ": it is a link")
        .hint("links are not followed here: remove it, or choose another name");
  }
  if (error_number == EFBIG) return std::move(error).hint("see ulimit -f, or lower max_bytes");
  return error;
}

// Asked before, since growing a file beyond the limit is a signal.
bool is_larger_than_allowed(std::size_t size_bytes) {
  rlimit limit = {};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size_bytes > limit.rlim_cur;
}

}  // namespace

SharedRegion::SharedRegion(SharedRegion&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_bytes_(other.size_bytes_),
      is_borrowed_(other.is_borrowed_) {}

SharedRegion& SharedRegion::operator=(SharedRegion&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(is_borrowed_, other.is_borrowed_);
  return *this;
}

SharedRegion::~SharedRegion() {
  if (data_ != nullptr && !is_borrowed_) ::munmap(data_, size_bytes_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<SharedRegion> SharedRegion::sized(int descriptor, std::string path, std::size_t size_bytes) {
  SharedRegion region;
  region.descriptor_ = descriptor;
  region.path_ = std::move(path);
  region.size_bytes_ = size_bytes;
  if (is_larger_than_allowed(size_bytes)) return memory_error(EFBIG, "size", region.path_);
  if (::ftruncate(descriptor, static_cast<off_t>(size_bytes)) != 0) return memory_error(errno, "size", region.path_);
  return region;
}

Result<SharedRegion> SharedRegion::create_anonymous(const std::string& label, std::size_t size_bytes) {
  const int descriptor = ::memfd_create(label.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return memory_error(errno, "make the shared memory", label);
  PENSTOCK_ASSIGN(SharedRegion region, sized(descriptor, label, size_bytes));
  if (::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return memory_error(errno, "seal", label);
  }
  return region;
}

Result<SharedRegion> SharedRegion::adopt(int descriptor, const std::string& label) {
  SharedRegion region;
  region.descriptor_ = descriptor;
  region.path_ = label;
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return memory_error(errno, "look at", label);
  region.size_bytes_ = static_cast<std::size_t>(info.st_size);
  return region;
}

SharedRegion SharedRegion::borrow(std::span<std::byte> memory, const std::string& label) {
  SharedRegion region;
  region.path_ = label;
  region.data_ = memory.data();
  region.size_bytes_ = memory.size();
  region.is_borrowed_ = true;
  return region;
}

Result<SharedRegion> SharedRegion::create_file(const std::string& path, std::size_t size_bytes, unsigned mode) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return memory_error(errno, "create", path);
  Result<SharedRegion> region = sized(descriptor, path, size_bytes);
  // By fchmod, since the umask is for files that people make.
  if (region && ::fchmod(descriptor, mode & 0777U) != 0) region = memory_error(errno, "set the permissions of", path);
  if (!region) ::unlink(path.c_str());
  return region;
}

Result<SharedRegion> SharedRegion::open_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return memory_error(errno, "open", path);
  SharedRegion region;
  region.descriptor_ = descriptor;
  region.path_ = path;
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return memory_error(errno, "look at", path);
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalidArgument, "cannot share " + path + ": it is not a regular file");
  }
  region.size_bytes_ = static_cast<std::size_t>(info.st_size);
  return region;
}

Status SharedRegion::allocate(std::size_t offset, std::size_t size_bytes) {
  if (is_borrowed_) return {};
  int answer = EINTR;
  while (answer == EINTR) {
    answer = ::posix_fallocate(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size_bytes));
  }
  if (answer != 0) {
    return memory_error(answer, "get " + std::to_string(size_bytes) + " bytes of memory for", path_);
  }
#ifdef MADV_POPULATE_WRITE
  // Page tables now rather than one fault per page later; only a help, so errors do not matter.
  if (data_ != nullptr) ::madvise(data_ + offset, size_bytes, MADV_POPULATE_WRITE);
#endif
  return {};
}

void SharedRegion::discard(std::size_t offset, std::size_t size_bytes) noexcept {
  if (is_borrowed_) return;
  ::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
              static_cast<off_t>(size_bytes));
}

Status SharedRegion::map() {
  if (is_borrowed_) return {};
  PENSTOCK_CHECK(data_ == nullptr, "a shared region is mapped once");
  void* const data = ::mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor_, 0);
  if (data == MAP_FAILED) {
    const int why = errno;
    return file_error(why, "map " + std::to_string(size_bytes_) + " bytes of", path_)
        .hint("these are addresses, not memory: see ulimit -v, or lower max_bytes");
  }
  data_ = static_cast<std::byte*>(data);
  ::madvise(data_, size_bytes_, MADV_DONTDUMP);
  return {};
}

void SharedRegion::protect_from(std::size_t offset) noexcept {
  if (size_bytes_ > offset && !is_borrowed_) ::mprotect(data_ + offset, size_bytes_ - offset, PROT_READ);
}

Result<SharedRegion::Owner> SharedRegion::owner() const {
  if (is_borrowed_) return Owner{::geteuid(), 0600, 0, size_bytes_};
  struct stat info;
  if (::fstat(descriptor_, &info) != 0) return file_error(errno, "look at", path_);
  constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks
  return Owner{info.st_uid, info.st_mode & 07777U, info.st_ino, static_cast<std::uint64_t>(info.st_blocks) * kBlock};
}

}  // namespace penstock
