// SPDX-License-Identifier: MIT
// The strict functions and operators of the language: names, signatures, kernels.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "expression/evaluation.h"

namespace penstock::expression {

/// What is wrong with a constant argument.
struct BadArgument {
  std::size_t index = 0;
  std::string what = {};  ///< Empty: nothing is wrong.
  std::string hint = {};
};

/// One signature of a function.
struct Overload {
  std::string_view name;
  std::vector<ValueType> parameters;
  ValueType result = ValueType::kNull;
  Kernel kernel = nullptr;
  /// Bit i set: argument i must be a constant that is not null; see `prepare`.
  std::uint8_t constants = 0;
  /// Makes the state of the call from those constants, in order, or says what is wrong with which of them.
  BadArgument (*prepare)(std::span<const Column> constants, std::shared_ptr<const CallState>& state) = nullptr;
  /// The last parameter may be given any number of times, at least once.
  bool variadic = false;
  /// f(f(a, b), c) is f(a, b, c): a chain becomes one call of the kernel, not one copy of the text per link.
  bool associative = false;
};

/// All overloads. Those of one name stand together, the cheaper types first.
const std::vector<Overload>& function_table();

/// Returns the overload of a name with exactly these parameters. Requires that there is one.
const Overload& find_overload(std::string_view name, std::initializer_list<ValueType> parameters);

// The parts of the table, one per source.
using OverloadList = std::vector<Overload>;
void add_arithmetic(OverloadList& table);
void add_comparisons(OverloadList& table);
void add_mathematics(OverloadList& table);
void add_texts(OverloadList& table);
void add_patterns(OverloadList& table);
void add_dates(OverloadList& table);
void add_casts(OverloadList& table);

}  // namespace penstock::expression
