// SPDX-License-Identifier: MIT
#include "platform/link_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace

Status link_file(const std::string& from, const std::string& to, Sharing sharing) {
  PENSTOCK_ASSIGN(File source, File::open(from));
  struct stat info;
  if (::fstat(source.descriptor(), &info) != 0) return file_error(errno, "look at", from);
  PENSTOCK_ASSIGN(File target, File::create(to, {.exclusive = true}));
  Status status;
  if (::ioctl(target.descriptor(), FICLONE, source.descriptor()) != 0) {
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
