// SPDX-License-Identifier: MIT
#include "operators/etl/etl_operators.h"

#include "base/check.h"

namespace penstock {

void add_etl_operators(Registry& registry) {
  for (auto* const info :
       {aggregate_info, collect_info, derive_info, distinct_info, filter_info, head_info, join_info, normalize_info,
        numeric_info, rename_info, sample_info, select_info, top_info, validate_info}) {
    PENSTOCK_CHECK(registry.add(info()).has_value(), "two operators of the library have the same name");
  }
}

}  // namespace penstock
