// SPDX-License-Identifier: MIT
// The checked tree: every node knows its type and evaluates itself over a batch.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "expression/evaluation.h"
#include "expression/function_table.h"

namespace penstock::expression {

/// A part of a checked expression. Immutable once built; thread-safe.
class Node {
 public:
  Node(ValueType type, Span span) : type_(type), span_(span) {}
  virtual ~Node();

  ValueType type() const noexcept { return type_; }
  Span span() const noexcept { return span_; }
  /// Returns the value for all rows of the batch, or one row when it is constant. Failures are added to the evaluation,
  /// and are null in the result of the function at which they happened.
  virtual Column evaluate(Evaluation& evaluation) const = 0;
  /// The value, when it is a literal; otherwise null.
  virtual const Column* literal() const noexcept { return nullptr; }

 protected:
  /// It now stands for a larger part of the text.
  void grow(ValueType type, Span span) noexcept { type_ = type, span_ = span; }

 private:
  ValueType type_;
  Span span_;
};

using NodePtr = std::unique_ptr<Node>;
using NodeList = std::vector<NodePtr>;

NodePtr make_literal(ValueType type, Span span, Column value);
NodePtr make_column(ValueType type, Span span, std::size_t index);
/// A call of a strict function. Requires arguments of the overload's types. Calls within first arguments, as in
/// `a + b + c` and `upper(trim(x))`, become one node, so that neither evaluating nor destroying a long chain recurses.
NodePtr make_call(const Overload& overload, Span span, NodeList arguments, std::shared_ptr<const CallState> state = {});

// Functions that look at nulls, or that do not need all of their arguments for every row. An argument's failures count
// only at rows where its value is needed.

/// `a and b and …`, or with `disjunction` `a or b or …`. What follows a false (a true) is not needed.
NodePtr make_connective(bool disjunction, Span span, NodeList arguments);
/// `x is null`, or with `negated` `x is not null`.
NodePtr make_null_test(bool negated, Span span, NodePtr argument);
/// `x in (a, b, …)`. Requires arguments of one type, x first.
NodePtr make_membership(Span span, NodeList arguments);
/// `x between low and high`. Requires arguments of one type.
NodePtr make_between(Span span, NodeList arguments);
/// `case`: conditions and values in turn, then the value otherwise. Requires values of one type.
NodePtr make_choice(ValueType type, Span span, NodeList conditions, NodeList values);
/// The first argument that is not null. Requires arguments of one type.
NodePtr make_coalesce(ValueType type, Span span, NodeList arguments);
/// The first argument, or null where both are equal. Requires arguments of one type.
NodePtr make_null_if(ValueType type, Span span, NodeList arguments);
/// The argument, or null where it fails.
NodePtr make_try(Span span, NodePtr argument);

/// Combines two bool columns by three-valued `and` or `or`.
Column connect(Evaluation& evaluation, bool disjunction, const Column& left, const Column& right);

}  // namespace penstock::expression
