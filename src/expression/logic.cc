// SPDX-License-Identifier: MIT
// and, or, is null, in, between: three-valued logic on bitmaps.
#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "expression/kernel_loops.h"
#include "expression/node.h"

namespace penstock::expression {
namespace {

// The bits of a bool value, eight rows at a time, a constant as if it were repeated.
class Bits {
 public:
  explicit Bits(const Column& column, std::size_t rows)
      : values_(column.bits()), validity_(column.validity()), repeated_(column.size() == 1 && rows != 1) {}
  bool has_nulls() const { return validity_ != nullptr; }
  unsigned valid(std::size_t byte) const {
    if (validity_ == nullptr) return 0xFF;
    return repeated_ ? ((validity_[0] & 1) != 0 ? 0xFF : 0) : validity_[byte];
  }
  unsigned value(std::size_t byte) const { return repeated_ ? ((values_[0] & 1) != 0 ? 0xFF : 0) : values_[byte]; }

 private:
  const std::uint8_t* values_;
  const std::uint8_t* validity_;
  bool repeated_;
};

bool is_value(const Column& column, std::size_t row, bool value) {
  const std::size_t at = column.size() == 1 ? 0 : row;
  return !column.is_null(at) && get_bit(column.bits(), at) == value;
}

Column connect_without_nulls(Evaluation& evaluation, bool disjunction, Bits left, Bits right, std::size_t rows) {
  Buffer values = allocate_sized(evaluation.pool, bitmap_bytes(rows));
  std::uint8_t* const to = values.mutable_data();
  for (std::size_t i = 0; i < bitmap_bytes(rows); ++i) {
    const unsigned a = left.value(i);
    const unsigned b = right.value(i);
    to[i] = static_cast<std::uint8_t>(disjunction ? a | b : a & b);
  }
  return {Type::kBool, rows, 0, {}, std::move(values)};
}

class Connective final : public Node {
 public:
  Connective(bool disjunction, Span span, NodeList arguments)
      : Node(ValueType::kBool, span), disjunction_(disjunction), arguments_(std::move(arguments)) {}

  Column evaluate(Evaluation& evaluation) const override {
    Column result = arguments_[0]->evaluate(evaluation);
    for (std::size_t i = 1; i < arguments_.size(); ++i) {
      const std::size_t mark = evaluation.failures.size();
      const Column next = arguments_[i]->evaluate(evaluation);
      evaluation.keep_failures(mark, [&](std::size_t row) { return !is_value(result, row, disjunction_); });
      result = connect(evaluation, disjunction_, result, next);
    }
    return result;
  }

 private:
  bool disjunction_;
  NodeList arguments_;
};

class NullTest final : public Node {
 public:
  NullTest(bool negated, Span span, NodePtr argument)
      : Node(ValueType::kBool, span), negated_(negated), argument_(std::move(argument)) {}

  Column evaluate(Evaluation& evaluation) const override {
    const Column value = argument_->evaluate(evaluation);
    if (value.null_count() == 0) return bool_constant(negated_, evaluation.pool);
    const std::size_t bytes = bitmap_bytes(value.size());
    Buffer bits = allocate_sized(evaluation.pool, bytes);
    const std::uint8_t flip = negated_ ? 0 : 0xFF;
    for (std::size_t i = 0; i < bytes; ++i)
      bits.mutable_data()[i] = static_cast<std::uint8_t>(value.validity()[i] ^ flip);
    return {Type::kBool, value.size(), 0, {}, std::move(bits)};
  }

 private:
  bool negated_;
  NodePtr argument_;
};

Column compare(Evaluation& evaluation, std::string_view symbol, ValueType type, Span span, const Column& a,
               const Column& b) {
  const Column arguments[] = {a, b};
  return apply(evaluation, find_overload(symbol, {type, type}).kernel, ValueType::kBool, span, arguments);
}

class Membership final : public Node {
 public:
  Membership(Span span, NodeList arguments)
      : Node(ValueType::kBool, span),
        arguments_(std::move(arguments)),
        equal_(find_overload("=", {arguments_[0]->type(), arguments_[0]->type()}).kernel) {}

  Column evaluate(Evaluation& evaluation) const override {
    Column values[2] = {arguments_[0]->evaluate(evaluation), {}};
    Column result = bool_constant(false, evaluation.pool);
    for (std::size_t i = 1; i < arguments_.size(); ++i) {
      values[1] = arguments_[i]->evaluate(evaluation);
      result = connect(evaluation, true, result, apply(evaluation, equal_, ValueType::kBool, span(), values));
    }
    return result;
  }

