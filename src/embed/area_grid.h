// SPDX-License-Identifier: MIT
// Pictures of any size as a grid of few cells: each cell is the exact mean of what it covers, parts of pixels included.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::embed {

inline constexpr std::size_t kGridSide = 56;  // an even number that divides 112, 224 and 448
inline constexpr std::size_t kGridCells = kGridSide * kGridSide;
inline constexpr int kGridOne = 8;  // a value of 1 in a cell

/// Means in eighths, 0 to 2,040, rounded: [side, side, red green blue].
using GridValues = std::array<std::uint16_t, kGridCells * 3>;

/// Makes grids of pictures of one size. Used by one thread at a time. All its sums are of whole numbers: a picture that
/// is turned by a quarter gives the turned grid.
class AreaGrid {
 public:
  /// Requires sides from 1 to 65,535.
  AreaGrid(std::uint32_t height, std::uint32_t width);

  /// Requires u8 RGB [height, width, 3]. Cost: reads each pixel once.
  void take(const std::uint8_t* pixels, GridValues& values);

 private:
  /// Which pixels a cell covers along one axis, and how much of each, in parts of which `whole` are a cell.
  struct Cover {
    std::uint32_t first = 0;
    std::vector<std::uint16_t> parts;
  };
  struct Axis {
    std::array<Cover, kGridSide> cells;
    std::uint32_t whole = 0;
  };
  static Axis axis_of(std::uint32_t pixels);
  void add_rows(const std::uint8_t* pixels, const Cover& rows);

  const std::uint32_t width_;
  const Axis down_;
  const Axis across_;
  std::vector<std::uint32_t> sums_;  // of the rows of one line of cells: [width, 3]
};

}  // namespace penstock::embed
