// SPDX-License-Identifier: MIT
// The operator `aggregate`: one row per group, with counts, sums, means, deviations, extremes and quantiles.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "expression/expression.h"
#include "operators/etl/accumulator.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/failed_rows.h"
#include "operators/etl/group_table.h"
#include "operators/etl/state_memory.h"

namespace penstock {
namespace {

constexpr std::size_t kNoArgument = static_cast<std::size_t>(-1);

// An expression that accumulators read, evaluated once per batch.
struct Argument {
  std::string text;
  Expression expression;
  Column values;                      // of the batch at hand, without nulls
  bool all_rows = true;               // has a value for every row
  std::vector<std::uint32_t> groups;  // of the values, unless for all rows
};

// An accumulator, and what it reads.
struct Part {
  AccumulatorKind kind;
  Type type;
  std::size_t argument;
  std::unique_ptr<Accumulator> accumulator;
};

struct Output {
  AggregateCall call;
  std::size_t part;
  std::string name;
};

class Aggregate final : public Operator {
 public:
  Aggregate(std::vector<ColumnName> by, OptionValue::Table compute, std::optional<ColumnName> window)
      : by_(std::move(by)), compute_(std::move(compute)), window_(std::move(window)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    PENSTOCK_ASSIGN(std::vector<KeyColumn> keys, key_columns(*schema, by_));
    std::vector<Field> fields;
    for (const KeyColumn& key : keys) fields.push_back((*schema)[key.index]);
    if (window_) PENSTOCK_TRY(bind_window(*schema, keys));
    keys_ = std::move(keys);
    table_ = GroupTable(keys_);
    for (const OptionValue::Entry& entry : compute_) {
      Result<AggregateCall> call = parse_aggregate(*entry.value.as_text(), schema);
      if (!call) return Error(std::move(call).error()).at(entry.name).at(entry.value.place.to_text());
      fields.push_back({entry.name, call->type});
      const std::size_t part = part_for(*call);
      outputs_.push_back({std::move(*call), part, entry.name});
    }
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  // Only one worker sees in order when a window is over. A batch that fails then cannot be taken back, since windows
  // may have gone; so rows are rejected here, and any other error ends the run.
  OperatorTraits traits() const override {
    return {.mergeable = !window_, .retries_rows = window_.has_value(), .saves = true};
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    memory_.open(context);
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    return window_ ? add_by_window(batch.record_batch(), out) : add(std::move(batch.record_batch()));
  }

  Status merge(Operator& other) override {
    auto& aggregate = static_cast<Aggregate&>(other);
    table_.merge(aggregate.table_, groups_);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].accumulator->resize(table_.size());
      parts_[i].accumulator->merge(*aggregate.parts_[i].accumulator, groups_);
    }
    return account(aggregate.table_.size());
  }

  Status save(StateWriter& to) override {
    to.integer(open_window_ ? 1 : 0);
    to.integer(static_cast<std::uint64_t>(open_window_.value_or(0)));
    table_.save(to);
    for (const Part& part : parts_) part.accumulator->save(to);
    return {};
  }

  Status restore(StateReader& from) override {
    const bool in_window = from.integer() != 0;
    const auto window = static_cast<std::int64_t>(from.integer());
    if (in_window) open_window_ = window;
    table_.restore(from);
    for (const Part& part : parts_) {
      part.accumulator->resize(table_.size());
      PENSTOCK_TRY(part.accumulator->restore(from));
    }
    return {};
  }

  Status finish(Emitter& out) override { return emit_groups(out); }

 private:
  Status bind_window(const Schema& schema, const std::vector<KeyColumn>& keys) {
    const auto wrong = [this](std::string message) {
      return Error(ErrorCode::kInvalidArgument, std::move(message)).at(window_->place);
    };
    if (by_.empty() || by_.front().name != window_->name) {
      return wrong(fmt::format("the window \"{}\" is not the first column of \"by\"", window_->name))
          .hint(fmt::format("by = [\"{}\", …]", window_->name));
    }
    const Type type = schema[keys.front().index].type;
    if (type == Type::kInt64 || type == Type::kTimestamp) return {};
    return wrong(fmt::format("a window is an int64 or a timestamp, but \"{}\" is a {}", window_->name, to_string(type)))
        .hint("number the windows, or cut the time: derive minute = \"date_trunc('minute', at)\"");
  }

