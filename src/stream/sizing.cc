// SPDX-License-Identifier: MIT
#include "stream/sizing.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

// Measurements are not that exact: a worker more must be worth more than this part of one.
constexpr double kTolerance = 0.1;

std::uint32_t workers_for(const SegmentLoad& segment, double bound_ns) {
  const double wanted = bound_ns > 0 ? std::ceil(segment.wall_ns / bound_ns - kTolerance) : 1;
  return static_cast<std::uint32_t>(std::clamp(wanted, 1.0, static_cast<double>(std::max(1U, segment.most_workers))));
}

}  // namespace

Sizing size_workers(const std::vector<SegmentLoad>& segments, std::uint32_t cores, double handover_ns) {
  Sizing sizing;
  double cpu_ns = 0;
  for (const SegmentLoad& segment : segments) {
    sizing.one_thread_ns += segment.wall_ns;
    cpu_ns += segment.cpu_ns;
  }
  if (!segments.empty()) cpu_ns += handover_ns * static_cast<double>(segments.size() - 1);
  double bound_ns = cpu_ns / std::max(1U, cores);
  for (const SegmentLoad& segment : segments) {
    if (segment.most_workers <= 1) bound_ns = std::max(bound_ns, segment.wall_ns);
  }
  sizing.spread_ns = bound_ns;
  for (const SegmentLoad& segment : segments) {
    sizing.workers.push_back(workers_for(segment, bound_ns));
    sizing.spread_ns = std::max(sizing.spread_ns, segment.wall_ns / sizing.workers.back());
  }
  return sizing;
}

}  // namespace penstock
