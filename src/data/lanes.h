// SPDX-License-Identifier: MIT
// Loops over arrays of numbers with the widest vector instructions that the processor has, chosen when the program
// runs. Every target gives the same bits: only operations that IEEE 754 rounds correctly are used, in one order, never
// fused, and every NaN that is stored is one and the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock {

/// The loops for one kind of processor. `out` may be an input, but must not overlap it otherwise; no alignment needed.
/// Thread-safe.
struct LaneKernels {
  using Map = void (*)(const double* in, double* out, std::size_t count, double a, double b);
  using Combine = void (*)(const double* left, const double* right, double* out, std::size_t count);

  const char* name;   ///< "AVX2", "NEON" …; "plain": one value at a time, as the compiler makes it.
  std::size_t lanes;  ///< Values per vector.

  Map affine;       ///< x · a + b, rounded after each of the two.
  Map standardize;  ///< (x − a) / b
  Map clamp;        ///< a where x < a, b where x > b, else x. Requires a <= b. A NaN stays.
  Map square_root;  ///< Of a negative number NaN; of -0 it is -0.
  Map log1p;        ///< ln(1 + x) within 1 unit in the last place; of -1 it is -infinity, below NaN.

  Combine add;
  Combine subtract;
  Combine multiply;
  Combine divide;
  Combine smaller;  ///< NaN where one is NaN; of two zeros the right one.
  Combine greater;  ///< As `smaller`.

  /// The nearest doubles.
  void (*from_int64)(const std::int64_t* in, double* out, std::size_t count);
  /// Sets bit i of `words` where least <= in[i] <= most (never for NaN), and clears the others; writes whole words.
  void (*between)(const double* in, std::uint64_t* words, std::size_t count, double least, double most);
  void (*between_int64)(const std::int64_t* in, std::uint64_t* words, std::size_t count, std::int64_t least,
                        std::int64_t most);
};

/// The loops to use here: the best of what this processor has and this build was made with.
const LaneKernels& lane_kernels();

/// The loops without vectors, which every build has.
const LaneKernels& plain_lane_kernels();

/// Those of Highway that this processor can run, the best first; none in a build without Highway. For tests and
/// benchmarks: not thread-safe.
std::vector<const LaneKernels*> vector_lane_kernels();

/// What this processor can run, as Highway's set of targets, for other loops that are made as these are; only in builds
/// with Highway.
std::int64_t supported_vector_targets();

}  // namespace penstock
