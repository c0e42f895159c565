// SPDX-License-Identifier: MIT
// Looks for the orientation in any bytes: none outside is read, and it is one of the eight.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "image/exif.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto exact = std::make_unique<std::uint8_t[]>(size);  // so that reading beyond it is seen
  if (size > 0) std::memcpy(exact.get(), data, size);
  const int orientation = penstock::image::exif_orientation({exact.get(), size});
  if (orientation < 1 || orientation > 8) std::abort();
  return 0;
}
