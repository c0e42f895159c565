// SPDX-License-Identifier: MIT
// The work of this question: each of four operators waits for 1 ms per batch, as a call to a disk or a server does.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include "timing.h"

namespace penstock::benchmark::blocking {

inline constexpr const char* kGroup = "four operators, 1 ms each per batch";

/// Blocks for 1 ms and marks the batch with `operator_number`.
inline void work(std::uint64_t& batch, std::uint64_t operator_number) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  batch = batch * 31 + operator_number;
}

/// The sink's hash, which depends on the order of batches.
inline void fold(std::uint64_t& hash, std::uint64_t batch) { hash = hash * 0x100000001B3u + batch; }

}  // namespace penstock::benchmark::blocking
