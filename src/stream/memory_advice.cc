// SPDX-License-Identifier: MIT
#include "stream/memory_advice.h"

#include <fmt/format.h>
#include <penstock/buffer.h>

#include "stream/table.h"

namespace penstock {
namespace {

// What is left above serves what has begun already, and everybody else.
constexpr double kMostInUse = 0.9;
// Lower values come and go with the page cache.
constexpr double kMostStalledPercent = 10;

double percent_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

MemoryAdvice advise_on_memory(const MemoryUse& use, std::size_t in_flight, std::size_t limit) {
  const double in_use = percent_of(use.used_bytes, use.limit_bytes);
  if (in_use >= 100 * kMostInUse) {
    return {true, true,
            fmt::format("{:.0f} % of the memory that it may use ({}) are taken", in_use, bytes_text(use.limit_bytes))};
  }
  if (use.stalled_percent >= kMostStalledPercent)
    return {true, true, fmt::format("the system waited for memory {:.0f} % of the last 10 s", use.stalled_percent)};
  const double own = limit == MemoryBudget::kUnlimited ? 0 : percent_of(in_flight, limit);
  if (own >= 100 * kMostInUse) return {true, false, fmt::format("{:.0f} % of memory_limit were in flight", own)};
  return {};
}

}  // namespace penstock
