// SPDX-License-Identifier: MIT
// Pictures side by side, with a line of text below each.
#pragma once

#include <string>
#include <vector>

namespace penstock {

/// One place on the sheet.
struct SheetPicture {
  std::string path;
  std::vector<std::string> lines;  ///< Below it.
};

/// Returns an SVG page with all pictures in it, about 5 KB each, that opens offline. One that cannot be read is a grey
/// place with the reason. The first picture stands alone, above the others.
std::string contact_sheet(const std::vector<SheetPicture>& pictures);

}  // namespace penstock
