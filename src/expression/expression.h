// SPDX-License-Identifier: MIT
// The expression language of `where`, `set` and `compute` in pipeline files: compiled and type-checked once against a
// schema, then evaluated over columns. The language itself is in docs/guide/expressions.md.
#pragma once

#include <penstock/batch.h>
#include <penstock/result.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// The rows at which an evaluation failed (integer overflow, division by zero, a text that is no number …), for the
/// error policy of the operator. At most one failure per row, the first one; rows ascend. Not thread-safe.
class RowFailures {
 public:
  struct Failure {
    std::uint32_t row = 0;  ///< In the record batch, from 0.
    std::string reason;     ///< What failed, with which values, in which part of the expression.
  };

  bool empty() const noexcept { return failures_.empty(); }
  std::size_t size() const noexcept { return failures_.size(); }
  const std::vector<Failure>& all() const noexcept { return failures_; }
  bool contains(std::uint32_t row) const noexcept;
  void clear() noexcept { failures_.clear(); }
  /// Adds failures in the order in which they happened; a row that has failed already keeps its first one.
  void add(std::vector<Failure> failures);

 private:
  std::vector<Failure> failures_;
};

/// A compiled expression. Immutable; copies share the compiled form; thread-safe.
///
/// Nulls follow SQL: a function of a null is null, `and`, `or` and `not` know three values, `null = null` is null.
/// Deterministic: the same row gives the same value, whatever the batch. ln, log10, log1p, exp and pow come from the
/// machine's mathematical library; their last bit may differ between machines with different libraries.
class Expression {
 public:
  /// Parses and type-checks `text` for record batches of `schema`.
  /// Errors: kInvalidArgument; the message shows the text with carets under the offending part, the hint what to try.
  static Result<Expression> compile(std::string_view text, const SchemaPtr& schema);

  /// The type of the value.
  Type type() const noexcept;
  /// The indices of the columns that it reads, ascending, each once.
  const std::vector<std::size_t>& columns() const noexcept;
  /// As given to `compile`.
  const std::string& text() const noexcept;

  /// Returns the value for every row. Rows that fail are null in the column and are added to `failures`; rows that an
  /// earlier evaluation has put there stay. Several expressions of one operator may therefore share `failures`.
  /// Requires a batch of the schema given to `compile`. Cost: linear in rows times operations; a column is returned as
  /// it is, without a copy.
  Column evaluate(const RecordBatch& batch, BufferPool& pool, RowFailures& failures) const;

  /// Replaces `rows` by the rows where the expression is true, ascending; null counts as false. Rows that fail are not
  /// among them and are added to `failures`. Requires `type() == Type::kBool`.
  void select(const RecordBatch& batch, BufferPool& pool, std::vector<std::uint32_t>& rows,
              RowFailures& failures) const;
  /// Replaces `rows` by the rows that `select` leaves out. Cost: as `evaluate`; next to nothing per row on top where
  /// these are few.
  void select_others(const RecordBatch& batch, BufferPool& pool, std::vector<std::uint32_t>& rows,
                     RowFailures& failures) const;

  struct Compiled;

 private:
  void select(bool others, const RecordBatch& batch, BufferPool& pool, std::vector<std::uint32_t>& rows,
              RowFailures& failures) const;
  explicit Expression(std::shared_ptr<const Compiled> compiled) noexcept : compiled_(std::move(compiled)) {}

  std::shared_ptr<const Compiled> compiled_;
};

/// What an `aggregate` computes of a group.
enum class AggregateFunction : std::uint8_t {
  kCount,          ///< Rows, or rows where the argument is not null: int64.
  kSum,            ///< Type of the argument, int64 or float64.
  kMean,           ///< float64.
  kStd,            ///< float64.
  kMin,            ///< Type of the argument: int64, float64, utf8 or timestamp.
  kMax,            ///< As kMin.
  kQuantile,       ///< float64, from a sketch.
  kExactQuantile,  ///< float64, from all values.
};
/// Returns "count", "sum", "mean", "std", "min", "max", "quantile" or "exact_quantile".
const char* to_string(AggregateFunction function) noexcept;

/// One entry of `compute`: "count()", "sum(amount * quantity)", "quantile(total, 0.95)".
struct AggregateCall {
  AggregateFunction function = AggregateFunction::kCount;
  std::optional<Expression> argument = {};  ///< None for count(). Its type fits the function.
  std::string argument_text = {};           ///< As written; calls with equal ones may share their evaluation.
  double quantile = 0;                      ///< From 0 to 1, for the quantiles; median(x) is quantile(x, 0.5).
  Type type = Type::kInt64;                 ///< Of the result.
};

/// Parses count(), count(x), sum(x), mean(x), std(x), min(x), max(x), quantile(x, q), exact_quantile(x, q) or
/// median(x), where x is any expression and q a number from 0 to 1. Errors as those of `Expression::compile`.
Result<AggregateCall> parse_aggregate(std::string_view text, const SchemaPtr& schema);

}  // namespace penstock
