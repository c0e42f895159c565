// SPDX-License-Identifier: MIT
#include "embed/area_grid.h"

#include <algorithm>
#include <numeric>

namespace penstock::embed {

AreaGrid::AreaGrid(std::uint32_t height, std::uint32_t width)
    : width_(width), down_(axis_of(height)), across_(axis_of(width)), sums_(std::size_t{3} * width) {}

// In units of 1 / (side · pixels) of the axis a pixel has `side` of them and a cell `pixels`; both divided by what
// divides both.
AreaGrid::Axis AreaGrid::axis_of(std::uint32_t pixels) {
  const auto side = static_cast<std::uint32_t>(kGridSide);
  const std::uint32_t common = std::gcd(pixels, side);
  const std::uint32_t of_pixel = side / common;
  Axis axis;
  axis.whole = pixels / common;
  for (std::uint32_t cell = 0; cell < side; ++cell) {
    const std::uint32_t begin = cell * axis.whole;
    const std::uint32_t end = begin + axis.whole;
    Cover& cover = axis.cells[cell];
    cover.first = begin / of_pixel;
    for (std::uint32_t pixel = cover.first; pixel * of_pixel < end; ++pixel) {
      const std::uint32_t from = std::max(begin, pixel * of_pixel);
      const std::uint32_t to = std::min(end, (pixel + 1) * of_pixel);
      cover.parts.push_back(static_cast<std::uint16_t>(to - from));
    }
  }
  return axis;
}

void AreaGrid::add_rows(const std::uint8_t* pixels, const Cover& rows) {
  const std::size_t stride = sums_.size();
  std::fill(sums_.begin(), sums_.end(), 0U);
  std::uint32_t* const sums = sums_.data();
  for (std::size_t i = 0; i < rows.parts.size(); ++i) {
    const std::uint8_t* const row = pixels + (rows.first + i) * stride;
    const std::uint16_t part = rows.parts[i];  // at most 56: a product has 16 bits
    if (part == 1) {
      for (std::size_t x = 0; x < stride; ++x) sums[x] += row[x];
    } else {
      for (std::size_t x = 0; x < stride; ++x) sums[x] += static_cast<std::uint16_t>(row[x] * part);
    }
  }
}

void AreaGrid::take(const std::uint8_t* pixels, GridValues& values) {
  const double scale = kGridOne / (static_cast<double>(down_.whole) * across_.whole);
  std::uint16_t* out = values.data();
  for (const Cover& rows : down_.cells) {
    add_rows(pixels, rows);
    for (const Cover& columns : across_.cells) {
      std::array<std::uint64_t, 3> cell = {};
      const std::uint32_t* at = sums_.data() + std::size_t{3} * columns.first;
      for (const std::uint16_t part : columns.parts) {
        for (std::size_t c = 0; c < 3; ++c) cell[c] += std::uint64_t{part} * at[c];
        at += 3;
      }
      // Sums are below 2^53, so this is the same rounding for a sum wherever it stands.
      for (const std::uint64_t sum : cell)
        *out++ = static_cast<std::uint16_t>(static_cast<double>(static_cast<std::int64_t>(sum)) * scale + 0.5);
    }
  }
}

}  // namespace penstock::embed
