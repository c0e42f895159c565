// SPDX-License-Identifier: MIT
// The plain loops, and those of Highway where the build has it: hwy/foreach_target.h includes this file once more for
// each target. Compiled outside unity builds for that.
#include "data/lanes.h"

#include <cstring>
#include <limits>

#if defined(PENSTOCK_HIGHWAY)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "data/lanes.cc"  // NOLINT
#include <hwy/foreach_target.h>             // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penstock {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
#define PENSTOCK_LANES_ATTR HWY_ATTR
#include "data/lane_loops.inc"
#undef PENSTOCK_LANES_ATTR

const LaneKernels* target_kernels() {
  static const LaneKernels kKernels = kernels_of_target(hwy::TargetName(HWY_TARGET));
  return &kKernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace penstock
HWY_AFTER_NAMESPACE();
#endif

#if !defined(PENSTOCK_HIGHWAY) || HWY_ONCE
#include "data/one_lane.h"

namespace penstock {
namespace plain {
namespace {

namespace hn = one_lane;
#define PENSTOCK_LANES_ATTR
#include "data/lane_loops.inc"
#undef PENSTOCK_LANES_ATTR

}  // namespace
}  // namespace plain

const LaneKernels& plain_lane_kernels() {
  static const LaneKernels kKernels = plain::kernels_of_target("plain");
  return kKernels;
}

#if defined(PENSTOCK_HIGHWAY)
HWY_EXPORT(target_kernels);

const LaneKernels& lane_kernels() {
  static const LaneKernels& kBest = *HWY_DYNAMIC_DISPATCH(target_kernels)();
  return kBest;
}

std::vector<const LaneKernels*> vector_lane_kernels() {
  std::vector<const LaneKernels*> all;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    all.push_back(HWY_DYNAMIC_DISPATCH(target_kernels)());
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return all;
}
#else
const LaneKernels& lane_kernels() { return plain_lane_kernels(); }
std::vector<const LaneKernels*> vector_lane_kernels() { return {}; }
#endif

}  // namespace penstock
#endif
