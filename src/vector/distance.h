// SPDX-License-Identifier: MIT
// Dot products and distances of vectors of f32 with the widest instructions that the processor has. Every processor
// gives the same bits: 32 running sums, value i in sum i mod 32, added up at the end as a tree; nothing is fused.
#pragma once

#include <cstddef>

namespace penstock {

/// The loops for one kind of processor; no alignment needed. Thread-safe.
struct DistanceKernels {
  using Pair = float (*)(const float* left, const float* right, std::size_t dimension);

  const char* name;       ///< As Highway calls it; "plain": one value at a time, as the compiler makes it.
  Pair dot;               ///< Sum of left[i] · right[i].
  Pair minus_dot;         ///< The same with the other sign.
  Pair squared_distance;  ///< Sum of (left[i] − right[i])².
};

/// The loops to use here: the best of what this processor has and this build was made with.
const DistanceKernels& distance_kernels();
/// The loops without vectors, which every build has.
const DistanceKernels& plain_distance_kernels();

}  // namespace penstock
