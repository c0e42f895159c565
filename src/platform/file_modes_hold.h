// SPDX-License-Identifier: MIT
// For tests: the superuser as an ordinary user where modes of files matter.
#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/check.h"

namespace penstock::testing {

/// While it exists, the calling thread, and those that it starts, may read and write files only as their modes allow,
/// also when they are the superuser's. Used by one thread.
class FileModesHold {
 public:
  FileModesHold() {
    PENSTOCK_CHECK(::syscall(SYS_capget, &header_, before_) == 0, "capget takes version 3");
    __user_cap_data_struct less[2] = {before_[0], before_[1]};
    less[0].effective &= ~(std::uint32_t{1} << CAP_DAC_OVERRIDE | std::uint32_t{1} << CAP_DAC_READ_SEARCH);
    PENSTOCK_CHECK(::syscall(SYS_capset, &header_, less) == 0, "everyone may drop capabilities");
  }
  ~FileModesHold() { ::syscall(SYS_capset, &header_, before_); }
  FileModesHold(const FileModesHold&) = delete;
  FileModesHold& operator=(const FileModesHold&) = delete;

 private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

}  // namespace penstock::testing
