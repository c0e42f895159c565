// SPDX-License-Identifier: MIT
// Compiled outside unity builds, once per target of Highway, as data/lanes.cc.
#include "vector/distance.h"

#include <algorithm>
#include <array>

#if defined(PENSTOCK_HIGHWAY)
// Vectors of unknown length cannot stand in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "vector/distance.cc"  // NOLINT
#include <hwy/foreach_target.h>                  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penstock {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

struct DotTerm {
  template <class V>
  HWY_ATTR V operator()(V left, V right) const {
    return hn::Mul(left, right);
  }
};

struct SquareTerm {
  template <class V>
  HWY_ATTR V operator()(V left, V right) const {
    const V difference = hn::Sub(left, right);
    return hn::Mul(difference, difference);
  }
};

template <class Term>
HWY_ATTR float sum_of(const float* left, const float* right, std::size_t dimension, Term term) {
  const HWY_CAPPED(float, 16) d;
  constexpr std::size_t kSums = 32;
  constexpr std::size_t kWidth = hn::MaxLanes(d);
  using V = hn::Vec<decltype(d)>;
  constexpr std::size_t kVectors = kSums / kWidth;
  V sums[kVectors];
  for (V& sum : sums) sum = hn::Zero(d);
  std::size_t at = 0;
  for (; at + kSums <= dimension; at += kSums) {
    for (std::size_t i = 0; i < kVectors; ++i) {
      const std::size_t place = at + i * kWidth;
      sums[i] = hn::Add(sums[i], term(hn::LoadU(d, left + place), hn::LoadU(d, right + place)));
    }
  }
  if (at < dimension) {  // zeros behind the end add nothing
    HWY_ALIGN float left_rest[kSums] = {};
    HWY_ALIGN float right_rest[kSums] = {};
    for (std::size_t i = at; i < dimension; ++i) {
      left_rest[i - at] = left[i];
      right_rest[i - at] = right[i];
    }
    for (std::size_t i = 0; i < kVectors; ++i) {
      const std::size_t place = i * kWidth;
      sums[i] = hn::Add(sums[i], term(hn::Load(d, left_rest + place), hn::Load(d, right_rest + place)));
    }
  }
  for (std::size_t half = kVectors / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) sums[i] = hn::Add(sums[i], sums[i + half]);
  }
  HWY_ALIGN float lanes[kWidth];
  hn::Store(sums[0], d, lanes);
  for (std::size_t half = kWidth / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

HWY_ATTR float dot(const float* left, const float* right, std::size_t dimension) {
  return sum_of(left, right, dimension, DotTerm());
}

HWY_ATTR float minus_dot(const float* left, const float* right, std::size_t dimension) {
  return -sum_of(left, right, dimension, DotTerm());
}

HWY_ATTR float squared_distance(const float* left, const float* right, std::size_t dimension) {
  return sum_of(left, right, dimension, SquareTerm());
}

const DistanceKernels* distances_of_target() {
  static const DistanceKernels kKernels = {hwy::TargetName(HWY_TARGET), dot, minus_dot, squared_distance};
  return &kKernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace penstock
HWY_AFTER_NAMESPACE();
#endif

#if !defined(PENSTOCK_HIGHWAY) || HWY_ONCE
#include "platform/vector_targets.h"

namespace penstock {
namespace {

template <class Term>
float plain_sum(const float* left, const float* right, std::size_t dimension, Term term) {
  constexpr std::size_t kSums = 32;
  std::array<float, kSums> sums = {};
  for (std::size_t at = 0; at < dimension; at += kSums) {
    const std::size_t count = std::min(kSums, dimension - at);
    for (std::size_t i = 0; i < count; ++i) sums[i] += term(left[at + i], right[at + i]);
  }
  for (std::size_t half = kSums / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

float plain_dot(const float* left, const float* right, std::size_t dimension) {
  return plain_sum(left, right, dimension, [](float a, float b) { return a * b; });
}

float plain_minus_dot(const float* left, const float* right, std::size_t dimension) {
  return -plain_dot(left, right, dimension);
}

float plain_squared_distance(const float* left, const float* right, std::size_t dimension) {
  return plain_sum(left, right, dimension, [](float a, float b) { return (a - b) * (a - b); });
}

}  // namespace

const DistanceKernels& plain_distance_kernels() {
  static const DistanceKernels kKernels = {"plain", plain_dot, plain_minus_dot, plain_squared_distance};
  return kKernels;
}

#if defined(PENSTOCK_HIGHWAY)
namespace {

// As HWY_DYNAMIC_DISPATCH does it.
const DistanceKernels* best_distances(std::int64_t targets) {
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
  (void)targets;
  return HWY_STATIC_DISPATCH(distances_of_target)();
#else
  static constexpr const DistanceKernels* (*kByTarget[HWY_MAX_DYNAMIC_TARGETS + 2])() = {
      nullptr, HWY_CHOOSE_TARGET_LIST(distances_of_target), HWY_CHOOSE_FALLBACK(distances_of_target)};
  hwy::ChosenTarget chosen;
  chosen.Update(targets);
  return kByTarget[chosen.GetIndex()]();
#endif
}

}  // namespace

const DistanceKernels& distance_kernels() {
  static const DistanceKernels& kBest = *best_distances(supported_vector_targets().value_or(HWY_ENABLED_BASELINE));
  return kBest;
}
#else
const DistanceKernels& distance_kernels() { return plain_distance_kernels(); }
#endif

}  // namespace penstock
#endif
