// SPDX-License-Identifier: MIT
// Runs one operator without an engine, for unit tests: what goes in is given, what comes out is kept.
#pragma once

#include <penstock/operator.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::testing {

/// A cell for `table`; `nullptr` is null.
using Value = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string>;

/// How an operator is run.
struct HarnessOptions {
  std::size_t batch_size = 1024;
  ErrorPolicy on_error = {};  ///< Skip and quarantine both keep the rejections.
  std::size_t most_batches = std::numeric_limits<std::size_t>::max();  ///< After these the emitter is done.
  BufferPool* pool = &BufferPool::shared();                            ///< Its budget is the operator's memory limit.
  bool commit = true;                                                  ///< False: abort at the end instead.
};

/// What came of it.
struct HarnessResult {
  Status status = {};               ///< The first error of bind, open, process or produce, finish, commit.
  StreamType type = {};             ///< What bind returned.
  std::vector<Batch> batches = {};  ///< In order, each with at least one record.
  std::vector<Rejection> rejections = {};
  std::vector<OutputFile> outputs = {};
  std::string note = {};

  /// All rows as JSON objects, in order. Requires record batches.
  std::vector<std::string> rows() const {
    std::vector<std::string> rows;
    for (const Batch& batch : batches) {
      for (std::size_t i = 0; i < batch.num_records(); ++i) rows.push_back(batch.record_batch().row_to_json(i));
    }
    return rows;
  }
  std::size_t num_rows() const {
    std::size_t count = 0;
    for (const Batch& batch : batches) count += batch.num_records();
    return count;
  }
  /// The reasons of the rejections, in order.
  std::vector<std::string> reasons() const {
    std::vector<std::string> reasons;
    for (const Rejection& rejection : rejections) reasons.push_back(rejection.reason);
    return reasons;
  }
  /// Everything about the error, or an empty text.
  std::string error() const { return status ? std::string() : status.error().to_text(); }
};

/// Keeps every batch.
class CollectingEmitter final : public Emitter {
 public:
  explicit CollectingEmitter(std::size_t most_batches = std::numeric_limits<std::size_t>::max())
      : most_batches_(most_batches) {}
  bool emit(Batch batch) override {
    if (done()) return false;
    batch.sequence = batches.size();
    if (batch.num_records() > 0) batches.push_back(std::move(batch));
    return !done();
  }
  bool done() const noexcept override { return batches.size() >= most_batches_; }

  std::vector<Batch> batches;

 private:
  std::size_t most_batches_;
};

/// Keeps every rejection; with the policy `fail` the first one is an error.
class CollectingErrors final : public RowErrors {
 public:
  explicit CollectingErrors(ErrorPolicy policy = {}) : policy_(std::move(policy)) {}
  Status reject(Rejection rejection) override {
    rejections.push_back(std::move(rejection));
    if (policy_.action != ErrorPolicy::Action::kFail) return {};
    const Rejection& last = rejections.back();
    Error error(ErrorCode::kInvalidArgument, last.reason);
    if (!last.file.empty()) error = std::move(error).at(last.file + ":" + std::to_string(last.line));
    return std::move(error).record(static_cast<std::int64_t>(last.record));
  }
  bool raw_unused() const noexcept override { return policy_.action == ErrorPolicy::Action::kSkip && !keep_raw; }

  std::vector<Rejection> rejections;
  bool keep_raw = true;

 private:
  ErrorPolicy policy_;
};

namespace harness_detail {

inline Status drive(Operator& op, const StreamType& input, std::vector<Batch>& batches, Emitter& out,
                    OperatorContext& context, HarnessResult& result) {
  PENSTOCK_ASSIGN(result.type, op.bind(input));
  PENSTOCK_TRY(op.open(context));
  if (auto* const source = dynamic_cast<Source*>(&op)) {
    for (Source::Next next = Source::Next::kMore; next == Source::Next::kMore && !out.done();) {
      PENSTOCK_ASSIGN(next, source->produce(out));
    }
  }
  for (Batch& batch : batches) {
    if (out.done() || op.records_wanted() == 0) break;
    PENSTOCK_TRY(op.process(std::move(batch), out));
  }
  return op.finish(out);
}

}  // namespace harness_detail

