// SPDX-License-Identifier: MIT
// The work of this question: one operator on records that do not depend on each other, and a sink that wants them in
// order.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include "timing.h"

namespace penstock::benchmark::shared_work {

inline constexpr const char* kArithmetic = "arithmetic, 2.5 us per record";
inline constexpr const char* kWaits = "waits, 1 ms per record, 16 at once";
inline constexpr std::uint64_t kWaitingRecords = 2'000;
inline constexpr std::uint32_t kWaitingWorkers = 16;
inline constexpr std::uint64_t kBatch = 64;

/// Some 2.5 us: each multiplication needs the one before. Not inlined, so that nobody's loop is turned into another.
[[gnu::noinline]] inline std::uint64_t calculate(std::uint64_t value) {
  for (int round = 0; round < 1'600; ++round) value = (value ^ value >> 31) * 0xBF58476D1CE4E5B9 + 1;
  return value;
}

/// 1 ms in which the processor is free.
inline std::uint64_t wait(std::uint64_t value) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return value * 31 + 7;
}

/// The sink's hash, which depends on the order of records.
inline void fold(std::uint64_t& hash, std::uint64_t value) { hash = hash * 0x100000001B3u + value; }

}  // namespace penstock::benchmark::shared_work
