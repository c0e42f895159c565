// SPDX-License-Identifier: MIT
// The operator `normalize`: columns on a common scale, by the mean and deviation of the whole input.
#include <fmt/format.h>

#include <cmath>
#include <deque>

#include "data/exact_moments.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/numeric_steps.h"
#include "operators/etl/spill_file.h"

namespace penstock {
namespace {

struct NormalizeOptions {
  std::vector<ColumnName> columns;
  std::string suffix;
  unsigned lost_degrees = 0;
  std::size_t memory_bytes = 0;
  std::string folder;
};

// Looks at every row twice: first for the statistics, while batches wait in memory and, past a limit, on the disk; then
// to emit them.
class Normalize final : public Operator {
 public:
  explicit Normalize(NormalizeOptions options) : options_(std::move(options)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(input_, schema_of(input));
    PENSTOCK_ASSIGN(const std::vector<KeyColumn> columns, key_columns(*input_, options_.columns));
    std::vector<Field> fields = input_->fields();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Field& field = (*input_)[columns[i].index];
      if (field.type != Type::kInt64 && field.type != Type::kFloat64) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("only numbers can be normalized, but column \"{}\" is {}",
                                                              field.name, to_string(field.type)))
            .at(options_.columns[i].place)
            .hint("convert it with derive first");
      }
      columns_.push_back({.index = columns[i].index});
      if (options_.suffix.empty()) {
        fields[columns[i].index].type = Type::kFloat64;
      } else {
        fields.push_back({field.name + options_.suffix, Type::kFloat64});
      }
    }
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  std::string note() const override {
    std::string text;
    for (const Scaled& column : columns_) {
      text += fmt::format("{}{}: mean {}, deviation {}", text.empty() ? "" : "; ", (*input_)[column.index].name,
                          column.mean, column.deviation);
    }
    if (spilled_.size_bytes() > 0) text += fmt::format("; {} bytes waited on the disk", spilled_.size_bytes());
    return text;
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    // what waits counts against the run's limit too; most of that belongs to the batches in flight
    memory_limit_ = std::min(options_.memory_bytes, context.pool->budget().limit() / 4);
    return {};
  }

  Status process(Batch batch, Emitter&) override {
    RecordBatch rows = std::move(batch.record_batch());
    for (Scaled& column : columns_) add(rows.column(column.index), column.moments);
    if (!spilled_.is_open() && waiting_bytes_ + rows.size_bytes() <= memory_limit_) {
      waiting_bytes_ += rows.size_bytes();
      waiting_.push_back(std::move(rows));
      return {};
    }
    if (!spilled_.is_open()) {
      PENSTOCK_ASSIGN(spilled_, SpillFile::create(options_.folder));
    }
    return spilled_.append(rows);
  }

  Status finish(Emitter& out) override {
    for (Scaled& column : columns_) {
      column.mean = column.moments.mean();
      column.deviation = column.moments.deviation(options_.lost_degrees);
    }
    for (; !waiting_.empty() && !out.done(); waiting_.pop_front()) out.emit(scale(waiting_.front()));
    if (!spilled_.is_open()) return {};
    PENSTOCK_TRY(spilled_.rewind());
    while (!spilled_.at_end() && !out.done()) {
      PENSTOCK_ASSIGN(const RecordBatch rows, spilled_.read(input_, *context_->pool));
      out.emit(scale(rows));
    }
    return {};
  }

 private:
  struct Scaled {
    std::size_t index = 0;
    ExactMoments moments = {};
    double mean = 0;
    double deviation = 0;
  };

  static double number(const Column& column, std::size_t row) {
    return column.type() == Type::kFloat64 ? column.float64s()[row] : static_cast<double>(column.int64s()[row]);
  }

  static void add(const Column& column, ExactMoments& moments) {
    for (std::size_t row = 0; row < column.size(); ++row) {
      const double value = number(column, row);
      if (!column.is_null(row) && std::isfinite(value)) moments.add(value);
    }
  }

  RecordBatch scale(const RecordBatch& rows) const {
    std::vector<Column> columns = rows.columns();
    for (const Scaled& column : columns_) {
      Column scaled = NumericSteps(step_of(column)).apply(rows, column.index, *context_->pool);
      if (options_.suffix.empty()) {
        columns[column.index] = std::move(scaled);
      } else {
        columns.push_back(std::move(scaled));
      }
    }
    return {schema_, std::move(columns), rows.num_rows()};
  }

  static std::vector<NumericStep> step_of(const Scaled& by) {
    if (by.deviation > 0) return {{.map = &LaneKernels::standardize, .a = by.mean, .b = by.deviation}};
    return {{.map = &LaneKernels::affine, .a = 1, .b = -by.mean}};
  }

  const NormalizeOptions options_;
  OperatorContext* context_ = nullptr;
  SchemaPtr input_;
  SchemaPtr schema_;
  std::vector<Scaled> columns_;
  std::size_t memory_limit_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::deque<RecordBatch> waiting_;  // the first batches
  SpillFile spilled_;                // the ones after them
};

Result<std::unique_ptr<Operator>> make_normalize(const Options& options) {
  PENSTOCK_ASSIGN(const std::uint64_t memory, count_option(options, "memory", 0));
  return std::make_unique<Normalize>(NormalizeOptions{.columns = column_names(options, "columns"),
                                                      .suffix = options.text("suffix"),
                                                      .lost_degrees = options.text("deviation") == "sample" ? 1U : 0U,
                                                      .memory_bytes = memory,
                                                      .folder = options.text("folder")});
}

}  // namespace

OperatorInfo normalize_info() {
  return {
      .name = "normalize",
      .summary =
          "Brings columns to mean 0 and deviation 1 over the whole input (z-score). It emits nothing before it has "
          "seen every row; meanwhile rows wait in memory and, past a limit, in a temporary file without a name.",
      .options =
          {{.name = "columns",
            .kind = OptionKind::kTexts,
            .doc = "The columns, of numbers. Nulls stay null; NaN and infinities stay as they are and do not count in "
                   "mean and deviation, which are computed exactly. A column whose values are all equal becomes 0.",
            .required = true,
            .example = "[\"amount\"]"},
           {.name = "method",
            .kind = OptionKind::kChoice,
            .doc = "zscore: (x - mean) / deviation.",
            .default_value = "zscore",
            .choices = {"zscore"},
            .example = "\"zscore\""},
           {.name = "deviation",
            .kind = OptionKind::kChoice,
            .doc = "The standard deviation of the values as a population (divided by n) or as a sample (by n - 1).",
            .default_value = "population",
            .choices = {"population", "sample"},
            .example = "\"sample\""},
           {.name = "suffix",
            .kind = OptionKind::kText,
            .doc = "When given, the columns stay and new ones with this behind their names are added.",
            .default_value = "",
            .example = "\"_z\""},
           {.name = "memory",
            .kind = OptionKind::kBytes,
            .doc = "How many bytes of rows may wait in memory; at most a quarter of the memory limit of the run.",
            .default_value = "64MiB",
            .example = "\"256MiB\""},
           {.name = "folder",
            .kind = OptionKind::kText,
            .doc = "Where rows wait that do not fit; by default $TMPDIR or /tmp.",
            .default_value = "",
            .example = "\"/var/tmp\""}},
      .make = make_normalize,
      .example = "op = \"normalize\"\ncolumns = [\"amount\", \"quantity\"]"};
}

}  // namespace penstock
