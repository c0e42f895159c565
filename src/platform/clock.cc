// SPDX-License-Identifier: MIT
#include "platform/clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace penstock {

std::int64_t thread_delay_ns() noexcept {
  const int file = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[96] = {};
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  long long on_processor = 0;
  long long delay = 0;
  if (size <= 0 || std::sscanf(text, "%lld %lld", &on_processor, &delay) != 2) return 0;
  return delay;
}

double process_cpu_seconds() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return cpu_seconds(usage);
}

}  // namespace penstock
