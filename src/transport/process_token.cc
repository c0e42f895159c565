// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "platform/machine.h"
#include "transport/arena.h"

namespace penstock {
namespace {

// The kernel's largest process number is 2^22; start times count 1/100 s, so 40 bits last 348 years.
constexpr unsigned kStartBits = 40;
constexpr std::uint64_t kStartMask = (std::uint64_t{1} << kStartBits) - 1;

ProcessToken token_of(const ProcessIdentity& process) {
  return static_cast<std::uint64_t>(process.pid) << kStartBits | (process.start_ticks & kStartMask);
}

std::atomic<std::uint32_t> generation{0};

}  // namespace

std::uint32_t fork_generation() noexcept {
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return generation.load(std::memory_order_relaxed);
}

ProcessToken this_process_token() { return token_of(this_process()); }

std::int64_t pid_of(ProcessToken token) noexcept { return static_cast<std::int64_t>(token >> kStartBits); }

bool is_own(const std::atomic<ProcessToken>& owner) noexcept {
  return pid_of(owner.load(std::memory_order_relaxed)) == ::getpid();
}

bool is_alive(ProcessToken token) {
  if (token == 0) return false;
  const ProcessIdentity now = process_with(pid_of(token));
  if (now.start_ticks == 0) {
    // /proc may hide the processes of others (hidepid); the kernel still tells whether the number is taken.
    return ::kill(static_cast<pid_t>(now.pid), 0) != 0 && errno == EPERM;
  }
  return token_of(now) == token && is_running(now);
}

}  // namespace penstock
