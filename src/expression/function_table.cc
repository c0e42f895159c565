// SPDX-License-Identifier: MIT
#include "expression/function_table.h"

#include <algorithm>

#include "base/check.h"

namespace penstock::expression {

const std::vector<Overload>& function_table() {
  static const OverloadList kTable = [] {
    OverloadList table;
    add_arithmetic(table);
    add_comparisons(table);
    add_mathematics(table);
    add_texts(table);
    add_patterns(table);
    add_dates(table);
    add_casts(table);
    return table;
  }();
  return kTable;
}

const Overload& find_overload(std::string_view name, std::initializer_list<ValueType> parameters) {
  const auto found = std::find_if(function_table().begin(), function_table().end(), [&](const Overload& overload) {
    return overload.name == name &&
           std::equal(overload.parameters.begin(), overload.parameters.end(), parameters.begin(), parameters.end());
  });
  PENSTOCK_CHECK(found != function_table().end(), "no such overload");
  return *found;
}

}  // namespace penstock::expression
