// SPDX-License-Identifier: MIT
#include "image/normalize.h"

#include "data/half.h"

namespace penstock::image {

Normalizer::Normalizer(const NormalizeOptions& options, const PixelKernels& kernels)
    : element_(options.element), layout_(options.layout), kernels_(&kernels) {
  for (std::size_t c = 0; c < options.mean.size(); ++c) {
    scale_.push_back(static_cast<float>(1 / (255 * options.deviation[c])));
    shift_.push_back(static_cast<float>(-options.mean[c] / options.deviation[c]));
    for (int value = 0; value < 256; ++value) {
      const float normal = static_cast<float>(value) * scale_[c] + shift_[c];
      f32_.push_back(normal);
      f16_.push_back(half_of_float(normal));
      u8_.push_back(static_cast<std::uint8_t>(value));
    }
  }
}

template <class T>
void Normalizer::spread(const std::vector<T>& values, const std::uint8_t* pixels, std::uint32_t row, Size size,
                        T* out) const {
  const std::size_t count = channels();
  for (std::size_t c = 0; c < count; ++c) {
    const T* const of_channel = values.data() + c * 256;
    const bool planes = layout_ == Layout::kNchw;
    T* const to = planes ? out + (c * size.height + row) * size.width : out + std::size_t{row} * size.width * count + c;
    const std::size_t step = planes ? 1 : count;
    for (std::size_t x = 0; x < size.width; ++x) to[x * step] = of_channel[pixels[x * count + c]];
  }
}

void Normalizer::normalize_row(const std::uint8_t* pixels, std::uint32_t row, Size size, std::byte* out) const {
  if (element_ == Element::kU8) return spread(u8_, pixels, row, size, reinterpret_cast<std::uint8_t*>(out));
  if (element_ == Element::kF16) return spread(f16_, pixels, row, size, reinterpret_cast<std::uint16_t*>(out));
  auto* const numbers = reinterpret_cast<float*>(out);
  if (layout_ != Layout::kNchw || channels() != 3) return spread(f32_, pixels, row, size, numbers);
  const std::size_t plane = std::size_t{size.height} * size.width;
  float* const first = numbers + std::size_t{row} * size.width;
  float* const planes[3] = {first, first + plane, first + 2 * plane};
  kernels_->planes_of_3(pixels, size.width, scale_.data(), shift_.data(), planes);
}

void Normalizer::normalize(const Pixels& in, std::byte* out) const {
  for (std::uint32_t row = 0; row < in.size.height; ++row)
    normalize_row(in.data + std::size_t{row} * in.size.width * in.channels, row, in.size, out);
}

void resize_and_normalize(Resizer& resizer, const Normalizer& normalizer, const Pixels& in, std::byte* out) {
  const Size size = resizer.size_of(in);
  resizer.resize(
      in, [&](std::uint32_t row, const std::uint8_t* pixels) { normalizer.normalize_row(pixels, row, size, out); });
}

}  // namespace penstock::image
