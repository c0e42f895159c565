// SPDX-License-Identifier: MIT
#include "image/orientation.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace penstock::image {
namespace {

constexpr std::ptrdiff_t kChannels = 3;

// Where the pixel at row 0, column 0 goes, and how far a step to the next column and to the next row goes; in pixels.
struct Walk {
  std::ptrdiff_t start;
  std::ptrdiff_t column_step;
  std::ptrdiff_t row_step;
};

Walk walk_of(std::ptrdiff_t height, std::ptrdiff_t width, Orientation orientation) {
  switch (orientation) {
    case 2: return {width - 1, -1, width};
    case 3: return {height * width - 1, -1, -width};
    case 4: return {(height - 1) * width, 1, -width};
    case 5: return {0, height, 1};
    case 6: return {height - 1, height, -1};
    case 7: return {width * height - 1, -height, -1};
    case 8: return {(width - 1) * height, -height, 1};
    default: return {0, 1, width};
  }
}

Interval mirrored(Interval part, std::uint32_t side) { return {side - part.end, side - part.begin}; }

}  // namespace

Cover upright_cover(const Cover& cover, Size stored, Orientation orientation) {
  const bool from_the_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_the_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const Interval rows = from_the_bottom ? mirrored(cover.rows, stored.height) : cover.rows;
  const Interval columns = from_the_right ? mirrored(cover.columns, stored.width) : cover.columns;
  return turns_a_quarter(orientation) ? Cover{columns, rows, cover.reduced_by} : Cover{rows, columns, cover.reduced_by};
}

void set_upright(const std::uint8_t* stored, Size stored_size, Orientation orientation, std::uint8_t* upright) {
  const auto height = static_cast<std::ptrdiff_t>(stored_size.height);
  const auto width = static_cast<std::ptrdiff_t>(stored_size.width);
  const Walk walk = walk_of(height, width, orientation);
  constexpr std::ptrdiff_t kBlock = 32;  // pixels; a block of rows and columns stays in the first cache when turned
  for (std::ptrdiff_t top = 0; top < height; top += kBlock) {
    for (std::ptrdiff_t left = 0; left < width; left += kBlock) {
      for (std::ptrdiff_t y = top; y < std::min(top + kBlock, height); ++y) {
        for (std::ptrdiff_t x = left; x < std::min(left + kBlock, width); ++x)
          std::memcpy(upright + kChannels * (walk.start + y * walk.row_step + x * walk.column_step),
                      stored + kChannels * (y * width + x), kChannels);
      }
    }
  }
}

}  // namespace penstock::image
