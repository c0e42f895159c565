// SPDX-License-Identifier: MIT
#include "expression/expression.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/check.h"
#include "expression/compiled.h"
#include "expression/parser.h"

namespace penstock {
namespace {

using expression::Evaluation;

// A row that failed somewhere has no value, even where a function around the failure made one of its null.
Column without_rows(const Column& column, const std::vector<RowFailures::Failure>& failures, BufferPool& pool) {
  ColumnBuilder builder(column.type(), pool);
  builder.reserve(column.size());
  std::vector<bool> failed(column.size());
  for (const RowFailures::Failure& failure : failures) failed[failure.row] = true;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (failed[row]) {
      builder.append_null();
    } else {
      builder.append_from(column, row);
    }
  }
  return builder.finish();
}

bool has_value_at_failure(const Column& column, const std::vector<RowFailures::Failure>& failures) {
  return std::any_of(failures.begin(), failures.end(),
                     [&](const auto& failure) { return !column.is_null(failure.row); });
}

}  // namespace

bool RowFailures::contains(std::uint32_t row) const noexcept {
  const auto at = std::lower_bound(failures_.begin(), failures_.end(), row,
                                   [](const Failure& failure, std::uint32_t wanted) { return failure.row < wanted; });
  return at != failures_.end() && at->row == row;
}

void RowFailures::add(std::vector<Failure> failures) {
  if (failures.empty()) return;
  failures_.insert(failures_.end(), std::make_move_iterator(failures.begin()), std::make_move_iterator(failures.end()));
  std::stable_sort(failures_.begin(), failures_.end(),
                   [](const Failure& a, const Failure& b) { return a.row < b.row; });
  const auto same_row = [](const Failure& a, const Failure& b) { return a.row == b.row; };
  failures_.erase(std::unique(failures_.begin(), failures_.end(), same_row), failures_.end());
}

Result<Expression> Expression::Compiled::make(std::string_view text, const expression::Syntax& syntax,
                                              const SchemaPtr& schema) {
  PENSTOCK_ASSIGN(expression::Checked checked, expression::check(text, syntax, *schema));
  auto compiled = std::make_shared<Compiled>();
  compiled->text = text;
  compiled->type = static_cast<Type>(checked.root->type());
  compiled->columns = std::move(checked.columns);
  compiled->root = std::move(checked.root);
  return Expression(std::move(compiled));
}

Result<Expression> Expression::compile(std::string_view text, const SchemaPtr& schema) {
  PENSTOCK_ASSIGN(expression::Syntax syntax, expression::parse(text));
  return Compiled::make(text, syntax, schema);
}

Type Expression::type() const noexcept { return compiled_->type; }
const std::vector<std::size_t>& Expression::columns() const noexcept { return compiled_->columns; }
const std::string& Expression::text() const noexcept { return compiled_->text; }

namespace {

// Where it failed, the value of `span` is made null.
Column settle_failures(Column value, expression::Span span, Evaluation& evaluation, RowFailures& failures) {
  if (evaluation.failures.empty()) return value;
  value = expression::spread(evaluation, span, value, evaluation.rows);
  if (has_value_at_failure(value, evaluation.failures)) {
    value = without_rows(value, evaluation.failures, evaluation.pool);
  }
  failures.add(std::move(evaluation.failures));
  return value;
}

// 64 bits of the bitmap from bit `at` on, fewer at its end.
std::uint64_t load_bits(const std::uint8_t* bitmap, std::size_t at, std::size_t bits) {
  std::uint64_t word = 0;
  std::memcpy(&word, bitmap + at / 8, (bits + 7) / 8);
  return word;
}

void append_range(std::vector<std::uint32_t>& rows, std::size_t first, std::size_t count) {
  const std::size_t size = rows.size();
  rows.resize(size + count);
  std::iota(rows.begin() + static_cast<std::ptrdiff_t>(size), rows.end(), static_cast<std::uint32_t>(first));
}

}  // namespace

Column Expression::evaluate(const RecordBatch& batch, BufferPool& pool, RowFailures& failures) const {
  Evaluation evaluation{.text = compiled_->text, .batch = &batch, .rows = batch.num_rows(), .pool = pool};
  Column value = compiled_->root->evaluate(evaluation);
  value = expression::spread(evaluation, compiled_->root->span(), value, batch.num_rows());
  return settle_failures(std::move(value), compiled_->root->span(), evaluation, failures);
}

void Expression::select(const RecordBatch& batch, BufferPool& pool, std::vector<std::uint32_t>& rows,
                        RowFailures& failures) const {
  select(false, batch, pool, rows, failures);
}

void Expression::select_others(const RecordBatch& batch, BufferPool& pool, std::vector<std::uint32_t>& rows,
                               RowFailures& failures) const {
  select(true, batch, pool, rows, failures);
}

void Expression::select(bool others, const RecordBatch& batch, BufferPool& pool, std::vector<std::uint32_t>& rows,
                        RowFailures& failures) const {
  PENSTOCK_CHECK(type() == Type::kBool, "Expression::select needs an expression of type bool");
  Evaluation evaluation{.text = compiled_->text, .batch = &batch, .rows = batch.num_rows(), .pool = pool};
  Column value = compiled_->root->evaluate(evaluation);
  value = settle_failures(std::move(value), compiled_->root->span(), evaluation, failures);
  rows.clear();
  const std::size_t num_rows = batch.num_rows();
  if (value.size() == 1) {  // the same for all rows
    const bool is_true = !value.is_null(0) && get_bit(value.bits(), 0);
    if (is_true != others) append_range(rows, 0, num_rows);
    return;
  }
  for (std::size_t at = 0; at < num_rows; at += 64) {
    const std::size_t bits = std::min<std::size_t>(64, num_rows - at);
    std::uint64_t word = load_bits(value.bits(), at, bits);
    if (value.validity() != nullptr) word &= load_bits(value.validity(), at, bits);
    if (others) word = ~word;
    if (bits < 64) word &= (std::uint64_t{1} << bits) - 1;
    if (word == ~std::uint64_t{0}) {
      append_range(rows, at, 64);
      continue;
    }
    for (; word != 0; word &= word - 1)
      rows.push_back(static_cast<std::uint32_t>(at + static_cast<std::size_t>(std::countr_zero(word))));
  }
}

}  // namespace penstock
