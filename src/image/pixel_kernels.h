// SPDX-License-Identifier: MIT
// The loops over pixels with the widest vector instructions that the processor has, chosen when the program runs. They
// are made of whole numbers and of single roundings, so every target gives the same bits.
//
// Between its two passes a picture holds numbers of 16 bits: a value of 1 is 64 (kMiddleOne), which leaves room for
// what filters overshoot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::image {

inline constexpr int kMiddleBits = 6;
/// So many numbers behind the last pixel that has a weight may be read; what stands there does not matter.
inline constexpr std::size_t kMiddlePadding = 8;
/// So many bytes behind an output row may be written.
inline constexpr std::size_t kRowPadding = 16;

/// The loops for one kind of processor. Nothing needs to be aligned. Thread-safe.
struct PixelKernels {
  const char* name;  ///< "AVX2", "NEON" …; "plain": as the compiler makes it.

  /// out[x] = Σ rows[k][x] · weights[k], rounded to the middle format and limited to 16 bits, for x below `count`.
  /// `taps` is even; weights as FilterWeights have them, of `precision` 6 and more.
  void (*blend_rows)(const std::uint8_t* const* rows, const std::int16_t* weights, std::size_t taps, int precision,
                     std::size_t count, std::int16_t* out);

  /// out pixel i = Σ of pixels first[i] + k of the middle row · weights[i · taps + k], rounded and limited to 8 bits;
  /// one loop each for 1, 3 and 4 channels. `taps` is even.
  using BlendColumns = void (*)(const std::int16_t* middle, const std::uint32_t* first, const std::int16_t* weights,
                                std::size_t taps, int precision, std::size_t count, std::uint8_t* out);
  BlendColumns blend_columns_1;
  BlendColumns blend_columns_3;
  BlendColumns blend_columns_4;
  /// blend_columns_3 for two rows at once: pixel i of both takes the same weights.
  void (*blend_columns_3_of_2)(const std::int16_t* const* middles, const std::uint32_t* first,
                               const std::int16_t* weights, std::size_t taps, int precision, std::size_t count,
                               std::uint8_t* const* outs);

  /// planes[c][x] = row[3 x + c] · scale[c] + shift[c], rounded after each of the two.
  void (*planes_of_3)(const std::uint8_t* row, std::size_t count, const float* scale, const float* shift,
                      float* const* planes);
};

/// The loops to use here.
const PixelKernels& pixel_kernels();

/// The loops without vectors, which every build has.
const PixelKernels& plain_pixel_kernels();

/// Those of Highway that this processor can run, the best first; none in a build without Highway.
std::vector<const PixelKernels*> vector_pixel_kernels();

}  // namespace penstock::image
