// SPDX-License-Identifier: MIT
// The list of the operators that come with the library.
#include "operator/builtin.h"

#include "operators/async/async_rows.h"
#include "operators/embed/embed_operators.h"
#include "operators/etl/etl_operators.h"
#include "operators/image/image_operators.h"
#include "operators/io/csv_read.h"
#include "operators/io/formats.h"
#include "operators/serve/serve_operators.h"
#include "operators/vector/vector_operators.h"

namespace penstock {

void add_builtin_operators(Registry& registry) {
  add_etl_operators(registry);
  add_csv_operators(registry);
  add_format_operators(registry);
  add_async_operators(registry);
  add_serve_operators(registry);
  add_image_operators(registry);
  add_vector_operators(registry);
  add_embed_operators(registry);
}

}  // namespace penstock
