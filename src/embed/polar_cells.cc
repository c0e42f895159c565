// SPDX-License-Identifier: MIT
// Directions and radii come from square roots, and powers from products, which IEEE 754 rounds the same everywhere; the
// sine of the C library is not.
#include "embed/polar_cells.h"

#include <algorithm>
#include <cmath>

#include "embed/area_grid.h"

namespace penstock::embed {
namespace {

struct Complex {
  double re = 1;
  double im = 0;
};

// Not std::complex, whose product may go ways of its own.
Complex product(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }

std::int16_t rounded(double value) { return static_cast<std::int16_t>(std::lround(value)); }

Harmonics harmonics(Complex u, std::int32_t weight) {
  Harmonics all;
  all.weight = weight;
  Complex power = u;
  for (std::size_t order = 1; order <= kOrders; ++order) {
    auto& to = order % 2 == 0 ? all.even : all.odd;
    const std::size_t at = (order - 1) / 2 * 2;
    to[at] = rounded(weight * power.re);
    to[at + 1] = rounded(weight * power.im);
    power = product(power, u);
  }
  return all;
}

// How much belongs to the ring of the two whose middle is nearer to the centre; they are `width` apart.
std::int32_t inner_weight(double radius, double middle, double width) {
  return rounded(kWeightOne * std::clamp(1 - (radius - middle) / width, 0.0, 1.0));
}

CellPair pair_at(std::size_t row, std::size_t column, double x, double y, double radius) {
  CellPair pair;
  pair.one = static_cast<std::uint16_t>(row * kGridSide + column);
  pair.other = static_cast<std::uint16_t>(kGridCells - 1 - pair.one);
  const double width = 1.0 / kRings;
  const double place = std::clamp(std::floor(radius / width - 0.5), 0.0, static_cast<double>(kRings - 2));
  pair.ring = static_cast<std::uint16_t>(place);
  pair.middle = static_cast<std::uint16_t>(inner_weight(radius, 0.25, 0.5));
  const std::int32_t inner = inner_weight(radius, (place + 0.5) * width, width);
  const Complex u{x / radius, y / radius};
  pair.in = {harmonics(u, inner), harmonics(u, kWeightOne - inner)};
  return pair;
}

// The middle of a cell, from -1 to 1; that of its mirror image has the other sign and the same bits.
double place_of(std::size_t cell) {
  const auto half_cells = static_cast<double>(2 * cell + 1) - static_cast<double>(kGridSide);
  return half_cells / kGridSide;
}

PolarCells make_polar_cells() {
  PolarCells cells;
  for (std::size_t row = 0; row < kGridSide / 2; ++row) {
    for (std::size_t column = 0; column < kGridSide; ++column) {
      const double x = place_of(column);
      const double y = place_of(row);
      const double radius = std::sqrt(x * x + y * y);
      if (radius > 1) continue;
      const CellPair& pair = cells.pairs.emplace_back(pair_at(row, column, x, y, radius));
      for (std::size_t i = 0; i < 2; ++i) cells.ring_weight[pair.ring + i] += 2 * pair.in[i].weight;
    }
  }
  return cells;
}

}  // namespace

const PolarCells& polar_cells() {
  static const PolarCells kCells = make_polar_cells();
  return kCells;
}

}  // namespace penstock::embed
