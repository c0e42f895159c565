// SPDX-License-Identifier: MIT
// One evaluation of an expression on one record batch, and of one function within it.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "expression/bitmap.h"
#include "expression/expression.h"
#include "expression/source_text.h"
#include "expression/value_type.h"

namespace penstock::expression {

/// What every part of the tree needs while it is evaluated.
///
/// A value is a column of `rows` rows, or of one row when it is the same for all rows (a constant). In a batch of one
/// row both are the same thing.
struct Evaluation {
  std::string_view text;               ///< Of the expression, for messages.
  const RecordBatch* batch = nullptr;  ///< Null while constants are folded.
  std::size_t rows = 0;
  BufferPool& pool;
  std::size_t most_text = std::size_t{64} << 20;    ///< Bytes of one text that a function makes.
  std::vector<RowFailures::Failure> failures = {};  ///< In the order in which they happened.

  void fail(std::size_t row, Span span, std::string_view what);
  /// Drops the failures after the first `mark` ones at rows where `keep(row)` is false.
  template <class Keep>
  void keep_failures(std::size_t mark, Keep keep) {
    std::size_t to = mark;
    for (std::size_t i = mark; i < failures.size(); ++i) {
      if (!keep(std::size_t{failures[i].row})) continue;
      if (to != i) failures[to] = std::move(failures[i]);
      ++to;
    }
    failures.resize(to);
  }
};

/// Returns a buffer of that size, not initialised.
Buffer allocate_sized(BufferPool& pool, std::size_t bytes);

/// Returns a constant null.
Column null_constant(ValueType type, BufferPool& pool);
Column int64_constant(Type type, std::int64_t value, BufferPool& pool);
Column float64_constant(double value, BufferPool& pool);
Column bool_constant(bool value, BufferPool& pool);
Column text_constant(std::string_view value, BufferPool& pool);

/// What a function keeps from its constant arguments, for instance a compiled pattern. Immutable; shared by threads.
class CallState {
 public:
  virtual ~CallState();
};

/// One call of a strict function: a row is null where any argument is null, and kernels need not look at such rows
/// (the values there are zero or empty). No argument is a constant null.
class Call {
 public:
  Call(Evaluation& evaluation, Span span, std::span<const Column> arguments, const CallState* state);

  /// 1 when all arguments are constant.
  std::size_t rows() const noexcept { return rows_; }
  const Column& argument(std::size_t index) const noexcept { return arguments_[index]; }
  std::size_t num_arguments() const noexcept { return arguments_.size(); }
  bool constant(std::size_t index) const noexcept { return arguments_[index].size() == 1; }
  bool is_null(std::size_t row) const noexcept { return validity_ && !get_bit(validity_.data(), row); }
  std::string_view text(std::size_t index, std::size_t row) const noexcept {
    return arguments_[index].text(constant(index) ? 0 : row);
  }
  std::int64_t int64(std::size_t index, std::size_t row) const noexcept {
    return arguments_[index].int64s()[constant(index) ? 0 : row];
  }
  double float64(std::size_t index, std::size_t row) const noexcept {
    return arguments_[index].float64s()[constant(index) ? 0 : row];
  }
  bool boolean(std::size_t index, std::size_t row) const noexcept {
    return get_bit(arguments_[index].bits(), constant(index) ? 0 : row);
  }
  template <class State>
  const State& state() const noexcept {
    return static_cast<const State&>(*state_);
  }
  Evaluation& evaluation() noexcept { return evaluation_; }
  Span span() const noexcept { return span_; }
  Buffer allocate(std::size_t bytes) const { return allocate_sized(evaluation_.pool, bytes); }

  /// The row has no value, for a reason ("5 // 0 divides by zero"). Ignored where an argument is null.
  void fail(std::size_t row, std::string_view what);
  /// Makes a column of fixed width from its values: adds the nulls and sets the values under them to zero.
  Column finish(Type type, Buffer values);

 private:
  Evaluation& evaluation_;
  Span span_;
  std::span<const Column> arguments_;
  const CallState* state_;
  std::size_t rows_;
  Buffer validity_;  // of all arguments together; empty when there is no null
  std::vector<std::uint32_t> failed_;
};

/// Computes one call; of constants it gives a constant.
using Kernel = Column (*)(Call& call);

/// Calls `kernel`, unless an argument is a constant null: then the result is one too.
Column apply(Evaluation& evaluation, Kernel kernel, ValueType result, Span span, std::span<const Column> arguments,
             const CallState* state = nullptr);

/// Builds a utf8 column row by row. A text that is too long, or that the column has no room for, fails its row.
class TextWriter {
 public:
  TextWriter(Evaluation& evaluation, Span span, std::size_t rows);

  void write(std::string_view text) {
    if (char* const to = begin(text.size())) {
      if (!text.empty()) std::memcpy(to, text.data(), text.size());
      end(text.size());
    }
  }
  /// Returns room for `most_bytes`, to be followed by `end`, or null when the row failed.
  char* begin(std::size_t most_bytes) {
    if (most_bytes > room_ - builder_.text_bytes() || most_bytes > evaluation_.most_text) [[unlikely]]
      return refuse(most_bytes);
    // an empty text needs no room, and a builder without any gives null for it
    return builder_.begin_text(std::max<std::size_t>(most_bytes, 1));
  }
  void end(std::size_t bytes) noexcept { builder_.end_text(bytes); }
  void null() { builder_.append_null(); }
  /// The row has no value, for a reason.
  void fail(std::string_view what);
  std::size_t row() const noexcept { return builder_.size(); }
  Column finish() { return builder_.finish(); }

 private:
  static constexpr std::size_t room_ = std::numeric_limits<std::int32_t>::max();
  char* refuse(std::size_t bytes);

  Evaluation& evaluation_;
  Span span_;
  ColumnBuilder builder_;
};

/// Returns the column with `rows` rows, repeating a constant.
Column spread(Evaluation& evaluation, Span span, const Column& column, std::size_t rows);

}  // namespace penstock::expression
