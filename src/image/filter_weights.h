// SPDX-License-Identifier: MIT
// What each input pixel counts for in each output pixel, along one axis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/orientation.h"

namespace penstock::image {

/// How pixels are weighted. All grow with the ratio when a picture is made smaller, so that nothing aliases: the first
/// three as in Pillow and in torchvision with antialias=True.
enum class Filter : std::uint8_t {
  kBilinear,  ///< A triangle of radius 1.
  kBicubic,   ///< A cubic with a = -0.5, radius 2.
  kLanczos,   ///< sinc windowed by sinc, radius 3.
  kArea,      ///< The mean of the area that an output pixel covers, parts of pixels included, as OpenCV's INTER_AREA.
};

/// Weights as exact fractions, for references: those of output `i` begin at input `first`.
struct ExactWeights {
  std::size_t first = 0;
  std::vector<double> values;  ///< Their sum is 1.
};

/// For output pixel `at` of `out` pixels that cover `from` of an axis of `in` pixels. Requires in, out >= 1 and
/// 0 <= from.begin < from.end <= in.
///
/// `reduced_by`: each input is the mean of so many pixels of a larger picture, which widens the filter a little.
/// Triangles and areas are made narrower by as much, so that the result is nearer to that of the larger picture.
ExactWeights exact_weights(Filter filter, std::size_t in, Interval from, std::size_t out, std::size_t at,
                           std::uint32_t reduced_by = 1);

/// The weights of all outputs of one axis in fixed point, `taps` for each; behind the last that counts they are 0.
struct FilterWeights {
  std::size_t in = 0;
  std::size_t taps = 0;              ///< Even.
  int precision = 0;                 ///< A weight of 1 is 2^precision.
  std::vector<std::uint32_t> first;  ///< The first input of each output; first + taps may reach beyond the end.
  std::vector<std::int16_t> values;  ///< out × taps; the sum of those of an output is exactly 2^precision.

  const std::int16_t* of(std::size_t at) const { return values.data() + at * taps; }
};

/// As exact_weights, with as many bits as 16-bit weights and sums of at most `most_precision` bits allow. What rounding
/// takes from one weight it gives to the next, so that also thousands of small weights stay true together.
FilterWeights filter_weights(Filter filter, std::size_t in, Interval from, std::size_t out, int most_precision,
                             std::uint32_t reduced_by = 1);

}  // namespace penstock::image
