// SPDX-License-Identifier: MIT
#include "operators/embed/embed_operators.h"

#include "base/check.h"

namespace penstock {

void add_embed_operators(Registry& registry) {
  for (const auto info : {tensor_batch_info, embed_classical_info, embed_onnx_info})
    PENSTOCK_CHECK(registry.add(info()).has_value(), "two built-in operators have one name");
#ifdef PENSTOCK_HTTP
  PENSTOCK_CHECK(registry.add(embed_http_info()).has_value(), "two built-in operators have one name");
#endif
}

}  // namespace penstock
