// SPDX-License-Identifier: MIT
#include "embed/area_grid.h"

#include <gtest/gtest.h>

#include "embed/picture_fixture.h"

namespace penstock::embed {
namespace {

using fixture::noise;
using fixture::turned;

GridValues grid_of(const std::vector<std::uint8_t>& pixels, std::uint32_t height, std::uint32_t width) {
  GridValues values;
  AreaGrid(height, width).take(pixels.data(), values);
  return values;
}

TEST(AreaGrid, CellsAreMeansInEighths) {
  const auto side = static_cast<std::uint32_t>(4 * kGridSide);
  const std::vector<std::uint8_t> pixels = noise(side, side, 1);
  const GridValues values = grid_of(pixels, side, side);
  const std::size_t row = 3;
  const std::size_t column = 5;
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0;
    for (std::size_t y = 0; y < 4; ++y) {
      for (std::size_t x = 0; x < 4; ++x) sum += pixels[3 * ((4 * row + y) * side + 4 * column + x) + c];
    }
    EXPECT_EQ(values[3 * (row * kGridSide + column) + c], static_cast<std::uint16_t>(sum / 16 * kGridOne + 0.5));
  }
}

TEST(AreaGrid, PixelsCountAsFarAsACellCoversThem) {
  for (const auto& [height, width] : {std::pair{1U, 1U}, {57U, 55U}, {100U, 333U}, {7U, 700U}}) {
    const std::vector<std::uint8_t> pixels = noise(height, width, height);
    const GridValues values = grid_of(pixels, height, width);
    for (std::size_t c = 0; c < 3; ++c) {
      double of_pixels = 0;
      double of_cells = 0;
      for (std::size_t i = c; i < pixels.size(); i += 3) of_pixels += pixels[i];
      for (std::size_t i = c; i < values.size(); i += 3) of_cells += values[i];
      EXPECT_NEAR(of_cells / kGridCells / kGridOne, of_pixels / (height * width), 0.01) << height << " x " << width;
    }
  }
}

TEST(AreaGrid, OfATurnedPictureIsTheTurnedGrid) {
  for (const std::uint32_t side : {224U, 100U, 37U}) {
    const std::vector<std::uint8_t> pixels = noise(side, side, side);
    const GridValues upright = grid_of(pixels, side, side);
    const GridValues lying = grid_of(turned(pixels, side), side, side);
    for (std::size_t row = 0; row < kGridSide; ++row) {
      for (std::size_t column = 0; column < kGridSide; ++column) {
        const std::size_t from = row * kGridSide + column;
        const std::size_t to = column * kGridSide + (kGridSide - 1 - row);
        ASSERT_EQ(lying[3 * to], upright[3 * from]) << side << ": " << row << ", " << column;
      }
    }
  }
}

}  // namespace
}  // namespace penstock::embed
