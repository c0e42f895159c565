// SPDX-License-Identifier: MIT
#include "transport/deadline.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock {

Result<std::chrono::microseconds> Deadline::next(const char* what) const {
  constexpr std::chrono::microseconds kSlice{20'000};
  if (limit_.stop != nullptr && limit_.stop->state() != StopSignal::State::kRun) {
    return Error(ErrorCode::kCancelled, "stopped while waiting for another process");
  }
  if (limit_.timeout_micros < 0) return kSlice;
  const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin_);
  const std::chrono::microseconds left = std::chrono::microseconds(limit_.timeout_micros) - waited;
  if (left.count() > 0) return std::min(left, kSlice);
  return Error(ErrorCode::kTimeout,
               fmt::format("{} within {} ms", what, static_cast<double>(limit_.timeout_micros) / 1000));
}

}  // namespace penstock
