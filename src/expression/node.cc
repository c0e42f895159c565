// SPDX-License-Identifier: MIT
// Literals, columns and strict calls.
#include "expression/node.h"

namespace penstock::expression {
namespace {

class Literal final : public Node {
 public:
  Literal(ValueType type, Span span, Column value) : Node(type, span), value_(std::move(value)) {}
  Column evaluate(Evaluation&) const override { return value_; }
  const Column* literal() const noexcept override { return &value_; }

 private:
  Column value_;
};

class ColumnReference final : public Node {
 public:
  ColumnReference(ValueType type, Span span, std::size_t index) : Node(type, span), index_(index) {}
  Column evaluate(Evaluation& evaluation) const override { return evaluation.batch->column(index_); }

 private:
  std::size_t index_;
};

class StrictCall final : public Node {
 public:
  StrictCall(const Overload& overload, Span span, NodeList arguments, std::shared_ptr<const CallState> state)
      : Node(overload.result, span),
        kernel_(overload.kernel),
        arguments_(std::move(arguments)),
        state_(std::move(state)) {}

  Column evaluate(Evaluation& evaluation) const override {
    std::vector<Column> values;
    values.reserve(arguments_.size());
    for (const NodePtr& argument : arguments_) values.push_back(argument->evaluate(evaluation));
    return apply(evaluation, kernel_, type(), span(), values, state_.get());
  }

 private:
  Kernel kernel_;
  NodeList arguments_;
  std::shared_ptr<const CallState> state_;
};

}  // namespace

Node::~Node() = default;

NodePtr make_literal(ValueType type, Span span, Column value) {
  return std::make_unique<Literal>(type, span, std::move(value));
}

NodePtr make_column(ValueType type, Span span, std::size_t index) {
  return std::make_unique<ColumnReference>(type, span, index);
}

NodePtr make_call(const Overload& overload, Span span, NodeList arguments, std::shared_ptr<const CallState> state) {
  return std::make_unique<StrictCall>(overload, span, std::move(arguments), std::move(state));
}

}  // namespace penstock::expression
