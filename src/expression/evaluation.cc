// SPDX-License-Identifier: MIT
#include "expression/evaluation.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::expression {
namespace {

// Combines the validity of the arguments that have nulls; empty when none has. A constant is never null here.
Buffer combine_validity(std::span<const Column> arguments, std::size_t rows, BufferPool& pool) {
  Buffer combined;
  const std::size_t bytes = bitmap_bytes(rows);
  for (const Column& argument : arguments) {
    const std::uint8_t* const from = argument.validity();
    if (from == nullptr) continue;
    if (!combined) {
      combined = allocate_sized(pool, bytes);
      std::memcpy(combined.mutable_data(), from, bytes);
      continue;
    }
    std::uint8_t* const to = combined.mutable_data();
    for (std::size_t i = 0; i < bytes; ++i) to[i] &= from[i];
  }
  return combined;
}

void clear_under_nulls(Type type, std::uint8_t* values, const std::uint8_t* validity, std::size_t rows) {
  if (type == Type::kBool) {
    for (std::size_t i = 0; i < bitmap_bytes(rows); ++i) values[i] &= validity[i];
    return;
  }
  for_each_zero(validity, rows, [values](std::size_t row) { std::memset(values + 8 * row, 0, 8); });
}

std::size_t common_rows(std::span<const Column> arguments, std::size_t rows) {
  const bool constant = std::all_of(arguments.begin(), arguments.end(), [](const Column& c) { return c.size() == 1; });
  return constant ? 1 : rows;
}

// The constant that failed stands for every row. Literals never get here, but coalesce('x', y) is a constant, too.
void repeat_failure(Evaluation& evaluation, std::size_t mark) {
  const std::string reason = std::move(evaluation.failures[mark].reason);
  evaluation.failures.resize(mark);
  for (std::size_t row = 0; row < evaluation.rows; ++row) {
    evaluation.failures.push_back({static_cast<std::uint32_t>(row), reason});
  }
}

}  // namespace

CallState::~CallState() = default;

void Evaluation::fail(std::size_t row, Span span, std::string_view what) {
  failures.push_back({static_cast<std::uint32_t>(row), fmt::format("{}, in {}", what, snippet(text, span))});
}

Buffer allocate_sized(BufferPool& pool, std::size_t bytes) {
  Buffer buffer = pool.allocate(bytes);
  buffer.set_size(bytes);
  return buffer;
}

Column null_constant(ValueType type, BufferPool& pool) {
  ColumnBuilder builder(storage_type(type), pool);
  builder.append_null();
  return builder.finish();
}

Column int64_constant(Type type, std::int64_t value, BufferPool& pool) {
  ColumnBuilder builder(type, pool);
  builder.append_int64(value);
  return builder.finish();
}

Column float64_constant(double value, BufferPool& pool) {
  ColumnBuilder builder(Type::kFloat64, pool);
  builder.append_float64(value);
  return builder.finish();
}

Column bool_constant(bool value, BufferPool& pool) {
  ColumnBuilder builder(Type::kBool, pool);
  builder.append_bool(value);
  return builder.finish();
}

Column text_constant(std::string_view value, BufferPool& pool) {
  ColumnBuilder builder(Type::kUtf8, pool);
  builder.append_text(value);
  return builder.finish();
}

Call::Call(Evaluation& evaluation, Span span, std::span<const Column> arguments, const CallState* state)
    : evaluation_(evaluation),
      span_(span),
      arguments_(arguments),
      state_(state),
      rows_(common_rows(arguments, evaluation.rows)),
      validity_(combine_validity(arguments, rows_, evaluation.pool)) {}

void Call::fail(std::size_t row, std::string_view what) {
  if (is_null(row)) return;
  evaluation_.fail(row, span_, what);
  failed_.push_back(static_cast<std::uint32_t>(row));
}

Column Call::finish(Type type, Buffer values) {
  if (!validity_ && failed_.empty()) return {type, rows_, 0, {}, std::move(values)};
  if (!validity_) {
    validity_ = allocate(bitmap_bytes(rows_));
    std::memset(validity_.mutable_data(), 0xFF, bitmap_bytes(rows_));
  }
  for (const std::uint32_t row : failed_) set_bit(validity_.mutable_data(), row, false);
  clear_under_nulls(type, values.mutable_data(), validity_.data(), rows_);
  const std::size_t nulls = rows_ - count_ones(validity_.data(), rows_);
  return {type, rows_, nulls, std::move(validity_), std::move(values)};
}

Column apply(Evaluation& evaluation, Kernel kernel, ValueType result, Span span, std::span<const Column> arguments,
             const CallState* state) {
  for (const Column& argument : arguments) {
    if (argument.size() == 1 && argument.is_null(0)) return null_constant(result, evaluation.pool);
  }
  const std::size_t mark = evaluation.failures.size();
  Call call(evaluation, span, arguments, state);
  Column value = kernel(call);
  const bool fails_everywhere = call.rows() != evaluation.rows && evaluation.failures.size() > mark;
  if (fails_everywhere) repeat_failure(evaluation, mark);
  return value;
}

TextWriter::TextWriter(Evaluation& evaluation, Span span, std::size_t rows)
    : evaluation_(evaluation), span_(span), builder_(Type::kUtf8, evaluation.pool) {
  builder_.reserve(rows);
}

void TextWriter::fail(std::string_view what) {
  evaluation_.fail(row(), span_, what);
  builder_.append_null();
}

char* TextWriter::refuse(std::size_t bytes) {
  if (bytes > evaluation_.most_text) {
    fail(fmt::format("a text of {} bytes is longer than the {} that are allowed", bytes, evaluation_.most_text));
  } else {
    fail("the texts of this column are longer than 2 GiB together");
  }
  return nullptr;
}

Column spread(Evaluation& evaluation, Span span, const Column& column, std::size_t rows) {
  if (column.size() == rows) return column;
  if (column.type() != Type::kUtf8 || column.is_null(0)) {
    return column.take(std::vector<std::uint32_t>(rows, 0), evaluation.pool);
  }
  TextWriter writer(evaluation, span, rows);
  for (std::size_t row = 0; row < rows; ++row) writer.write(column.text(0));
  return writer.finish();
}

}  // namespace penstock::expression
