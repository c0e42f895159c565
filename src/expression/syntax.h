// SPDX-License-Identifier: MIT
// The syntax tree of an expression, before names and types are looked at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "expression/source_text.h"

namespace penstock::expression {

/// One node. Comparisons, signs and `not` are calls by their symbol, and `x is null`, `x in (…)`, `x between a and b`,
/// `case` are calls of "is null", "in", "between", "case": conditions and values in turn, then the value of `else`,
/// null when there is none. Operators that associate to the left and bind equally are one flat chain: `a + b - c`.
struct Syntax {
  enum class Kind : std::uint8_t { kInteger, kNumber, kText, kBool, kNull, kColumn, kCall, kChain };
  /// An operator in a chain.
  struct Link {
    std::string name;  ///< The symbol, `and` or `or`.
    Span span;
  };

  Kind kind = Kind::kNull;
  Span span;                 ///< The whole part.
  Span name_span = {};       ///< For calls: the name or the operator's symbol; for chains: of the first one.
  std::string name = {};     ///< Of the column or the function as written; the text of kText; as `name_span`.
  std::int64_t integer = 0;  ///< For kInteger, and 0 or 1 for kBool.
  double number = 0;         ///< For kNumber.
  bool quoted = false;       ///< For kColumn: in quotes.
  bool grouped = false;      ///< In parentheses.
  std::uint32_t depth = 1;   ///< Levels of the tree from here down; at most kMostDepth.
  std::vector<Syntax> arguments = {};
  std::vector<Link> links = {};  ///< For kChain: what stands before each argument but the first.

  /// Deeper expressions are refused, so that no recursion over the tree can exhaust the stack.
  static constexpr std::uint32_t kMostDepth = 200;
};

}  // namespace penstock::expression
