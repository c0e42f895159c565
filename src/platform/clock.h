// SPDX-License-Identifier: MIT
// Times: the one that passes, and those that processes spent on a processor.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include <cstdint>

namespace penstock {

/// Nanoseconds since some moment before the program began; never goes back (CLOCK_MONOTONIC).
inline std::int64_t now_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Nanoseconds that the calling thread has spent on a processor. A system call, some 200 ns.
inline std::int64_t thread_cpu_ns() noexcept {
  timespec spent;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::int64_t{spent.tv_sec} * 1'000'000'000 + spent.tv_nsec;
}

/// Nanoseconds that the calling thread was ready to go on and waited for a processor; 0 where the system does not say.
/// Some microseconds.
std::int64_t thread_delay_ns() noexcept;

/// Of user code and of the system together.
inline double cpu_seconds(const rusage& usage) noexcept {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Of all threads of this process so far.
double process_cpu_seconds() noexcept;

}  // namespace penstock
