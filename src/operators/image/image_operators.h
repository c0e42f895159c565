// SPDX-License-Identifier: MIT
// The operators of this folder: lists of images, and what becomes of their pixels.
#pragma once

#include <penstock/operator.h>

namespace penstock {

/// Adds image.list, image.shards, image.decode, image.resize and image.normalize.
void add_image_operators(Registry& registry);

OperatorInfo image_list_info();
OperatorInfo image_shards_info();
OperatorInfo image_decode_info();
OperatorInfo image_resize_info();
OperatorInfo image_normalize_info();

}  // namespace penstock
