// SPDX-License-Identifier: MIT
#include "transport/patience.h"

#include <fmt/format.h>
#include <sched.h>

#include <string>

namespace penstock {
namespace {

bool has_several_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

}  // namespace

// With one core the other side cannot work while we spin.
Patience::Patience() : may_spin_(has_several_cores()) { learn(usual_ns_); }

void Patience::pause(std::int64_t spent_ns) noexcept {
  constexpr std::int64_t kForUsAlone = 30'000;
  if (spent_ns > kForUsAlone) {
    ::sched_yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spinning twice the usual wait catches most; where waits are long a sleep costs little beside them.
void Patience::learn(std::int64_t waited_ns) noexcept {
  constexpr std::int64_t kForgetting = 8;
  usual_ns_ += (std::min(waited_ns, 8 * kLongestSpinNs) - usual_ns_) / kForgetting;
  if (!may_spin_) return;
  const std::int64_t wanted = 2 * usual_ns_;
  spin_ns_ = wanted > 2 * kLongestSpinNs ? kShortestSpinNs : std::clamp(wanted, 4 * kShortestSpinNs, kLongestSpinNs);
}

Error Patience::timed_out(const char* what, const WaitLimit& limit) {
  return Error(ErrorCode::kTimeout,
               fmt::format("{} within {} ms", what, static_cast<double>(limit.timeout_micros) / 1000));
}

Status Patience::over(std::int64_t begin, const WaitLimit& limit, const char* what) {
  if (limit.stop != nullptr && limit.stop->state() != StopSignal::State::kRun) {
    return Error(ErrorCode::kCancelled, "stopped while waiting for another process");
  }
  if (limit.timeout_micros < 0 || now_ns() - begin < limit.timeout_micros * 1000) return {};
  return timed_out(what, limit);
}

std::int64_t Patience::slice_ns(std::int64_t begin, const WaitLimit& limit) noexcept {
  constexpr std::int64_t kSlice = 100'000'000;
  constexpr std::int64_t kSliceWithStop = 20'000'000;  // so that a stop is seen in well under 100 ms
  const std::int64_t slice = limit.stop != nullptr ? kSliceWithStop : kSlice;
  if (limit.timeout_micros < 0) return slice;
  return std::clamp<std::int64_t>(begin + limit.timeout_micros * 1000 - now_ns(), 1, slice);
}

}  // namespace penstock
