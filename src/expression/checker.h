// SPDX-License-Identifier: MIT
// From syntax tree to checked tree: finds columns and functions, promotes types, evaluates constants once.
#pragma once

#include <penstock/record.h>
#include <penstock/result.h>

#include <string_view>
#include <vector>

#include "expression/node.h"
#include "expression/syntax.h"

namespace penstock::expression {

struct Checked {
  NodePtr root;                      ///< Its type is that of a column: no duration, no untyped null.
  std::vector<std::size_t> columns;  ///< That it reads, ascending.
};

/// Checks `syntax`, which was parsed from `text`. Errors: kInvalidArgument with carets.
Result<Checked> check(std::string_view text, const Syntax& syntax, const Schema& schema);

}  // namespace penstock::expression
