// SPDX-License-Identifier: MIT
// The operators = <> < <= > >=, and `not`. Floats compare as IEEE 754 says: nothing is equal to NaN, nor ordered with
// it.
#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

struct Equal {
  template <class T>
  static bool run(T a, T b) {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  static bool run(T a, T b) {
    return a != b;
  }
};
struct Less {
  template <class T>
  static bool run(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  static bool run(T a, T b) {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  static bool run(T a, T b) {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  static bool run(T a, T b) {
    return a >= b;
  }
};

template <class Op, class T>
Column compare_numbers(Call& call) {
  Buffer values = call.allocate(bitmap_bytes(call.rows()));
  with_operands<T, T>(call, [&](auto left, auto right) {
    pack_bits(values.mutable_data(), call.rows(), [&](std::size_t i) { return Op::run(left(i), right(i)); });
  });
  return call.finish(Type::kBool, std::move(values));
}

template <class Op>
Column compare_texts(Call& call) {
  if (call.constant(1)) {  // the usual case
    return map_flags(call, [&call, right = call.text(1, 0)](std::size_t i) { return Op::run(call.text(0, i), right); });
  }
  return map_flags(call, [&call](std::size_t i) { return Op::run(call.text(0, i), call.text(1, i)); });
}

template <class Op>
Column compare_bools(Call& call) {
  return map_flags(call, [&call](std::size_t i) { return Op::run(call.boolean(0, i), call.boolean(1, i)); });
}

Column negate(Call& call) {
  Buffer values = call.allocate(bitmap_bytes(call.rows()));
  const std::uint8_t* const from = call.argument(0).bits();
  std::uint8_t* const to = values.mutable_data();
  for (std::size_t i = 0; i < bitmap_bytes(call.rows()); ++i) to[i] = static_cast<std::uint8_t>(~from[i]);
  return call.finish(Type::kBool, std::move(values));
}

template <class Op>
void add_operator(OverloadList& table, std::string_view symbol) {
  for (const ValueType type : {ValueType::kInt64, ValueType::kTimestamp, ValueType::kDuration}) {
    table.push_back({symbol, {type, type}, ValueType::kBool, compare_numbers<Op, std::int64_t>});
  }
  table.push_back({symbol, {ValueType::kFloat64, ValueType::kFloat64}, ValueType::kBool, compare_numbers<Op, double>});
  table.push_back({symbol, {ValueType::kUtf8, ValueType::kUtf8}, ValueType::kBool, compare_texts<Op>});
}

}  // namespace

void add_comparisons(OverloadList& table) {
  add_operator<Equal>(table, "=");
  add_operator<NotEqual>(table, "<>");
  add_operator<Less>(table, "<");
  add_operator<LessEqual>(table, "<=");
  add_operator<Greater>(table, ">");
  add_operator<GreaterEqual>(table, ">=");
  table.push_back({"=", {ValueType::kBool, ValueType::kBool}, ValueType::kBool, compare_bools<Equal>});
  table.push_back({"<>", {ValueType::kBool, ValueType::kBool}, ValueType::kBool, compare_bools<NotEqual>});
  table.push_back({"not", {ValueType::kBool}, ValueType::kBool, negate});
}

}  // namespace penstock::expression
