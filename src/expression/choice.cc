// SPDX-License-Identifier: MIT
// case, if, coalesce, nullif, try: each row takes its value from one of several columns.
#include <algorithm>

#include "expression/node.h"

namespace penstock::expression {
namespace {

using Choices = std::vector<std::uint32_t>;  // per row: the index of the column to take the value from

class Picker {
 public:
  Picker(Evaluation& evaluation, ValueType type, Span span, const Choices& choices, std::span<const Column> columns)
      : evaluation_(evaluation), type_(storage_type(type)), span_(span), choices_(choices), columns_(columns) {}

  Column pick() {
    if (type_ == Type::kUtf8) return texts();
    const bool nulls =
        std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return c.null_count() != 0; });
    Buffer values = type_ == Type::kBool ? bools() : words();
    if (!nulls) return {type_, choices_.size(), 0, {}, std::move(values)};
    Buffer validity = allocate_sized(evaluation_.pool, bitmap_bytes(choices_.size()));
    pack_bits(validity.mutable_data(), choices_.size(), [this](std::size_t row) { return !is_null(row); });
    const std::size_t null_count = choices_.size() - count_ones(validity.data(), choices_.size());
    return {type_, choices_.size(), null_count, null_count == 0 ? Buffer() : std::move(validity), std::move(values)};
  }

 private:
  const Column& column(std::size_t row) const { return columns_[choices_[row]]; }
  std::size_t at(std::size_t row) const { return column(row).size() == 1 ? 0 : row; }
  bool is_null(std::size_t row) const { return column(row).is_null(at(row)); }

  Buffer words() const {  // int64, timestamp and float64 alike
    Buffer values = allocate_sized(evaluation_.pool, choices_.size() * 8);
    auto* const out = reinterpret_cast<std::int64_t*>(values.mutable_data());
    struct Lane {
      const std::int64_t* values;
      std::size_t step;
    };
    std::vector<Lane> lanes;
    for (const Column& c : columns_)
      lanes.push_back({c.int64s().data(), c.size() == 1 ? std::size_t{0} : std::size_t{1}});
    for (std::size_t row = 0; row < choices_.size(); ++row) {
      const Lane lane = lanes[choices_[row]];
      out[row] = lane.values[row * lane.step];
    }
    return values;
  }

  Buffer bools() const {
    Buffer values = allocate_sized(evaluation_.pool, bitmap_bytes(choices_.size()));
    pack_bits(values.mutable_data(), choices_.size(),
              [this](std::size_t row) { return get_bit(column(row).bits(), at(row)); });
    return values;
  }

  Column texts() const {
    TextWriter writer(evaluation_, span_, choices_.size());
    for (std::size_t row = 0; row < choices_.size(); ++row) {
      if (is_null(row)) {
        writer.null();
      } else {
        writer.write(column(row).text(at(row)));
      }
    }
    return writer.finish();
  }

  Evaluation& evaluation_;
  Type type_;
  Span span_;
  const Choices& choices_;
  std::span<const Column> columns_;
};

class Choice final : public Node {
 public:
  Choice(ValueType type, Span span, NodeList conditions, NodeList values)
      : Node(type, span), conditions_(std::move(conditions)), values_(std::move(values)) {}

  Column evaluate(Evaluation& evaluation) const override {
    const auto otherwise = static_cast<std::uint32_t>(conditions_.size());
    Choices choices(evaluation.rows, otherwise);
    for (std::uint32_t i = 0; i < otherwise; ++i) {
      const std::size_t mark = evaluation.failures.size();
      const Column condition = conditions_[i]->evaluate(evaluation);
      evaluation.keep_failures(mark, [&](std::size_t row) { return choices[row] == otherwise; });
      take_where(condition, choices, otherwise, i);
    }
    std::vector<Column> columns;
    for (std::uint32_t i = 0; i <= otherwise; ++i) {
      const std::size_t mark = evaluation.failures.size();
      columns.push_back(values_[i]->evaluate(evaluation));
      evaluation.keep_failures(mark, [&](std::size_t row) { return choices[row] == i; });
    }
    return Picker(evaluation, type(), span(), choices, columns).pick();
  }

