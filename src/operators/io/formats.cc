// SPDX-License-Identifier: MIT
#include "operators/io/formats.h"

#include "base/check.h"

namespace penstock {

void add_format_operators(Registry& registry) {
  for (const auto info : {json_read_info, json_write_info, text_read_info, text_write_info, regex_info, fields_info,
                          generate_info, exec_info}) {
    PENSTOCK_CHECK(registry.add(info()).has_value(), "two built-in operators have one name");
  }
}

}  // namespace penstock
