// SPDX-License-Identifier: MIT
// The operator `aggregate`: one row per group, with counts, sums, means, deviations, extremes and quantiles.
#include <algorithm>
#include <memory>

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
  Aggregate(std::vector<ColumnName> by, OptionValue::Table compute)
      : by_(std::move(by)), compute_(std::move(compute)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    PENSTOCK_ASSIGN(std::vector<KeyColumn> keys, key_columns(*schema, by_));
    std::vector<Field> fields;
    for (const KeyColumn& key : keys) fields.push_back((*schema)[key.index]);
    num_keys_ = keys.size();
    table_ = GroupTable(std::move(keys));
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

  OperatorTraits traits() const override { return {.mergeable = true, .saves = true}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    memory_.open(context);
    return {};
  }

  Status process(Batch batch, Emitter&) override {
    RecordBatch rows = std::move(batch.record_batch());
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
    table_.save(to);
    for (const Part& part : parts_) part.accumulator->save(to);
    return {};
  }

  Status restore(StateReader& from) override {
    table_.restore(from);
    for (const Part& part : parts_) {
      part.accumulator->resize(table_.size());
      PENSTOCK_TRY(part.accumulator->restore(from));
    }
    return {};
  }

  Status finish(Emitter& out) override {
    std::vector<std::uint32_t> groups = table_.sorted();
    if (num_keys_ == 0 && groups.empty()) {  // the only group exists even without a row
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

 private:
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
    parts_.push_back({kind, argument, make_accumulator(kind, type)});
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
    for (const Field& field : schema_->fields()) builders.emplace_back(field.type, *context_->pool);
    const std::span<ColumnBuilder> keys = std::span(builders).first(num_keys_);
    for (const std::uint32_t group : groups) table_.append_key(group, keys);
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Output& output = outputs_[i];
      Status appended = parts_[output.part].accumulator->append(output.call, groups, builders[num_keys_ + i]);
      if (!appended) return Error(std::move(appended).error()).at(output.name);
    }
    std::vector<Column> columns;
    for (ColumnBuilder& builder : builders) columns.push_back(builder.finish());
    return RecordBatch(schema_, std::move(columns), groups.size());
  }

  const std::vector<ColumnName> by_;
  const OptionValue::Table compute_;
  OperatorContext* context_ = nullptr;
  SchemaPtr schema_;
  StateMemory memory_;
  std::size_t num_keys_ = 0;
  GroupTable table_;
  std::vector<Argument> arguments_;
  std::vector<Part> parts_;
  std::vector<Output> outputs_;
  RowFailures failures_;
  std::vector<std::uint32_t> groups_;   // of the batch at hand
  std::vector<std::uint32_t> present_;  // scratch
  std::size_t rows_since_account_ = 0;
};

Result<std::unique_ptr<Operator>> make_aggregate(const Options& options) {
  if (options.table("compute").empty()) {
    return Error(ErrorCode::kInvalidArgument, "option \"compute\" names nothing to compute")
        .at(options.place("compute").to_text())
        .hint("for instance compute = { orders = \"count()\" }; for the distinct keys alone use the operator distinct");
  }
  return std::make_unique<Aggregate>(column_names(options, "by"), options.table("compute"));
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
            .example = "{ orders = \"count()\", total = \"sum(amount * quantity)\" }"}},
      .make = make_aggregate,
      .example = "op = \"aggregate\"\nby = [\"country\"]\ncompute = { orders = \"count()\", total = \"sum(amount)\" }"};
}

}  // namespace penstock
