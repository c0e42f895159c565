// SPDX-License-Identifier: MIT
// How much memory this process may use, how much of that is in use, and whether the system is short of it.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

/// The tightest of what bounds this process: its control group, those around it, the machine.
struct MemoryUse {
  std::uint64_t limit_bytes = 0;  ///< 0: unknown.
  std::uint64_t used_bytes = 0;   ///< By all that share the limit, without what the kernel can drop at once.
  double stalled_percent = 0;     ///< Of the last ten seconds in which somebody waited for memory; 0 where unknown.
};

/// Reads control groups, versions 1 and 2, /proc/meminfo and the pressure files. `root` stands before every path, for
/// tests. Cost: some ten small files, about 100 us.
MemoryUse memory_use(const std::string& root = {});
/// The lowest limit of all, in bytes; 0: unknown.
std::uint64_t memory_limit_bytes(const std::string& root = {});

}  // namespace penstock
