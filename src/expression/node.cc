// SPDX-License-Identifier: MIT
// Literals, columns and strict calls.
#include "expression/node.h"

#include <algorithm>
#include <iterator>

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

// Calls of which each takes the value of the one before it as its first argument.
class StrictCalls final : public Node {
 public:
  StrictCalls(const Overload& overload, Span span, NodeList arguments, std::shared_ptr<const CallState> state)
      : Node(overload.result, span) {
    steps_.push_back({overload.kernel, overload.result, span, std::move(arguments), std::move(state)});
  }

  // `arguments[0]` is this node itself.
  void append(const Overload& overload, Span span, NodeList arguments, std::shared_ptr<const CallState> state) {
    arguments.erase(arguments.begin());
    grow(overload.result, span);
    if (Step& last = steps_.back(); overload.associative && last.kernel == overload.kernel) {
      last.span = span;
      std::move(arguments.begin(), arguments.end(), std::back_inserter(last.arguments));
    } else {
      steps_.push_back({overload.kernel, overload.result, span, std::move(arguments), std::move(state)});
    }
  }

  Column evaluate(Evaluation& evaluation) const override {
    std::vector<Column> values;
    for (const Step& step : steps_) {
      values.reserve(values.size() + step.arguments.size());
      for (const NodePtr& argument : step.arguments) values.push_back(argument->evaluate(evaluation));
      Column value = apply(evaluation, step.kernel, step.result, step.span, values, step.state.get());
      values.clear();
      values.push_back(std::move(value));
    }
    return std::move(values[0]);
  }

 private:
  struct Step {
    Kernel kernel;
    ValueType result;
    Span span;
    NodeList arguments;  // of all steps but the first without the first one
    std::shared_ptr<const CallState> state;
  };

  std::vector<Step> steps_;
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
  if (auto* const before = arguments.empty() ? nullptr : dynamic_cast<StrictCalls*>(arguments[0].get())) {
    NodePtr grown = std::move(arguments[0]);
    before->append(overload, span, std::move(arguments), std::move(state));
    return grown;
  }
  return std::make_unique<StrictCalls>(overload, span, std::move(arguments), std::move(state));
}

}  // namespace penstock::expression
