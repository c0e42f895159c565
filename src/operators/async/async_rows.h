// SPDX-License-Identifier: MIT
// What async operators on record batches share: a coroutine per row; out come the same rows with more columns.
#pragma once

#include <penstock/async_window.h>
#include <penstock/task.h>

#include <memory>
#include <string>
#include <vector>

#include "expression/expression.h"

namespace penstock {

/// The texts that a call is made from, one per argument; null where the expression is null.
using RowArguments = std::vector<std::optional<std::string>>;

/// What a call adds to its row: one value for each new column.
struct RowValue {
  bool null = false;
  std::int64_t number = 0;  ///< For int64.
  std::string text = {};    ///< For utf8.
};
using RowValues = std::vector<RowValue>;

/// An expression of an option, and where it was written.
struct RowArgument {
  std::string option;
  std::string expression;
  std::string place;
};

/// What is different from operator to operator.
class RowCall {
 public:
  virtual ~RowCall();
  virtual Task<Result<RowValues>> call(RowArguments arguments) = 0;
};

struct RowCallsOptions {
  const char* op = "";
  std::vector<RowArgument> arguments = {};  ///< Of the type utf8.
  std::vector<Field> columns = {};          ///< That are added.
  detail::AsyncLimits limits = {};
};

/// An operator that makes `call` for every row. A row whose expressions fail, or whose call fails, is rejected as the
/// policy says; only errors that are retryable are tried again.
std::unique_ptr<Operator> make_row_calls(RowCallsOptions options, std::unique_ptr<RowCall> call);

/// The options that all of them have: max_concurrent, ordered, call_timeout, rate_limit; and how they are read.
std::vector<OptionInfo> with_call_options(std::vector<OptionInfo> own, std::int64_t max_concurrent);
Result<detail::AsyncLimits> call_limits(const Options& options);
/// The expression in option `name`.
/// An option that is a number from `least` to `most`; kInvalidArgument with its place when it is not.
Result<std::int64_t> integer_between(const Options& options, std::string_view name, std::int64_t least,
                                     std::int64_t most);

/// The option `max_bytes`.
Result<std::size_t> most_bytes(const Options& options);

RowArgument row_argument(const Options& options, const std::string& name);

OperatorInfo file_read_info();
OperatorInfo http_fetch_info();

/// Adds the operators of this folder that this build has.
void add_async_operators(Registry& registry);

}  // namespace penstock
