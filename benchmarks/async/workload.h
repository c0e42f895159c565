// SPDX-License-Identifier: MIT
// The work of this question: each record waits for 1 ms, as a call over a network does, and is then added up.
#pragma once

#include <chrono>
#include <cstdint>

#include "timing.h"

namespace penstock::benchmark::async {

inline constexpr const char* kThousand = "1,000 at once";
inline constexpr const char* kTenThousand = "10,000 at once";
inline constexpr std::uint64_t kThousandRecords = 500'000;
inline constexpr std::uint64_t kTenThousandRecords = 5'000'000;
inline constexpr std::chrono::milliseconds kWait{1};

/// What a record becomes, and what is added up: the same in any order.
inline std::uint64_t value_of(std::uint64_t record) { return record * 0x9E3779B97F4A7C15U >> 32; }

}  // namespace penstock::benchmark::async