 private:
  NodeList arguments_;
  Kernel equal_;
};

// `in` with a list of texts, all constant and not null: one look-up per row instead of one comparison per text.
class TextMembership final : public Node {
 public:
  TextMembership(Span span, NodeList arguments) : Node(ValueType::kBool, span), arguments_(std::move(arguments)) {
    for (std::size_t i = 1; i < arguments_.size(); ++i) texts_.insert(arguments_[i]->literal()->text(0));
  }

  Column evaluate(Evaluation& evaluation) const override {
    const Column value = arguments_[0]->evaluate(evaluation);
    if (value.size() == 1 && value.is_null(0)) return null_constant(ValueType::kBool, evaluation.pool);
    Call call(evaluation, span(), {&value, 1}, nullptr);
    return map_flags(call, [&](std::size_t row) { return texts_.contains(value.text(row)); });
  }

  static bool fits(const NodeList& arguments) {
    constexpr std::size_t kFewest = 4;  // below, comparing is as fast
    if (arguments[0]->type() != ValueType::kUtf8 || arguments.size() < 1 + kFewest) return false;
    return std::all_of(arguments.begin() + 1, arguments.end(), [](const NodePtr& argument) {
      return argument->literal() != nullptr && !argument->literal()->is_null(0);
    });
  }

 private:
  NodeList arguments_;
  std::unordered_set<std::string_view> texts_;  // in the literals
};

class Between final : public Node {
 public:
  Between(Span span, NodeList arguments) : Node(ValueType::kBool, span), arguments_(std::move(arguments)) {}

  Column evaluate(Evaluation& evaluation) const override {
    const ValueType type = arguments_[0]->type();
    const Column value = arguments_[0]->evaluate(evaluation);
    const Column low = compare(evaluation, ">=", type, span(), value, arguments_[1]->evaluate(evaluation));
    const Column high = compare(evaluation, "<=", type, span(), value, arguments_[2]->evaluate(evaluation));
    return connect(evaluation, false, low, high);
  }

 private:
  NodeList arguments_;
};

}  // namespace

Column connect(Evaluation& evaluation, bool disjunction, const Column& left, const Column& right) {
  const std::size_t rows = left.size() == 1 && right.size() == 1 ? 1 : evaluation.rows;
  const Bits a(left, rows);
  const Bits b(right, rows);
  if (!a.has_nulls() && !b.has_nulls()) return connect_without_nulls(evaluation, disjunction, a, b, rows);
  const std::size_t bytes = bitmap_bytes(rows);
  Buffer values = allocate_sized(evaluation.pool, bytes);
  Buffer validity = allocate_sized(evaluation.pool, bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const unsigned a_true = a.value(i) & a.valid(i);
    const unsigned b_true = b.value(i) & b.valid(i);
    const unsigned a_false = a.valid(i) & ~a.value(i);
    const unsigned b_false = b.valid(i) & ~b.value(i);
    const unsigned is_true = disjunction ? a_true | b_true : a_true & b_true;
    const unsigned is_false = disjunction ? a_false & b_false : a_false | b_false;
    values.mutable_data()[i] = static_cast<std::uint8_t>(is_true);
    validity.mutable_data()[i] = static_cast<std::uint8_t>(is_true | is_false);
  }
  const std::size_t nulls = rows - count_ones(validity.data(), rows);
  return {Type::kBool, rows, nulls, nulls == 0 ? Buffer() : std::move(validity), std::move(values)};
}

NodePtr make_connective(bool disjunction, Span span, NodeList arguments) {
  return std::make_unique<Connective>(disjunction, span, std::move(arguments));
}
NodePtr make_null_test(bool negated, Span span, NodePtr argument) {
  return std::make_unique<NullTest>(negated, span, std::move(argument));
}
NodePtr make_membership(Span span, NodeList arguments) {
  if (TextMembership::fits(arguments)) return std::make_unique<TextMembership>(span, std::move(arguments));
  return std::make_unique<Membership>(span, std::move(arguments));
}
NodePtr make_between(Span span, NodeList arguments) { return std::make_unique<Between>(span, std::move(arguments)); }

}  // namespace penstock::expression
