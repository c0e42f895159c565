// SPDX-License-Identifier: MIT
#include "stream/backoff.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace penstock {
namespace {

constexpr std::int64_t kMostMicros = std::int64_t{3600} * 1'000'000;
constexpr std::int64_t kLookMicros = 10'000;  // how often a waiting worker looks whether the run was cancelled

}  // namespace

std::int64_t backoff_before(std::uint32_t attempt, std::int64_t first_micros) noexcept {
  std::int64_t micros = std::clamp<std::int64_t>(first_micros, 0, kMostMicros);
  for (std::uint32_t i = 2; i < attempt && micros < kMostMicros; ++i) micros = std::min(kMostMicros, micros * 2);
  return micros;
}

bool wait_before_attempt(std::uint32_t attempt, const ErrorPolicy& policy, const StopSignal& stop) {
  for (std::int64_t left = backoff_before(attempt, policy.backoff_micros); left > 0 && !stop.cancelled();
       left -= kLookMicros) {
    std::this_thread::sleep_for(std::chrono::microseconds(std::min(left, kLookMicros)));
  }
  return !stop.cancelled();
}

}  // namespace penstock
