// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "expression/expression_fixture.h"

namespace penstock::expression {
namespace {

std::string parsed(std::string_view text) {
  const Result<AggregateCall> call = parse_aggregate(text, order_schema());
  if (!call) return call.error().to_text();
  std::string result = fmt::format("{} {}", to_string(call->function), to_string(call->type));
  if (call->argument) result += fmt::format(" of {}", to_string(call->argument->type()));
  if (call->quantile != 0) result += fmt::format(" at {}", call->quantile);
  return result;
}

TEST(AggregateCall, KnowsFunctionArgumentAndType) {
  const Case cases[] = {
      {"count()", "count int64"},
      {"count(country)", "count int64 of utf8"},
      {"sum(amount)", "sum float64 of float64"},
      {"sum(quantity)", "sum int64 of int64"},
      {"sum(amount * quantity)", "sum float64 of float64"},
      {"mean(quantity)", "mean float64 of int64"},
      {"std(amount)", "std float64 of float64"},
      {"min(country)", "min utf8 of utf8"},
      {"max(at)", "max timestamp of timestamp"},
      {"quantile(amount, 0.95)", "quantile float64 of float64 at 0.95"},
      {"exact_quantile(quantity, 1)", "exact_quantile float64 of int64 at 1"},
      {"median(amount)", "quantile float64 of float64 at 0.5"},
  };
  for (const Case& c : cases) EXPECT_EQ(parsed(c.text), c.expected) << c.text;
}

TEST(AggregateCall, EvaluatesItsArgument) {
  const Result<AggregateCall> call = parse_aggregate("sum(coalesce(quantity, 0) * 2)", order_schema());
  ASSERT_TRUE(call);
  EXPECT_EQ(call->argument_text, "coalesce(quantity, 0) * 2");
  RowFailures failures;
  const Column column = call->argument->evaluate(orders(), BufferPool::shared(), failures);
  EXPECT_EQ(value_text(column, 0) + value_text(column, 1) + value_text(column, 2), "800");
}

TEST(AggregateCall, PointsIntoWrongTexts) {
  const Case cases[] = {
      {"amount", "this is no aggregate\n  amount\n  ^^^^^^\n  try: write for instance sum(amount) or count()"},
      {"sum(amount) + 1",
       "\"+\" is no aggregate\n  sum(amount) + 1\n              ^\n"
       "  try: known: count, sum, mean, std, min, max, quantile, exact_quantile, median"},
      {"men(amount)", "\"men\" is no aggregate\n  men(amount)\n  ^^^\n  try: did you mean \"mean\"?"},
      {"first(amount)",
       "there is no aggregate \"first\"\n  first(amount)\n  ^^^^^\n"
       "  try: rows have no order that every strategy keeps; use min or max"},
      {"sum()", "sum does not take 0 arguments\n  sum()\n  ^^^\n  try: write sum(x)"},
      {"sum(country)",
       "sum does not take utf8\n  sum(country)\n      ^^^^^^^\n"
       "  try: it takes numbers; convert with int64(x) or float64(x)"},
      {"sum(amuont)", "there is no column \"amuont\"\n  sum(amuont)\n      ^^^^^^\n  try: did you mean \"amount\"?"},
      {"quantile(amount, 95)",
       "the fraction of a quantile is a number from 0 to 1\n  quantile(amount, 95)\n"
       "                   ^^\n  try: quantile(x, 0.95) is the 95th percentile"},
      {"quantile(amount, id)",
       "the fraction of a quantile is a number from 0 to 1\n  quantile(amount, id)\n"
       "                   ^^\n  try: quantile(x, 0.95) is the 95th percentile"},
  };
  for (const Case& c : cases) EXPECT_EQ(parsed(c.text), c.expected) << c.text;
}

}  // namespace
}  // namespace penstock::expression
