// SPDX-License-Identifier: MIT
// For tests of operators, with any test framework: runs one operator without an engine, what goes in is given, what
// comes out is kept; and sources for pipelines under test that count, fail or wait. docs/guide/cpp.md shows how.
#pragma once

#include <penstock/pipeline.h>

#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::testing {

// ---- One operator alone --------------------------------------------------------------------------------------------

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

namespace harness_detail {

inline Status drive_divided(Source& cutter, std::vector<Source*> readers, CollectingEmitter& out,
                            CollectingErrors& errors, OperatorContext& context, HarnessResult& result) {
  PENSTOCK_ASSIGN(result.type, cutter.bind({}));
  PENSTOCK_TRY(cutter.open(context));
  for (Source* const reader : readers) PENSTOCK_TRY(reader->open(context));
  std::unique_ptr<SourcePiece> piece;
  for (std::size_t turn = 0;; ++turn) {
    PENSTOCK_ASSIGN(piece, cutter.cut(std::move(piece)));
    if (piece == nullptr) break;
    std::uint64_t first_record = errors.rejections.size();
    for (const Batch& batch : out.batches) first_record += batch.num_records();
    const std::size_t before = errors.rejections.size();
    const Status status = readers[turn % readers.size()]->read(*piece, out);
    for (std::size_t i = before; i < errors.rejections.size(); ++i) errors.rejections[i].record += first_record;
    PENSTOCK_TRY(status);
  }
  for (Source* const reader : readers) {
    PENSTOCK_TRY(reader->finish(out));
    PENSTOCK_TRY(cutter.merge(*reader));
  }
  return {};
}

}  // namespace harness_detail

/// As `run_source`, divided: `cutter` cuts, `readers`, other instances of the same source, take turns to read. Records
/// are numbered as in a run.
inline HarnessResult run_divided(Source& cutter, std::vector<Source*> readers, const HarnessOptions& options = {}) {
  HarnessResult result;
  CollectingEmitter out;
  CollectingErrors errors(options.on_error);
  const StopSignal stop;
  OperatorContext context{
      .name = "op", .batch_size = options.batch_size, .pool = options.pool, .errors = &errors, .stop = &stop};
  result.status = harness_detail::drive_divided(cutter, std::move(readers), out, errors, context, result);
  result.note = cutter.note();
  result.batches = std::move(out.batches);
  result.rejections = std::move(errors.rejections);
  return result;
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
    for (std::size_t i = begin; i < begin + size && i < batch.num_rows(); ++i)
      rows.push_back(static_cast<std::uint32_t>(i));
    parts.push_back(batch.take(rows, BufferPool::shared()));
  }
  return parts;
}

// ---- Sources for pipelines under test ------------------------------------------------------------------------------

/// A door that threads wait at until somebody opens it; it never closes again. Thread-safe.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// What `number_source` does.
struct NumberSourceOptions {
  std::int64_t records = 0;
  Status end = {};       ///< What `produce` returns behind the last record: an error is a source that fails.
  Gate* gate = nullptr;  ///< Waits here in front of the first batch from record `gate_at` on; must outlive the run.
  std::int64_t gate_at = 0;
};

namespace testing_detail {

class NumberSource final : public Source {
 public:
  explicit NumberSource(NumberSourceOptions options) : options_(std::move(options)) {}
  Result<StreamType> bind(const StreamType&) override { return StreamType::of_schema(schema_); }
  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Result<Next> produce(Emitter& out) override {
    if (options_.gate != nullptr && next_ >= options_.gate_at) std::exchange(options_.gate, nullptr)->wait();
    RecordBatchBuilder builder(schema_, *context_->pool);
    const std::int64_t left = options_.records - next_;
    const auto most = static_cast<std::int64_t>(context_->batch_size);
    const std::int64_t end = next_ + (left < most ? left : most);
    for (; next_ < end; ++next_) builder.column(0).append_int64(next_);
    out.emit(builder.finish());
    if (next_ < options_.records) return Next::kMore;
    if (!options_.end) return options_.end.error();
    return Next::kEnd;
  }

 private:
  NumberSourceOptions options_;
  const SchemaPtr schema_ = std::make_shared<const Schema>(std::vector<Field>{{"n", Type::kInt64}});
  OperatorContext* context_ = nullptr;
  std::int64_t next_ = 0;
};

class NumberSourceFactory final : public OperatorFactory {
 public:
  explicit NumberSourceFactory(NumberSourceOptions options) : options_(std::move(options)) {}
  Result<std::unique_ptr<Operator>> make() const override { return std::make_unique<NumberSource>(options_); }

 private:
  NumberSourceOptions options_;
};

}  // namespace testing_detail

/// A source of the record batches {n: 0} … {n: records - 1}, in batches of at most the run's batch size, for
/// `Pipeline::add("numbers", number_source({.records = 100}))`.
inline std::shared_ptr<const OperatorFactory> number_source(NumberSourceOptions options) {
  return std::make_shared<testing_detail::NumberSourceFactory>(std::move(options));
}

}  // namespace penstock::testing
