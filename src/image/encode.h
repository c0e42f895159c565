// SPDX-License-Identifier: MIT
// Pixels become an image file in memory: for pages and contact sheets.
#pragma once

#include <penstock/result.h>

#include <string>

#include "image/resize.h"

namespace penstock::image {

/// Returns the bytes of a JPEG. `quality`: 1 to 100. Requires three channels. Errors: kUnsupported when this machine
/// lacks libjpeg-turbo; kInvalidArgument for sides over 65,500 pixels. Thread-safe.
Result<std::string> encode_jpeg(const Pixels& pixels, int quality = 85);

}  // namespace penstock::image
