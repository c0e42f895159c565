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

/// Whether rows become columns.
inline bool turns_a_quarter(Orientation orientation) { return orientation >= 5; }

/// The size of a picture whose stored pixels have size `stored`.
inline Size upright_size(Size stored, Orientation orientation) {
  return turns_a_quarter(orientation) ? Size{stored.width, stored.height} : stored;
}

/// Copies u8 [H, W, 3] to u8 [H', W', 3], the upright picture. The two must not overlap.
void set_upright(const std::uint8_t* stored, Size stored_size, Orientation orientation, std::uint8_t* upright);

}  // namespace penstock::image
