// SPDX-License-Identifier: MIT
#include "platform/process_use.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "platform/clock.h"

namespace penstock {
namespace {

// Reads a small file of /proc without allocating; the text ends with a zero.
template <std::size_t N>
bool read_proc(const char* path, char (&text)[N]) noexcept {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t size = ::read(file, text, N - 1);
  ::close(file);
  text[size > 0 ? size : 0] = '\0';
  return size > 0;
}

void read_memory(const char* statm, ProcessUse& use) noexcept {
  char text[128];
  unsigned long long resident = 0;
  unsigned long long shared = 0;
  if (!read_proc(statm, text) || std::sscanf(text, "%*u %llu %llu", &resident, &shared) != 2) return;
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  use.resident_bytes = resident * page;
  use.shared_bytes = shared * page;
}

}  // namespace

ProcessUse this_process_use() noexcept {
  ProcessUse use;
  use.cpu_seconds = process_cpu_seconds();
  read_memory("/proc/self/statm", use);
  return use;
}

ProcessUse use_of_process(int pid) noexcept {
  ProcessUse use;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/statm", pid);
  read_memory(path, use);
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  char text[512];
  if (!read_proc(path, text)) return use;
  // The name may hold spaces and parentheses; behind it come the state, field 3, and the times, fields 14 and 15.
  const char* const rest = std::strrchr(text, ')');
  unsigned long long user = 0;
  unsigned long long system = 0;
  if (rest == nullptr ||
      std::sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
    return use;
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  use.cpu_seconds = static_cast<double>(user + system) / ticks;
  return use;
}

}  // namespace penstock
