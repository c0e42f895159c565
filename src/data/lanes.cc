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
#include "platform/shared_library.h"

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
// The library that knows measures a timer as soon as it is loaded, which takes five times as
// long as starting this program; so it is loaded when the first loop asks.
std::int64_t supported_vector_targets() {
  static const std::int64_t kTargets = [] {
    std::int64_t (*find)() = nullptr;
    const Result<SharedLibrary> library = SharedLibrary::load("Highway", {"libhwy.so.1", "libhwy.so"}, "libhwy1");
    const bool found = library && library->find("_ZN3hwy16SupportedTargetsEv", find);
    return found ? find() : std::int64_t{HWY_ENABLED_BASELINE};
  }();
  return kTargets;
}

namespace {

// The best of what this file was compiled for among `targets`; as HWY_DYNAMIC_DISPATCH does it.
const LaneKernels* kernels_for(std::int64_t targets) {
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
  (void)targets;
  return HWY_STATIC_DISPATCH(target_kernels)();
#else
  static constexpr const LaneKernels* (*kByTarget[HWY_MAX_DYNAMIC_TARGETS + 2])() = {
      nullptr, HWY_CHOOSE_TARGET_LIST(target_kernels), HWY_CHOOSE_FALLBACK(target_kernels)};
  hwy::ChosenTarget chosen;
  chosen.Update(targets);
  return kByTarget[chosen.GetIndex()]();
#endif
}

}  // namespace

const LaneKernels& lane_kernels() {
  static const LaneKernels& kBest = *kernels_for(supported_vector_targets());
  return kBest;
}

std::vector<const LaneKernels*> vector_lane_kernels() {
  std::vector<const LaneKernels*> all;
  for (std::int64_t left = supported_vector_targets() & HWY_TARGETS; left != 0; left &= left - 1)
    all.push_back(kernels_for(left & -left));
  return all;
}
#else
const LaneKernels& lane_kernels() { return plain_lane_kernels(); }
std::vector<const LaneKernels*> vector_lane_kernels() { return {}; }
#endif

}  // namespace penstock
#endif
