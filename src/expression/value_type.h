// SPDX-License-Identifier: MIT
// The types of parts of an expression: those of columns, and two that only exist inside expressions.
#pragma once

#include <penstock/record.h>

namespace penstock::expression {

enum class ValueType : std::uint8_t {
  kInt64,
  kFloat64,
  kBool,
  kUtf8,
  kTimestamp,
  kDuration,  ///< Microseconds between two timestamps; stored as int64.
  kNull,      ///< Of the literal `null` until its context gives it a type.
};

/// Returns the name of the type as messages show it.
constexpr const char* to_string(ValueType type) noexcept {
  constexpr const char* kNames[] = {"int64", "float64", "bool", "utf8", "timestamp", "duration", "null"};
  return kNames[static_cast<std::size_t>(type)];
}

/// Of a column that is neither images nor tensors.
constexpr ValueType value_type(Type type) noexcept { return static_cast<ValueType>(type); }
static_assert(value_type(Type::kTimestamp) == ValueType::kTimestamp && value_type(Type::kUtf8) == ValueType::kUtf8);

/// Returns the type of the column that holds the values; an untyped null is held as bool.
constexpr Type storage_type(ValueType type) noexcept {
  if (type == ValueType::kDuration) return Type::kInt64;
  return type == ValueType::kNull ? Type::kBool : static_cast<Type>(type);
}

}  // namespace penstock::expression
