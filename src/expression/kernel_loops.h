// SPDX-License-Identifier: MIT
// The loops that kernels are made of: one loop per combination of column and constant, without a branch on it inside.
#pragma once

#include <fmt/format.h>

#include <cstdint>

#include "expression/evaluation.h"

namespace penstock::expression {

template <class T>
const T* values_of(const Column& column) noexcept {
  if constexpr (std::is_same_v<T, double>) {
    return column.float64s().data();
  } else {
    return column.int64s().data();
  }
}

template <class T>
constexpr Type kTypeOf = std::is_same_v<T, double> ? Type::kFloat64 : Type::kInt64;

/// Calls `body(left, right)` where these give the values of row i by `left(i)`.
template <class A, class B, class Body>
void with_operands(const Call& call, Body body) {
  const A* const a = values_of<A>(call.argument(0));
  const B* const b = values_of<B>(call.argument(1));
  if (call.constant(0)) {
    body([value = *a](std::size_t) { return value; }, [b](std::size_t i) { return b[i]; });
  } else if (call.constant(1)) {
    body([a](std::size_t i) { return a[i]; }, [value = *b](std::size_t) { return value; });
  } else {
    body([a](std::size_t i) { return a[i]; }, [b](std::size_t i) { return b[i]; });
  }
}

/// The argument as it is.
inline Column same(Call& call) { return call.argument(0); }

/// `f(a)` for every row, also under nulls; `f` must not fail.
template <class Out, class A, class F>
Column map_total(Call& call, F f, Type type = kTypeOf<Out>) {
  Buffer values = call.allocate(call.rows() * sizeof(Out));
  auto* const out = reinterpret_cast<Out*>(values.mutable_data());
  const A* const a = values_of<A>(call.argument(0));
  for (std::size_t i = 0; i < call.rows(); ++i) out[i] = f(a[i]);
  return call.finish(type, std::move(values));
}

/// `f(a, b)` for every row, also under nulls; `f` must not fail.
template <class Out, class A, class B, class F>
Column map_total2(Call& call, F f, Type type = kTypeOf<Out>) {
  Buffer values = call.allocate(call.rows() * sizeof(Out));
  auto* const out = reinterpret_cast<Out*>(values.mutable_data());
  with_operands<A, B>(call, [&](auto left, auto right) {
    for (std::size_t i = 0; i < call.rows(); ++i) out[i] = f(left(i), right(i));
  });
  return call.finish(type, std::move(values));
}

/// `f(a, out)` for every row; where it returns true the row fails with the text of `say(a)`.
template <class Out, class A, class F, class Say>
Column map_checked(Call& call, F f, Say say, Type type = kTypeOf<Out>) {
  Buffer values = call.allocate(call.rows() * sizeof(Out));
  auto* const out = reinterpret_cast<Out*>(values.mutable_data());
  const A* const a = values_of<A>(call.argument(0));
  bool failed = false;
  for (std::size_t i = 0; i < call.rows(); ++i) failed |= f(a[i], out[i]);
  for (std::size_t i = 0; failed && i < call.rows(); ++i) {  // once more, to see where
    if (!call.is_null(i) && f(a[i], out[i])) call.fail(i, say(a[i]));
  }
  return call.finish(type, std::move(values));
}

/// `f(a, b, out)` for every row; where it returns true the row fails with the text of `say(a, b)`.
template <class Out, class A, class B, class F, class Say>
Column map_checked2(Call& call, F f, Say say, Type type = kTypeOf<Out>) {
  Buffer values = call.allocate(call.rows() * sizeof(Out));
  auto* const out = reinterpret_cast<Out*>(values.mutable_data());
  with_operands<A, B>(call, [&](auto left, auto right) {
    bool failed = false;
    for (std::size_t i = 0; i < call.rows(); ++i) failed |= f(left(i), right(i), out[i]);
    for (std::size_t i = 0; failed && i < call.rows(); ++i) {  // once more, to see where
      if (!call.is_null(i) && f(left(i), right(i), out[i])) call.fail(i, say(left(i), right(i)));
    }
  });
  return call.finish(type, std::move(values));
}

/// `flag(row)` for every row as a bool column.
template <class Flag>
Column map_flags(Call& call, Flag flag) {
  Buffer values = call.allocate(bitmap_bytes(call.rows()));
  pack_bits(values.mutable_data(), call.rows(), flag);
  return call.finish(Type::kBool, std::move(values));
}

/// `value(row)` for every row that is not null, as a column of eight bytes per value.
template <class Out, class Value>
Column map_rows(Call& call, Value value, Type type = kTypeOf<Out>) {
  Buffer values = call.allocate(call.rows() * sizeof(Out));
  auto* const out = reinterpret_cast<Out*>(values.mutable_data());
  for (std::size_t i = 0; i < call.rows(); ++i) out[i] = call.is_null(i) ? Out{} : value(i);
  return call.finish(type, std::move(values));
}

/// `write(row, writer)`, which writes exactly one text, for every row that is not null.
template <class Write>
Column map_texts(Call& call, Write write) {
  TextWriter writer(call.evaluation(), call.span(), call.rows());
  for (std::size_t i = 0; i < call.rows(); ++i) {
    if (call.is_null(i)) {
      writer.null();
    } else {
      write(i, writer);
    }
  }
  return writer.finish();
}

}  // namespace penstock::expression
