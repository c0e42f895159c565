// SPDX-License-Identifier: MIT
// The one number of EXIF data that is of use here: which way up the picture is.
#pragma once

#include <cstdint>
#include <span>

namespace penstock::image {

/// How stored rows and columns lie in the picture, as EXIF and TIFF number it: 1 is as stored, 3 upside down, 6 is
/// turned clockwise by a quarter for showing, 8 counterclockwise; 2, 4, 5 and 7 are also mirrored.
using Orientation = std::uint8_t;

/// Reads the orientation out of EXIF data, which begins with "Exif\0\0" or with the TIFF header behind it. Anything
/// that is damaged, missing or out of range gives 1: an image is never lost for its metadata. Reads at most 1,024
/// entries.
Orientation exif_orientation(std::span<const std::uint8_t> exif);

}  // namespace penstock::image
