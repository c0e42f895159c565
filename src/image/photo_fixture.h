// SPDX-License-Identifier: MIT
// Pictures for tests and benchmarks that compress and resize as photographs do: discs of many sizes that cover one
// another (dead leaves), a texture whose strength falls with its frequency, thin lines, the blur of a lens, the noise
// of a sensor.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "image/orientation.h"

namespace penstock::image::fixture {

/// Random numbers that depend on the seed only.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 0x1234567) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// From 0 to below 1.
  float unit() { return static_cast<float>(bits() >> 40) * 0x1p-24F; }
  /// About normal, with deviation 1.
  float normal() { return (unit() + unit() + unit() + unit() - 2) * 1.7320508F; }

 private:
  std::uint64_t state_;
};

/// f32 [H, W, 3], values as those of bytes.
using Plane = std::vector<float>;

inline void paint_disc(Plane& picture, Size size, Dice& dice) {
  const float least = std::max(4.0F, static_cast<float>(size.width) / 200);
  const float most = static_cast<float>(std::min(size.height, size.width)) / 3;
  const float u = dice.unit();  // radii by a power law of -3
  const float radius = 1 / std::sqrt((1 - u) / (least * least) + u / (most * most));
  const float x = dice.unit() * static_cast<float>(size.width);
  const float y = dice.unit() * static_cast<float>(size.height);
  const float bright = dice.unit() * 200 + 20;
  const std::array<float, 3> colour = {bright + dice.normal() * 25, bright + dice.normal() * 15,
                                       bright + dice.normal() * 25};
  const auto top = static_cast<std::int64_t>(std::max(0.0F, y - radius));
  const auto bottom = static_cast<std::int64_t>(std::min(static_cast<float>(size.height), y + radius));
  for (std::int64_t row = top; row < bottom; ++row) {
    const float dy = static_cast<float>(row) - y;
    const float half = std::sqrt(std::max(0.0F, radius * radius - dy * dy));
    const auto left = static_cast<std::int64_t>(std::max(0.0F, x - half));
    const auto right = static_cast<std::int64_t>(std::min(static_cast<float>(size.width), x + half));
    for (std::int64_t column = left; column < right; ++column)
      std::copy(colour.begin(), colour.end(), picture.begin() + 3 * (row * size.width + column));
  }
}

inline void draw_line(Plane& picture, Size size, Dice& dice) {
  float x = dice.unit() * static_cast<float>(size.width);
  float y = dice.unit() * static_cast<float>(size.height);
  const float angle = dice.unit() * 6.2831853F;
  const float bright = dice.unit() * 255;
  for (std::uint32_t i = 0; i < size.width / 3; ++i, x += std::cos(angle), y += std::sin(angle)) {
    if (x < 0 || y < 0 || x >= static_cast<float>(size.width) || y >= static_cast<float>(size.height)) return;
    const auto at = static_cast<std::size_t>(y) * size.width + static_cast<std::size_t>(x);
    for (std::size_t c = 0; c < 3; ++c) picture[3 * at + c] = bright;
  }
}

/// Adds noise between the points of a grid of `cell` pixels.
inline void add_octave(Plane& picture, Size size, std::uint32_t cell, float strength, Dice& dice) {
  const std::size_t columns = size.width / cell + 2;
  std::vector<float> grid(columns * (size.height / cell + 2));
  for (float& value : grid) value = dice.normal() * strength;
  for (std::uint32_t y = 0; y < size.height; ++y) {
    const float v = static_cast<float>(y % cell) / static_cast<float>(cell);
    const float* const above = grid.data() + y / cell * columns;
    for (std::uint32_t x = 0; x < size.width; ++x) {
      const float u = static_cast<float>(x % cell) / static_cast<float>(cell);
      const float* const at = above + x / cell;
      const float value = (at[0] * (1 - u) + at[1] * u) * (1 - v) + (at[columns] * (1 - u) + at[columns + 1] * u) * v;
      for (std::size_t c = 0; c < 3; ++c) picture[3 * (std::size_t{y} * size.width + x) + c] += value;
    }
  }
}

/// A blur by 1 : 2 : 1 along rows and columns.
inline void blur(Plane& picture, Size size) {
  const std::size_t stride = std::size_t{3} * size.width;
  for (std::size_t y = 0; y < size.height; ++y) {
    float* const row = picture.data() + y * stride;
    std::array<float, 3> before = {row[0], row[1], row[2]};
    for (std::size_t i = 0; i + 3 < stride; ++i) {
      const float here = row[i];
      row[i] = (before[i % 3] + 2 * here + row[i + 3]) / 4;
      before[i % 3] = here;
    }
  }
  std::vector<float> above(picture.begin(), picture.begin() + static_cast<std::ptrdiff_t>(stride));
  for (std::size_t y = 0; y + 1 < size.height; ++y) {
    float* const row = picture.data() + y * stride;
    for (std::size_t i = 0; i < stride; ++i) {
      const float here = row[i];
      row[i] = (above[i] + 2 * here + row[i + stride]) / 4;
      above[i] = here;
    }
  }
}

/// u8 RGB [H, W, 3]. `noise` is that of the sensor, as a deviation.
inline std::vector<std::uint8_t> photo(Size size, std::uint64_t seed, float noise = 3) {
  Dice dice(seed);
  Plane picture(std::size_t{3} * size.height * size.width, 128);
  const std::size_t discs = 400 + std::size_t{size.height} * size.width / 400;
  for (std::size_t i = 0; i < discs; ++i) paint_disc(picture, size, dice);
  for (int i = 0; i < 40; ++i) draw_line(picture, size, dice);
  for (std::uint32_t cell = 2; cell <= 64; cell *= 2)
    add_octave(picture, size, cell, 2.5F * std::sqrt(static_cast<float>(cell)) / 2, dice);
  const std::uint32_t blurs = 2 + 3 * (size.width / 1000);  // a lens is less sharp than a sensor of many pixels
  for (std::uint32_t i = 0; i < blurs; ++i) blur(picture, size);
  std::vector<std::uint8_t> pixels(picture.size());
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(std::clamp(picture[i] + dice.normal() * noise + 0.5F, 0.0F, 255.0F));
  return pixels;
}

/// 10 log10(255² / mean squared difference); of equal ones 200.
inline double psnr(const std::vector<std::uint8_t>& picture, const std::vector<double>& reference) {
  double sum = 0;
  for (std::size_t i = 0; i < picture.size(); ++i) sum += (picture[i] - reference[i]) * (picture[i] - reference[i]);
  return sum == 0 ? 200 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(picture.size()) / sum);
}

}  // namespace penstock::image::fixture
