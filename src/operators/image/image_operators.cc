// SPDX-License-Identifier: MIT
#include "operators/image/image_operators.h"

#include "base/check.h"

namespace penstock {

void add_image_operators(Registry& registry) {
  for (const auto info :
       {image_list_info, image_shards_info, image_decode_info, image_resize_info, image_normalize_info})
    PENSTOCK_CHECK(registry.add(info()).has_value(), "two built-in operators have one name");
}

}  // namespace penstock
