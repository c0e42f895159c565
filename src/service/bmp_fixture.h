// SPDX-License-Identifier: MIT
// Picture files for tests, in the one format that needs no library.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::testing {

/// A BMP of 24 bits: a gradient with a disc, which look different for each `seed`.
inline std::string bmp_picture(unsigned seed, std::uint32_t width = 48, std::uint32_t height = 32) {
  const std::uint32_t row_bytes = (3 * width + 3) / 4 * 4;
  std::string file = "BM";
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file += static_cast<char>(value >> (8 * i));
  };
  put(54 + row_bytes * height, 4);
  put(0, 4);
  put(54, 4);
  put(40, 4);
  put(width, 4);
  put(height, 4);
  put(1, 2);
  put(24, 2);
  for (int i = 0; i < 6; ++i) put(0, 4);
  const int x = static_cast<int>(seed * 7 % width);
  const int y = static_cast<int>(seed * 13 % height);
  const int radius = 4 + static_cast<int>(seed % 5) * 3;
  for (int row = 0; row < static_cast<int>(height); ++row) {
    for (int column = 0; column < static_cast<int>(width); ++column) {
      const bool inside = (row - y) * (row - y) + (column - x) * (column - x) < radius * radius;
      put(inside ? seed * 0x2F9A35 % 0x1000000 : static_cast<std::uint32_t>(column * 4) << 8 | seed * 37 % 256, 3);
    }
    file.append(row_bytes - 3 * width, '\0');
  }
  return file;
}

}  // namespace penstock::testing