  // Adds the rows window by window: when one begins, what the one before has gathered is emitted and forgotten.
  Status add_by_window(const RecordBatch& rows, Emitter& out) {
    const Column& windows = rows.column(keys_.front().index);
    const std::span<const std::int64_t> values = windows.int64s();
    // All at first, so that rows are rejected in their order; those that fail open no window.
    evaluate_arguments(rows);
    const RowFailures failures = std::exchange(failures_, {});
    auto failure = failures.all().begin();
    in_window_.clear();
    for (std::uint32_t row = 0; row < rows.num_rows(); ++row) {
      const bool failed = failure != failures.all().end() && failure->row == row;
      if (std::string reason = failed ? (failure++)->reason : why_in_no_window(windows, row); !reason.empty()) {
        PENSTOCK_TRY(reject_row(*context_, rows, row, std::move(reason)));
        continue;
      }
      if (open_window_ && values[row] > *open_window_) {
        PENSTOCK_TRY(add_chosen(rows));
        PENSTOCK_TRY(emit_groups(out));
        forget_groups();
      }
      open_window_ = values[row];
      in_window_.push_back(row);
    }
    return add_chosen(rows);
  }

  // Empty for a row of the open window, or of a later one.
  std::string why_in_no_window(const Column& windows, std::uint32_t row) const {
    if (windows.is_null(row)) return fmt::format("{} is null: it belongs to no window", window_->name);
    if (open_window_ && windows.int64s()[row] < *open_window_) return "it comes too late: its window is over";
    return {};
  }

  Status add_chosen(const RecordBatch& rows) {
    if (in_window_.empty()) return {};
    Status added = add(in_window_.size() == rows.num_rows() ? rows : rows.take(in_window_, *context_->pool));
    in_window_.clear();
    return added;
  }

  void forget_groups() {
    table_ = GroupTable(keys_);
    for (Part& part : parts_) part.accumulator = make_accumulator(part.kind, part.type);
    rows_since_account_ = 0;
  }

  Status add(RecordBatch rows) {
    evaluate_arguments(rows);
    if (!failures_.empty()) {
      PENSTOCK_TRY(reject_failures(*context_, rows, failures_));
      rows = rows.take(rows_without(failures_, rows.num_rows()), *context_->pool);
      evaluate_arguments(rows);
    }
    table_.add(rows, groups_);
    for (Argument& argument : arguments_) drop_nulls(argument);
    for (const Part& part : parts_) {
      part.accumulator->resize(table_.size());
      if (part.argument == kNoArgument) {
        part.accumulator->add(Column(), groups_);
      } else {
        const Argument& argument = arguments_[part.argument];
        part.accumulator->add(argument.values, argument.all_rows ? groups_ : argument.groups);
      }
    }
    return account(rows.num_rows());
  }

  Status emit_groups(Emitter& out) {
    std::vector<std::uint32_t> groups = table_.sorted();
    if (keys_.empty() && groups.empty()) {  // the only group exists even without a row
      groups.push_back(0);
      for (const Part& part : parts_) part.accumulator->resize(1);
    }
    for (std::size_t begin = 0; begin < groups.size(); begin += context_->batch_size) {
      const std::size_t size = std::min(context_->batch_size, groups.size() - begin);
      PENSTOCK_ASSIGN(RecordBatch rows, rows_of(std::span(groups).subspan(begin, size)));
      if (!out.emit(std::move(rows))) break;
    }
    return {};
  }

  std::size_t argument_for(const AggregateCall& call) {
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (arguments_[i].text == call.argument_text) return i;
    }
    arguments_.push_back({call.argument_text, *call.argument, {}, true, {}});
    return arguments_.size() - 1;
  }

