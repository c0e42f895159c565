// SPDX-License-Identifier: MIT
// Turns and mirrors pixels into the way in which they are to be looked at.
#pragma once

#include <cstdint>

#include "image/exif.h"

namespace penstock::image {

/// Height and width in pixels.
struct Size {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// A part of an axis, in pixels; it may begin and end inside one.
struct Interval {
  double begin = 0;
  double end = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// The part of the pixels that a picture covers. A picture of 5 rows that is reduced by 2 gives 3 rows, of which it
/// covers two and a half.
struct Cover {
  Interval rows;
  Interval columns;
  std::uint32_t reduced_by = 1;  ///< Each pixel is the mean of so many rows and columns of the picture as it was.
  friend bool operator==(const Cover&, const Cover&) = default;
};
inline Cover whole(Size size) {
  return {{0, static_cast<double>(size.height)}, {0, static_cast<double>(size.width)}, 1};
}

/// Whether rows become columns.
inline bool turns_a_quarter(Orientation orientation) { return orientation >= 5; }

/// The size of a picture whose stored pixels have size `stored`.
inline Size upright_size(Size stored, Orientation orientation) {
  return turns_a_quarter(orientation) ? Size{stored.width, stored.height} : stored;
}

/// What a picture of stored size `stored` covers when it is upright.
Cover upright_cover(const Cover& cover, Size stored, Orientation orientation);

/// Copies u8 [H, W, 3] to u8 [H', W', 3], the upright picture. The two must not overlap.
void set_upright(const std::uint8_t* stored, Size stored_size, Orientation orientation, std::uint8_t* upright);

}  // namespace penstock::image
