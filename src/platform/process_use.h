// SPDX-License-Identifier: MIT
// What processes use at this moment.
#pragma once

#include <cstdint>

namespace penstock {

/// Zeros where the system does not say.
struct ProcessUse {
  double cpu_seconds = 0;            ///< Spent so far, of all its threads.
  std::uint64_t resident_bytes = 0;  ///< Memory that it has.
  std::uint64_t shared_bytes = 0;    ///< The part of it that others may have too: files and shared memory.
};

/// Of this process. Some ten microseconds, here and below.
ProcessUse this_process_use() noexcept;
/// Of another one; zeros when it is gone.
ProcessUse use_of_process(int pid) noexcept;

}  // namespace penstock