  std::size_t part_for(const AggregateCall& call) {
    const AccumulatorKind kind = accumulator_kind(call);
    const std::size_t argument = call.argument ? argument_for(call) : kNoArgument;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].kind == kind && parts_[i].argument == argument) return i;
    }
    const Type type = call.argument ? call.argument->type() : Type::kInt64;
    parts_.push_back({kind, type, argument, make_accumulator(kind, type)});
    return parts_.size() - 1;
  }

  void evaluate_arguments(const RecordBatch& rows) {
    failures_.clear();
    for (Argument& argument : arguments_) {
      argument.values = argument.expression.evaluate(rows, *context_->pool, failures_);
    }
  }

  void drop_nulls(Argument& argument) {
    argument.all_rows = argument.values.null_count() == 0;
    if (argument.all_rows) return;
    argument.groups.clear();
    present_.clear();
    for (std::uint32_t row = 0; row < argument.values.size(); ++row) {
      if (argument.values.is_null(row)) continue;
      present_.push_back(row);
      argument.groups.push_back(groups_[row]);
    }
    argument.values = argument.values.take(present_, *context_->pool);
  }

  // Counting the bytes takes a look at every group, so it waits until a quarter as many rows have come.
  Status account(std::size_t rows) {
    rows_since_account_ += rows;
    if (4 * rows_since_account_ < table_.size()) return {};
    rows_since_account_ = 0;
    std::size_t bytes = table_.size_bytes();
    for (const Part& part : parts_) bytes += part.accumulator->heap_bytes();
    return memory_.set(bytes, 0, "the groups",
                       "group by columns with fewer values, or use quantile instead of exact_quantile");
  }

  Result<RecordBatch> rows_of(std::span<const std::uint32_t> groups) {
    std::vector<ColumnBuilder> builders;
    for (const Field& field : schema_->fields()) builders.emplace_back(field, *context_->pool);
    const std::span<ColumnBuilder> keys = std::span(builders).first(keys_.size());
    for (const std::uint32_t group : groups) table_.append_key(group, keys);
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Output& output = outputs_[i];
      Status appended = parts_[output.part].accumulator->append(output.call, groups, builders[keys_.size() + i]);
      if (!appended) return Error(std::move(appended).error()).at(output.name);
    }
    std::vector<Column> columns;
    for (ColumnBuilder& builder : builders) columns.push_back(builder.finish());
    return RecordBatch(schema_, std::move(columns), groups.size());
  }

  const std::vector<ColumnName> by_;
  const OptionValue::Table compute_;
  const std::optional<ColumnName> window_;
  OperatorContext* context_ = nullptr;
  SchemaPtr schema_;
  StateMemory memory_;
  std::vector<KeyColumn> keys_;
  GroupTable table_;
  std::vector<Argument> arguments_;
  std::vector<Part> parts_;
  std::vector<Output> outputs_;
  RowFailures failures_;
  std::vector<std::uint32_t> groups_;   // of the batch at hand
  std::vector<std::uint32_t> present_;  // scratch
  std::size_t rows_since_account_ = 0;
  std::optional<std::int64_t> open_window_;  // whose groups the table has
  std::vector<std::uint32_t> in_window_;     // rows of the batch at hand that were not added yet
};

Result<std::unique_ptr<Operator>> make_aggregate(const Options& options) {
  if (options.table("compute").empty()) {
    return Error(ErrorCode::kInvalidArgument, "option \"compute\" names nothing to compute")
        .at(options.place("compute").to_text())
        .hint("for instance compute = { orders = \"count()\" }; for the distinct keys alone use the operator distinct");
  }
  std::optional<ColumnName> window;
  if (options.has("window")) window = ColumnName{options.text("window"), options.place("window").to_text()};
  return std::make_unique<Aggregate>(column_names(options, "by"), options.table("compute"), std::move(window));
}

}  // namespace

OperatorInfo aggregate_info() {
  return {
      .name = "aggregate",
      .summary =
          "Makes one row per group: the key columns, then what is computed. Groups come in the order of their keys, "
          "column by column, nulls first. Nulls do not count in what is computed; sums are exact, so order, batches "
          "and workers change no bit.",
      .options =
          {{.name = "by",
            .kind = OptionKind::kTexts,
            .doc = "The columns that make the key; nulls are equal to each other. Without them all rows are one group, "
                   "even when there is no row.",
            .default_value = OptionValue::List{},
            .example = "[\"country\"]"},
           {.name = "compute",
            .kind = OptionKind::kExpressions,
            .doc = "A table: column = function of an expression. Functions: count(), count(x), sum(x), mean(x), "
                   "std(x) (of a sample), min(x), max(x), median(x), quantile(x, q) (within 1 % of the value), "
                   "exact_quantile(x, q) (keeps all values in memory).",
            .required = true,
            .example = "{ orders = \"count()\", total = \"sum(amount * quantity)\" }"},
           {.name = "window",
            .kind = OptionKind::kText,
            .doc = "The first column of the key, an int64 or a timestamp in whose order the rows come, such as the "
                   "minute: as soon as it grows, the groups of the window before are emitted and forgotten. Rows of a "
                   "window that is over are rejected.",
            .example = "\"minute\""}},
      .make = make_aggregate,
      .example = "op = \"aggregate\"\nby = [\"country\"]\ncompute = { orders = \"count()\", total = \"sum(amount)\" }"};
}

}  // namespace penstock
