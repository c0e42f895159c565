// SPDX-License-Identifier: MIT
#include "operators/image/image_operators.h"

#include "base/check.h"

namespace penstock {

void add_image_operators(Registry& registry) {
  PENSTOCK_CHECK(registry.add(image_list_info()).has_value(), "two built-in operators have one name");
}

}  // namespace penstock
