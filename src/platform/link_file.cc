// SPDX-License-Identifier: MIT
#include "platform/link_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "platform/file.h"

namespace penstock {
namespace {

Status copy_content(File& from, File& to) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  std::vector<char> block(kBlock);
  while (true) {
    PENSTOCK_ASSIGN(const std::size_t size, from.read(block.data(), block.size()));
    if (size == 0) return to.close();
    PENSTOCK_TRY(to.write_all({block.data(), size}));
  }
}

// A device whose file system said that it cannot share blocks: no use to ask again for each file.
std::atomic<std::uint64_t> device_without_clones{~std::uint64_t{0}};

}  // namespace

Status link_file(const std::string& from, const std::string& to, Sharing sharing) {
  struct stat known;
  if (sharing == Sharing::kAny && ::lstat(from.c_str(), &known) == 0 && S_ISREG(known.st_mode) &&
      known.st_dev == device_without_clones.load(std::memory_order_relaxed) && ::link(from.c_str(), to.c_str()) == 0) {
    return {};
  }
  PENSTOCK_ASSIGN(File source, File::open(from));
  struct stat info;
  if (::fstat(source.descriptor(), &info) != 0) return file_error(errno, "look at", from);
  PENSTOCK_ASSIGN(File target, File::create(to, {.exclusive = true}));
  Status status;
  if (::ioctl(target.descriptor(), FICLONE, source.descriptor()) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS)
      device_without_clones.store(info.st_dev, std::memory_order_relaxed);
    // The empty file gives way to a link; where there can be none, to a copy.
    if (sharing == Sharing::kAny && ::unlink(to.c_str()) == 0) {
      if (::link(from.c_str(), to.c_str()) == 0) return {};
      PENSTOCK_ASSIGN(target, File::create(to, {.exclusive = true}));
    }
    status = copy_content(source, target);
  } else {
    status = target.close();
  }
  if (status && ::chmod(to.c_str(), info.st_mode & 07777) != 0) status = file_error(errno, "change the mode of", to);
  if (!status) ::unlink(to.c_str());
  return status;
}

Status make_read_only(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return file_error(errno, "look at", path);
  if (::chmod(path.c_str(), info.st_mode & 07555) != 0) return file_error(errno, "change the mode of", path);
  return {};
}

Status remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return file_error(error.value(), "remove", path);
  return {};
}

}  // namespace penstock
