// SPDX-License-Identifier: MIT
#include "operators/vector/vector_operators.h"

#include "base/check.h"

namespace penstock {

void add_vector_operators(Registry& registry) {
  for (const auto info : {vector_write_info, vector_search_info, npy_write_info})
    PENSTOCK_CHECK(registry.add(info()).has_value(), "two built-in operators have one name");
}

}  // namespace penstock
