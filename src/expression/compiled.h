// SPDX-License-Identifier: MIT
// What an `Expression` holds, and how one is made of a part of a larger text.
#pragma once

#include "expression/checker.h"
#include "expression/expression.h"

namespace penstock {

struct Expression::Compiled {
  std::string text;  ///< That the spans of the nodes point into.
  Type type = Type::kBool;
  std::vector<std::size_t> columns;
  expression::NodePtr root;

  /// Checks `syntax`, parsed from `text`, which may be a part of it.
  static Result<Expression> make(std::string_view text, const expression::Syntax& syntax, const SchemaPtr& schema);
};

}  // namespace penstock
