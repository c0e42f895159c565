// SPDX-License-Identifier: MIT
// What the tests of expressions share: a small batch with every type and nulls, and values as text.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "data/number_text.h"
#include "data/timestamp_text.h"
#include "expression/expression.h"

namespace penstock::expression {

inline SchemaPtr order_schema() {
  return *make_schema({{"id", Type::kInt64},
                       {"amount", Type::kFloat64},
                       {"quantity", Type::kInt64},
                       {"country", Type::kUtf8},
                       {"note", Type::kUtf8},
                       {"paid", Type::kBool},
                       {"at", Type::kTimestamp},
                       {"unit price", Type::kFloat64}});
}

/// Three orders; of the second one only `id` and `unit price` are known.
inline RecordBatch orders() {
  RecordBatchBuilder builder(order_schema(), BufferPool::shared());
  const auto time = [](std::string_view text) {
    std::int64_t micros = 0;
    EXPECT_EQ(parse_timestamp(text, micros), ParseOutcome::kOk);
    return micros;
  };
  builder.column(0).append_int64(1);
  builder.column(1).append_float64(12.5);
  builder.column(2).append_int64(4);
  builder.column(3).append_text("de");
  builder.column(4).append_text(" Grüße 17 ");
  builder.column(5).append_bool(true);
  builder.column(6).append_int64(time("2024-02-29T13:14:15.5"));
  builder.column(7).append_float64(0.5);
  builder.column(0).append_int64(2);
  for (std::size_t i = 1; i < 7; ++i) builder.column(i).append_null();
  builder.column(7).append_float64(1.5);
  builder.column(0).append_int64(3);
  builder.column(1).append_float64(-7.25);
  builder.column(2).append_int64(0);
  builder.column(3).append_text("FR");
  builder.column(4).append_text("x");
  builder.column(5).append_bool(false);
  builder.column(6).append_int64(time("1969-12-31T23:59:59"));
  builder.column(7).append_float64(2.5);
  return builder.finish();
}

/// Returns the value as an expression would write it: 1, 1.5, true, 'text', 2024-01-31T00:00:00Z, null.
inline std::string value_text(const Column& column, std::size_t row) {
  if (column.is_null(row)) return "null";
  char text[64];
  switch (column.type()) {
    case Type::kInt64: return {text, format_int64(text, column.int64s()[row])};
    case Type::kFloat64: return {text, format_float64(text, column.float64s()[row])};
    case Type::kBool: return get_bit(column.bits(), row) ? "true" : "false";
    case Type::kUtf8: return fmt::format("'{}'", column.text(row));
    case Type::kTimestamp: return {text, format_timestamp(text, column.int64s()[row])};
    case Type::kImage:
    case Type::kTensor: break;
  }
  return "?";
}

/// Returns the values of all rows, "1 null 3"; a row that failed is "!". An error of compile is returned as text.
inline std::string values_on(std::string_view text, const RecordBatch& batch) {
  const Result<Expression> expression = Expression::compile(text, batch.schema_ptr());
  if (!expression) return expression.error().to_text();
  RowFailures failures;
  const Column column = expression->evaluate(batch, BufferPool::shared(), failures);
  std::string values;
  for (std::size_t row = 0; row < batch.num_rows(); ++row) {
    EXPECT_TRUE(!failures.contains(static_cast<std::uint32_t>(row)) || column.is_null(row)) << text;
    values += row == 0 ? "" : " ";
    values += failures.contains(static_cast<std::uint32_t>(row)) ? "!" : value_text(column, row);
  }
  return values;
}

/// `values_on` the three orders.
inline std::string values(std::string_view text) { return values_on(text, orders()); }

/// The value of an expression that is the same for every row.
inline std::string constant(std::string_view text) { return values_on(text, orders().head(1)); }

/// Returns the reasons of the failures, one per line: "2: reason".
inline std::string failures_of(std::string_view text) {
  const Result<Expression> expression = Expression::compile(text, order_schema());
  if (!expression) return expression.error().to_text();
  RowFailures failures;
  expression->evaluate(orders(), BufferPool::shared(), failures);
  std::string reasons;
  for (const RowFailures::Failure& failure : failures.all())
    reasons += fmt::format("{}: {}\n", failure.row, failure.reason);
  return reasons;
}

struct Case {
  const char* text;
  const char* expected;
};

/// Checks that every expression of the table has the value beside it on the three orders.
template <std::size_t N>
void expect_values(const Case (&cases)[N]) {
  for (const Case& c : cases) EXPECT_EQ(values(c.text), c.expected) << c.text;
}

}  // namespace penstock::expression