/// Runs bind, open, process for each batch (or produce until the end), finish, and commit, or abort after an error.
inline HarnessResult run_operator(Operator& op, const StreamType& input, std::vector<Batch> batches,
                                  const HarnessOptions& options = {}) {
  HarnessResult result;
  CollectingEmitter out(options.most_batches);
  CollectingErrors errors(options.on_error);
  const StopSignal stop;
  OperatorContext context{
      .name = "op", .batch_size = options.batch_size, .pool = options.pool, .errors = &errors, .stop = &stop};
  result.status = harness_detail::drive(op, input, batches, out, context, result);
  if (result.status && options.commit) {
    result.status = op.commit();
    result.outputs = op.outputs();
  }
  if (!result.status || !options.commit) op.abort();
  result.note = op.note();
  result.batches = std::move(out.batches);
  result.rejections = std::move(errors.rejections);
  return result;
}

/// As above, on record batches of one schema.
inline HarnessResult run_operator(Operator& op, const SchemaPtr& schema, const std::vector<RecordBatch>& batches,
                                  const HarnessOptions& options = {}) {
  std::vector<Batch> input(batches.begin(), batches.end());
  for (std::size_t i = 0; i < input.size(); ++i) input[i].sequence = i;
  return run_operator(op, StreamType::of_schema(schema), std::move(input), options);
}
inline HarnessResult run_operator(Operator& op, const RecordBatch& batch, const HarnessOptions& options = {}) {
  return run_operator(op, batch.schema_ptr(), {batch}, options);
}
inline HarnessResult run_source(Operator& op, const HarnessOptions& options = {}) {
  return run_operator(op, StreamType{}, std::vector<Batch>{}, options);
}

/// Makes a registered operator from `values` first; an error of the registry is the result's status.
inline HarnessResult run_source(const char* name, const Options& values, const HarnessOptions& options = {}) {
  Result<std::unique_ptr<Operator>> op = Registry::global().make(name, values);
  if (!op) return {.status = op.error()};
  return run_source(**op, options);
}
inline HarnessResult run_operator(const char* name, const Options& values, const std::vector<RecordBatch>& batches,
                                  const HarnessOptions& options = {}) {
  Result<std::unique_ptr<Operator>> op = Registry::global().make(name, values);
  if (!op) return {.status = op.error()};
  return run_operator(**op, batches.at(0).schema_ptr(), batches, options);
}
inline HarnessResult run_operator(const char* name, const Options& values, const RecordBatch& batch,
                                  const HarnessOptions& options = {}) {
  return run_operator(name, values, std::vector<RecordBatch>{batch}, options);
}

/// Builds a record batch row by row: `table({{"id", Type::kInt64}}, {{std::int64_t{1}}, {nullptr}})`. Integers may
/// stand for timestamps; a value of another type than the column's is null.
inline RecordBatch table(std::vector<Field> fields, const std::vector<std::vector<Value>>& rows) {
  RecordBatchBuilder builder(std::make_shared<const Schema>(std::move(fields)), BufferPool::shared());
  for (const std::vector<Value>& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      ColumnBuilder& column = builder.column(c);
      const Type type = column.type();
      if (const auto* value = std::get_if<bool>(&row[c]); value != nullptr && type == Type::kBool) {
        column.append_bool(*value);
      } else if (const auto* number = std::get_if<std::int64_t>(&row[c]);
                 number != nullptr && (type == Type::kInt64 || type == Type::kTimestamp)) {
        column.append_int64(*number);
      } else if (const auto* real = std::get_if<double>(&row[c]); real != nullptr && type == Type::kFloat64) {
        column.append_float64(*real);
      } else if (const auto* text = std::get_if<std::string>(&row[c]); text != nullptr && type == Type::kUtf8) {
        column.append_text(*text);
      } else {
        column.append_null();
      }
    }
  }
  return builder.finish();
}

/// Cuts a record batch into ones of at most `size` rows, at least one.
inline std::vector<RecordBatch> in_batches_of(const RecordBatch& batch, std::size_t size) {
  std::vector<RecordBatch> parts;
  for (std::size_t begin = 0; begin < batch.num_rows() || parts.empty(); begin += size) {
    std::vector<std::uint32_t> rows;
    for (std::size_t i = begin; i < std::min(begin + size, batch.num_rows()); ++i)
      rows.push_back(static_cast<std::uint32_t>(i));
    parts.push_back(batch.take(rows, BufferPool::shared()));
  }
  return parts;
}

}  // namespace penstock::testing
