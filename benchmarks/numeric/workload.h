// SPDX-License-Identifier: MIT
// The data of the numeric questions, the same for every contender.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "timing.h"

namespace penstock::benchmark::numeric {

inline constexpr std::size_t kValues = 1 << 20;

/// Whole cents, so that sums in double are exact.
inline const std::vector<double>& amounts() {
  static const std::vector<double> values = [] {
    std::mt19937_64 random(7);
    std::vector<double> made(kValues);
    for (double& value : made) value = static_cast<double>(random() % 10'000'000) - 2'000'000.0;
    return made;
  }();
  return values;
}

/// Calls `pass(first, count)` over the data set again and again until `records` values are done.
template <class Pass>
void over_values(std::uint64_t records, Pass pass) {
  while (records > 0) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(records, kValues));
    pass(count);
    records -= count;
  }
}

inline Outcome outcome_of(double value) { return {.result = std::bit_cast<std::uint64_t>(value)}; }

}  // namespace penstock::benchmark::numeric
