// SPDX-License-Identifier: MIT
// The cells of a grid that lie in the disc inscribed in it, as circular harmonics see them.
//
// Rings overlap like tents: a cell belongs to the two whose middles its radius lies between, with weights that add up
// to one. In a ring, order m of a channel is the sum of value · weight · u^m, u being the cell's direction as a complex
// number of length one. Turning the picture by an angle turns order m by m times that angle, and changes no length.
//
// Cells come in pairs that lie opposite each other: their directions differ in sign only, so even orders need the sum
// of the two values and odd orders the difference.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::embed {

inline constexpr std::size_t kRings = 6;
inline constexpr std::size_t kOrders = 8;
inline constexpr std::int32_t kWeightOne = 256;  // a weight of 1, and a component of 1

/// Real and imaginary parts of weight · u^m for m = 2, 4, 6, 8 and for 1, 3, 5, 7.
struct Harmonics {
  std::int32_t weight = 0;
  std::array<std::int16_t, kOrders> even = {};
  std::array<std::int16_t, kOrders> odd = {};
};

/// Two opposite cells. The harmonics are those of `one`, in ring `ring` and in the next.
struct CellPair {
  std::uint16_t one = 0;
  std::uint16_t other = 0;
  std::uint16_t ring = 0;    ///< At most kRings - 2.
  std::uint16_t middle = 0;  ///< How much of it belongs to the middle of the disc and not to its margin.
  std::array<Harmonics, 2> in;
};

/// All pairs, and the sum of their weights per ring, of both cells.
struct PolarCells {
  std::vector<CellPair> pairs;
  std::array<std::int64_t, kRings> ring_weight = {};
};

/// Made when it is first asked for. Thread-safe.
const PolarCells& polar_cells();

}  // namespace penstock::embed