 private:
  // Rows that nothing was chosen for yet choose `choice` where the condition is true.
  static void take_where(const Column& condition, Choices& choices, std::uint32_t none, std::uint32_t choice) {
    const std::size_t step = condition.size() == 1 ? 0 : 1;
    const std::uint8_t* const bits = condition.bits();
    const std::uint8_t* const validity = condition.validity();
    // without branches on the values: conditions on real data are not predictable
    const auto take = [&](auto is_true) {
      for (std::size_t row = 0; row < choices.size(); ++row) {
        const std::uint32_t chosen = (choices[row] == none ? 1U : 0U) & (is_true(row * step) ? 1U : 0U);
        choices[row] += (choice - choices[row]) & (0U - chosen);
      }
    };
    if (validity == nullptr) {
      take([bits](std::size_t at) { return get_bit(bits, at); });
    } else {
      take([bits, validity](std::size_t at) { return get_bit(bits, at) & get_bit(validity, at); });
    }
  }

  NodeList conditions_;
  NodeList values_;  // one more than conditions
};

class Coalesce final : public Node {
 public:
  Coalesce(ValueType type, Span span, NodeList arguments) : Node(type, span), arguments_(std::move(arguments)) {}

  Column evaluate(Evaluation& evaluation) const override {
    std::vector<Column> columns = {arguments_[0]->evaluate(evaluation)};
    if (columns[0].null_count() == 0) return columns[0];
    Choices choices(evaluation.rows, 0);
    for (std::uint32_t i = 1; i < arguments_.size(); ++i) {
      const std::uint32_t last = i - 1;
      const Column& before = columns[last];
      const auto undecided = [&](std::size_t row) {
        return choices[row] == last && before.is_null(before.size() == 1 ? 0 : row);
      };
      const std::size_t mark = evaluation.failures.size();
      Column next = arguments_[i]->evaluate(evaluation);
      evaluation.keep_failures(mark, undecided);
      for (std::size_t row = 0; row < choices.size(); ++row) choices[row] = undecided(row) ? i : choices[row];
      columns.push_back(std::move(next));
    }
    return Picker(evaluation, type(), span(), choices, columns).pick();
  }

 private:
  NodeList arguments_;
};

class NullIf final : public Node {
 public:
  NullIf(ValueType type, Span span, NodeList arguments)
      : Node(type, span), arguments_(std::move(arguments)), equal_(find_overload("=", {type, type}).kernel) {}

  Column evaluate(Evaluation& evaluation) const override {
    const Column values[] = {arguments_[0]->evaluate(evaluation), arguments_[1]->evaluate(evaluation)};
    const Column equal = apply(evaluation, equal_, ValueType::kBool, span(), values);
    Choices choices(evaluation.rows, 0);
    const std::size_t step = equal.size() == 1 ? 0 : 1;
    for (std::size_t row = 0; row < choices.size(); ++row) choices[row] = get_bit(equal.bits(), row * step) ? 1 : 0;
    const Column columns[] = {values[0], null_constant(type(), evaluation.pool)};
    return Picker(evaluation, type(), span(), choices, columns).pick();
  }

 private:
  NodeList arguments_;
  Kernel equal_;
};

class Try final : public Node {
 public:
  Try(Span span, NodePtr argument) : Node(argument->type(), span), argument_(std::move(argument)) {}

  Column evaluate(Evaluation& evaluation) const override {
    const std::size_t mark = evaluation.failures.size();
    const Column value = argument_->evaluate(evaluation);
    if (evaluation.failures.size() == mark) return value;
    // a function around the one that failed may have given a value: coalesce(1 // x, 0)
    Choices choices(evaluation.rows, 0);
    for (std::size_t i = mark; i < evaluation.failures.size(); ++i) choices[evaluation.failures[i].row] = 1;
    evaluation.failures.resize(mark);
    const Column columns[] = {value, null_constant(type(), evaluation.pool)};
    return Picker(evaluation, type(), span(), choices, columns).pick();
  }

 private:
  NodePtr argument_;
};

}  // namespace

NodePtr make_choice(ValueType type, Span span, NodeList conditions, NodeList values) {
  return std::make_unique<Choice>(type, span, std::move(conditions), std::move(values));
}
NodePtr make_coalesce(ValueType type, Span span, NodeList arguments) {
  return std::make_unique<Coalesce>(type, span, std::move(arguments));
}
NodePtr make_null_if(ValueType type, Span span, NodeList arguments) {
  return std::make_unique<NullIf>(type, span, std::move(arguments));
}
NodePtr make_try(Span span, NodePtr argument) { return std::make_unique<Try>(span, std::move(argument)); }

}  // namespace penstock::expression
