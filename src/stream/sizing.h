// SPDX-License-Identifier: MIT
// How many workers each segment should have, from what was measured. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock {

/// What one segment took for the same batches as the others.
struct SegmentLoad {
  double wall_ns = 0;
  double cpu_ns = 0;               ///< The rest it waited.
  std::uint32_t most_workers = 1;  ///< That can share it.
};

struct Sizing {
  std::vector<std::uint32_t> workers;  ///< One per segment.
  double one_thread_ns = 0;            ///< What all of it takes in one thread,
  double spread_ns = 0;                ///< and with these workers, each segment in threads of its own.
  double gain() const noexcept { return spread_ns > 0 ? one_thread_ns / spread_ns : 1; }
};

/// With threads of their own segments work side by side: what takes longest is the slowest one, divided by its workers,
/// or all that needs a processor, divided by the cores. Segments get as many workers as it takes for them not to be the
/// slowest. `handover_ns`: processor time that handing the batches over costs, per segment that is fed.
Sizing size_workers(const std::vector<SegmentLoad>& segments, std::uint32_t cores, double handover_ns);

}  // namespace penstock
