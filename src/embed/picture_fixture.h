// SPDX-License-Identifier: MIT
// Pictures for tests of embedders.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock::embed::fixture {

/// u8 RGB [height, width, 3] whose values depend on the seed only.
inline std::vector<std::uint8_t> noise(std::uint32_t height, std::uint32_t width, std::uint32_t seed) {
  std::vector<std::uint8_t> pixels(std::size_t{3} * height * width);
  std::uint32_t state = seed * 2'654'435'761U + 1;
  for (std::uint8_t& value : pixels) {
    state = state * 1'664'525U + 1'013'904'223U;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return pixels;
}

/// The square picture turned by a quarter, clockwise.
inline std::vector<std::uint8_t> turned(const std::vector<std::uint8_t>& pixels, std::uint32_t side) {
  std::vector<std::uint8_t> result(pixels.size());
  for (std::size_t row = 0; row < side; ++row) {
    for (std::size_t column = 0; column < side; ++column) {
      for (std::size_t c = 0; c < 3; ++c)
        result[3 * (column * side + (side - 1 - row)) + c] = pixels[3 * (row * side + column) + c];
    }
  }
  return result;
}

/// Blobs of colour that lie about the picture: smooth as what a lens draws.
inline std::vector<std::uint8_t> blobs(std::uint32_t side, std::uint32_t seed) {
  const std::vector<std::uint8_t> dice = noise(8, 8, seed);
  std::vector<std::uint8_t> pixels(std::size_t{3} * side * side);
  for (std::size_t row = 0; row < side; ++row) {
    for (std::size_t column = 0; column < side; ++column) {
      for (std::size_t c = 0; c < 3; ++c) {
        // Whole numbers, so that the picture is the same everywhere.
        const std::size_t y = row * 7 * 256 / side;
        const std::size_t x = column * 7 * 256 / side;
        const auto at = [&](std::size_t dy, std::size_t dx) {
          return std::uint64_t{dice[3 * ((y / 256 + dy) * 8 + x / 256 + dx) + c]};
        };
        const std::uint64_t v = y % 256;
        const std::uint64_t u = x % 256;
        const std::uint64_t above = at(0, 0) * (256 - u) + at(0, 1) * u;
        const std::uint64_t below = at(1, 0) * (256 - u) + at(1, 1) * u;
        pixels[3 * (row * side + column) + c] = static_cast<std::uint8_t>((above * (256 - v) + below * v) >> 16);
      }
    }
  }
  return pixels;
}

}  // namespace penstock::embed::fixture
