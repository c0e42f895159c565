// SPDX-License-Identifier: MIT
// Splits the text of an expression into tokens.
#pragma once

#include <penstock/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "expression/source_text.h"

namespace penstock::expression {

struct Token {
  enum class Kind : std::uint8_t {
    kInteger,  ///< Digits; the parser reads the value, as a sign may precede it.
    kNumber,   ///< With a point or an exponent.
    kText,     ///< In '…'.
    kName,     ///< A bare name that is no keyword: a column or a function.
    kColumn,   ///< A name in "…" or `…`: always a column.
    kKeyword,  ///< `word` is in lower case.
    kSymbol,   ///< An operator, a bracket or a comma, as written.
    kEnd,
  };

  Kind kind = Kind::kEnd;
  Span span;         ///< For kEnd: empty, at the end of the text.
  std::string word;  ///< The token without quotes and escapes.

  bool is_symbol(std::string_view symbol) const { return kind == Kind::kSymbol && word == symbol; }
  bool is_keyword(std::string_view keyword) const { return kind == Kind::kKeyword && word == keyword; }
};

/// Returns the tokens, the last one of kind kEnd. Errors: kInvalidArgument with carets.
Result<std::vector<Token>> tokenize(std::string_view text);

}  // namespace penstock::expression
