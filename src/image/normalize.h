// SPDX-License-Identifier: MIT
// Pixels become the numbers that models are fed with: (value / 255 - mean) / deviation per channel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/pixel_kernels.h"
#include "image/resize.h"

namespace penstock::image {

enum class Element : std::uint8_t {
  kF32,
  kF16,  ///< The nearest to the f32.
  kU8,   ///< The pixels as they are, without mean and deviation: a quarter of the bytes.
};
enum class Layout : std::uint8_t {
  kNchw,  ///< [C, H, W]: plane after plane.
  kNhwc,  ///< [H, W, C]: pixel after pixel.
};

inline constexpr std::array<double, 3> kImagenetMean = {0.485, 0.456, 0.406};
inline constexpr std::array<double, 3> kImagenetDeviation = {0.229, 0.224, 0.225};

struct NormalizeOptions {
  std::vector<double> mean = {kImagenetMean.begin(), kImagenetMean.end()};                 ///< One per channel.
  std::vector<double> deviation = {kImagenetDeviation.begin(), kImagenetDeviation.end()};  ///< As many; above 0.
  Element element = Element::kF32;
  Layout layout = Layout::kNchw;
};

inline std::size_t bytes_of(Element element) { return element == Element::kF32 ? 4 : element == Element::kF16 ? 2 : 1; }

/// Normalises pictures row by row, so that a row can go from the resizer through it while it is in the cache.
///
/// Thread-safe. An f32 is value · scale + shift with scale = 1 / (255 · deviation) and shift = -mean / deviation, each
/// rounded once: the same bits everywhere.
class Normalizer {
 public:
  explicit Normalizer(const NormalizeOptions& options, const PixelKernels& kernels = pixel_kernels());

  std::size_t channels() const { return scale_.size(); }
  std::size_t bytes(Size size) const { return std::size_t{size.height} * size.width * channels() * bytes_of(element_); }

  /// Writes row `row` of a picture of that size to its place, or places, in `out`, bytes(size) long and aligned as its
  /// elements are. Requires channels() channels.
  void normalize_row(const std::uint8_t* pixels, std::uint32_t row, Size size, std::byte* out) const;
  /// All rows. Requires in.channels == channels().
  void normalize(const Pixels& in, std::byte* out) const;

 private:
  template <class T>
  void spread(const std::vector<T>& values, const std::uint8_t* pixels, std::uint32_t row, Size size, T* out) const;

  Element element_;
  Layout layout_;
  const PixelKernels* kernels_;
  std::vector<float> scale_;
  std::vector<float> shift_;
  std::vector<float> f32_;  // of channel c and pixel v at c · 256 + v
  std::vector<std::uint16_t> f16_;
  std::vector<std::uint8_t> u8_;
};

/// Resizes and normalises in one pass, with the bits that one after the other would give. Requires a mode whose result
/// has one size (not kFit) where tensors of one shape are wanted.
void resize_and_normalize(Resizer& resizer, const Normalizer& normalizer, const Pixels& in, std::byte* out);

}  // namespace penstock::image
