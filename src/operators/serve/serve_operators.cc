// SPDX-License-Identifier: MIT
#include "operators/serve/serve_operators.h"

#include "base/check.h"

namespace penstock {

void add_serve_operators([[maybe_unused]] Registry& registry) {
#ifdef PENSTOCK_SERVE
  PENSTOCK_CHECK(registry.add(http_serve_info()).has_value(), "two built-in operators have one name");
  PENSTOCK_CHECK(registry.add(http_respond_info()).has_value(), "two built-in operators have one name");
#endif
}

}  // namespace penstock
