// SPDX-License-Identifier: MIT
// From text to syntax tree: a Pratt parser.
#pragma once

#include <penstock/result.h>

#include <string_view>

#include "expression/syntax.h"

namespace penstock::expression {

/// Parses the whole text as one expression. Errors: kInvalidArgument with carets. Cost: linear in the text.
Result<Syntax> parse(std::string_view text);

}  // namespace penstock::expression
