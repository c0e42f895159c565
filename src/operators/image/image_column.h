// SPDX-License-Identifier: MIT
// What operators on a column of images share: the column, its pixels, and the options of resizing.
#pragma once

#include <penstock/operator.h>

#include <string>
#include <vector>

#include "image/resize.h"

namespace penstock {

/// Returns the index of the column of images; kInvalidArgument, with `place`, when there is none of that name and type.
Result<std::size_t> find_images(std::string_view op, const StreamType& input, const std::string& column,
                                const std::string& place);

/// Returns the pixels of an image; an error, which is the reason to reject it, when it has none, or neither 1, 3 nor 4
/// channels.
Result<image::Pixels> pixels_of(const ImageView& image);

/// The options width, height, filter and mode, and what they say.
std::vector<OptionInfo> resize_option_infos();
Result<image::ResizeOptions> resize_options(const Options& options);

}  // namespace penstock
