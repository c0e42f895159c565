// SPDX-License-Identifier: MIT
// The operator `numeric`: arithmetic on many columns of numbers, several steps in one pass over each.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/nearest_name.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/numeric_steps.h"
#include "operators/etl/state_memory.h"

namespace penstock {
namespace {

using MapLoop = LaneKernels::Map LaneKernels::*;
using CombineLoop = LaneKernels::Combine LaneKernels::*;

// What a step takes: nothing, numbers, a column, or a number of rows.
enum class Takes : std::uint8_t { kNothing, kTwoNumbers, kColumn, kRows };

struct StepInfo {
  const char* name;
  Takes takes;
  const char* form;  // as in a file
  MapLoop map = nullptr;
  CombineLoop combine = nullptr;
  MovingWindow::Kind moving = MovingWindow::Kind::kSum;
};

constexpr StepInfo kSteps[] = {
    {"sqrt", Takes::kNothing, "\"sqrt\"", &LaneKernels::square_root},
    {"log1p", Takes::kNothing, "\"log1p\"", &LaneKernels::log1p},
    {"affine", Takes::kTwoNumbers, "{ affine = [FACTOR, SUMMAND] }", &LaneKernels::affine},
    {"zscore", Takes::kTwoNumbers, "{ zscore = [MEAN, DEVIATION] }", &LaneKernels::standardize},
    {"clamp", Takes::kTwoNumbers, "{ clamp = [LEAST, MOST] }", &LaneKernels::clamp},
    {"add", Takes::kColumn, "{ add = \"COLUMN\" }", nullptr, &LaneKernels::add},
    {"subtract", Takes::kColumn, "{ subtract = \"COLUMN\" }", nullptr, &LaneKernels::subtract},
    {"multiply", Takes::kColumn, "{ multiply = \"COLUMN\" }", nullptr, &LaneKernels::multiply},
    {"divide", Takes::kColumn, "{ divide = \"COLUMN\" }", nullptr, &LaneKernels::divide},
    {"moving_sum", Takes::kRows, "{ moving_sum = ROWS }", nullptr, nullptr, MovingWindow::Kind::kSum},
    {"moving_mean", Takes::kRows, "{ moving_mean = ROWS }", nullptr, nullptr, MovingWindow::Kind::kMean},
    {"moving_min", Takes::kRows, "{ moving_min = ROWS }", nullptr, nullptr, MovingWindow::Kind::kLeast},
    {"moving_max", Takes::kRows, "{ moving_max = ROWS }", nullptr, nullptr, MovingWindow::Kind::kGreatest},
};

// A step as it was written, before the columns are known.
struct WrittenStep {
  NumericStep step;
  ColumnName other;  // of kCombine
};

struct NumericOptions {
  std::vector<ColumnName> columns = {};
  std::vector<WrittenStep> steps = {};
  std::string suffix = {};
  bool keeps = false;  // only rows between these
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
};

bool is_number(Type type) noexcept { return type == Type::kInt64 || type == Type::kFloat64; }

class Numeric final : public Operator {
 public:
  explicit Numeric(NumericOptions options) : options_(std::move(options)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    PENSTOCK_ASSIGN(const std::vector<KeyColumn> columns, key_columns(*schema, options_.columns));
    for (std::size_t i = 0; i < columns.size(); ++i)
      PENSTOCK_TRY(check_number(*schema, columns[i].index, options_.columns[i].place));
    PENSTOCK_ASSIGN(const std::vector<NumericStep> steps, bound_steps(*schema));
    std::vector<Field> fields = schema->fields();
    for (const KeyColumn& column : columns) {
      columns_.push_back({column.index, NumericSteps(steps)});
      if (steps.empty()) continue;
      if (options_.suffix.empty()) {
        fields[column.index].type = Type::kFloat64;
      } else {
        fields.push_back({fields[column.index].name + options_.suffix, Type::kFloat64});
      }
    }
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  OperatorTraits traits() const override {
    return {.stateless = !moves(),
            .light = true,
            .saves = moves(),
            .rows = options_.keeps ? RowEffect::kDrops : RowEffect::kKeeps};
  }

  Status save(StateWriter& to) override {
    for (const Target& target : columns_) target.steps.save(to);
    return {};
  }
  Status restore(StateReader& from) override {
    for (Target& target : columns_) target.steps.restore(from);
    return {};
  }

  Status open(OperatorContext& context) override {
    context_ = &context;
    state_.open(context);
    return account();
  }

  Status process(Batch batch, Emitter& out) override {
    RecordBatch rows = std::move(batch.record_batch());
    kept_.clear();
    if (!options_.steps.empty()) {
      rows = computed(rows);
      if (moves()) PENSTOCK_TRY(account());
    } else {
      for (const Target& target : columns_) restrict_to(rows.column(target.index));
    }
    if (options_.keeps) {
      chosen_rows(rows.num_rows());
      if (chosen_.empty()) return {};
      rows = rows.take(chosen_, *context_->pool);
    }
    out.emit(std::move(rows));
    return {};
  }

 private:
  struct Target {
    std::size_t index;
    NumericSteps steps;
  };

  static Status check_number(const Schema& schema, std::size_t index, const std::string& place) {
    const Field& field = schema[index];
    if (is_number(field.type)) return {};
    return Error(ErrorCode::kInvalidArgument, fmt::format("numeric works on int64 and float64, but column \"{}\" is {}",
                                                          field.name, to_string(field.type)))
        .at(place)
        .hint("convert it with derive first");
  }

  Result<std::vector<NumericStep>> bound_steps(const Schema& schema) const {
    std::vector<NumericStep> steps;
    for (const WrittenStep& written : options_.steps) {
      steps.push_back(written.step);
      if (written.step.kind != NumericStep::Kind::kCombine) continue;
      PENSTOCK_ASSIGN(steps.back().other, find_column(schema, written.other));
      PENSTOCK_TRY(check_number(schema, steps.back().other, written.other.place));
    }
    return steps;
  }

  bool moves() const noexcept {
    for (const WrittenStep& written : options_.steps) {
      if (written.step.kind == NumericStep::Kind::kMoving) return true;
    }
    return false;
  }

  Status account() {
    std::size_t bytes = 0;
    for (const Target& target : columns_) bytes += target.steps.size_bytes();
    return state_.set(bytes, 0, "the moving windows", "use shorter ones, or fewer columns");
  }

  RecordBatch computed(const RecordBatch& rows) {
    std::vector<Column> columns = rows.columns();
    for (Target& target : columns_) {
      Column result = target.steps.apply(rows, target.index, *context_->pool);
      if (options_.keeps) restrict_to(result);
      if (options_.suffix.empty()) {
        columns[target.index] = std::move(result);
      } else {
        columns.push_back(std::move(result));
      }
    }
    return {schema_, std::move(columns), rows.num_rows()};
  }

  // Of the rows kept so far, those whose value in this column lies between the bounds.
  void restrict_to(const Column& column) {
    rows_between(column, options_.least, options_.most, words_);
    if (kept_.empty()) {
      kept_ = words_;
    } else {
      for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i] &= words_[i];
    }
  }

  void chosen_rows(std::size_t num_rows) {
    chosen_.resize(num_rows);
    auto to = chosen_.begin();
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      for (std::uint64_t left = kept_[i]; left != 0; left &= left - 1)
        *to++ = static_cast<std::uint32_t>(i * 64 + static_cast<std::size_t>(std::countr_zero(left)));
    }
    chosen_.erase(to, chosen_.end());
  }

  const NumericOptions options_;
  OperatorContext* context_ = nullptr;
  StateMemory state_;
  SchemaPtr schema_;
  std::vector<Target> columns_;
  std::vector<std::uint64_t> words_;  // a bit per row of the batch at hand
  std::vector<std::uint64_t> kept_;
  std::vector<std::uint32_t> chosen_;
};

// ---- The option `steps` --------------------------------------------------------------------------------------------

const StepInfo* find_step(std::string_view name) {
  for (const StepInfo& info : kSteps) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

Error unknown_step(std::string_view name) {
  std::vector<std::string> names;
  for (const StepInfo& info : kSteps) names.emplace_back(info.name);
  return Error(ErrorCode::kInvalidArgument, fmt::format("there is no step \"{}\"", name))
      .hint(suggest_name(name, names));
}

Error wrong_form(const StepInfo& info, const std::string& found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the step \"{}\" is written {}, but found {}", info.name, info.form, found));
}

bool read_number(const OptionValue& value, double& number) {
  if (value.as_number() != nullptr) {
    number = *value.as_number();
  } else if (value.as_integer() != nullptr) {
    number = static_cast<double>(*value.as_integer());
  } else {
    return false;
  }
  return !std::isnan(number);
}

Status read_numbers(const StepInfo& info, const OptionValue& value, NumericStep& step) {
  const OptionValue::List* const list = value.as_list();
  if (list == nullptr || list->size() != 2 || !read_number((*list)[0], step.a) || !read_number((*list)[1], step.b)) {
    return wrong_form(info, value.to_text());
  }
  if (info.map == &LaneKernels::clamp) {
    if (step.a <= step.b) return {};
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("clamp needs a least value that is not above the most, but found {}", value.to_text()));
  }
  if (!std::isfinite(step.a) || !std::isfinite(step.b)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the numbers of {} must be finite, but found {}", info.name, value.to_text()));
  }
  if (info.map == &LaneKernels::standardize && !(step.b > 0)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the deviation of zscore must be above 0, but found {}", value.to_text()))
        .hint("normalize finds mean and deviation by itself, and lets columns without deviation be 0");
  }
  return {};
}

Status read_rows(const StepInfo& info, const OptionValue& value, NumericStep& step) {
  const std::int64_t* const rows = value.as_integer();
  if (rows == nullptr) return wrong_form(info, value.to_text());
  constexpr auto kMost = static_cast<std::int64_t>(MovingWindow::kMostRows);
  if (*rows < 1 || *rows > kMost) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} takes a window of 1 to {} rows, but found {}", info.name, kMost, *rows));
  }
  step.window = static_cast<std::size_t>(*rows);
  return {};
}

Status read_argument(const StepInfo& info, const OptionValue& value, WrittenStep& written) {
  NumericStep& step = written.step;
  switch (info.takes) {
    case Takes::kNothing: return wrong_form(info, fmt::format("{{ {} = {} }}", info.name, value.to_text()));
    case Takes::kTwoNumbers: return read_numbers(info, value, step);
    case Takes::kColumn:
      step.kind = NumericStep::Kind::kCombine;
      if (value.as_text() == nullptr) return wrong_form(info, value.to_text());
      written.other.name = *value.as_text();
      return {};
    case Takes::kRows: step.kind = NumericStep::Kind::kMoving; return read_rows(info, value, step);
  }
  return {};
}

// "log1p", or a table with one entry: step = argument.
Result<WrittenStep> read_step(const OptionValue& value) {
  const std::string* const word = value.as_text();
  const OptionValue::Table* const table = value.as_table();
  if (word == nullptr && (table == nullptr || table->size() != 1)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("a step is a text or a table with one entry, but found {}", value.to_text()))
        .hint("steps = [\"log1p\", { affine = [2, 1] }]");
  }
  const std::string& name = word != nullptr ? *word : table->front().name;
  const StepInfo* const info = find_step(name);
  if (info == nullptr) return unknown_step(name);
  WrittenStep written;
  written.step = {.map = info->map, .combine = info->combine, .moving = info->moving};
  if (word == nullptr) {
    PENSTOCK_TRY(read_argument(*info, table->front().value, written));
  } else if (info->takes != Takes::kNothing) {
    return wrong_form(*info, value.to_text());
  }
  return written;
}

Result<std::vector<WrittenStep>> read_steps(const Options& options) {
  std::vector<WrittenStep> steps;
  const OptionValue* const value = options.find("steps");
  if (value == nullptr) return steps;
  const std::string place = options.place("steps").to_text();
  if (value->as_list() == nullptr) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("option \"steps\" must be a list, but is {}", value->kind_name()))
        .at(place)
        .hint("steps = [\"log1p\", { affine = [2, 1] }]");
  }
  for (const OptionValue& item : *value->as_list()) {
    const std::string item_place = item.place.file.empty() ? place : item.place.to_text();
    Result<WrittenStep> step = read_step(item);
    if (!step) return Error(std::move(step).error()).at(item_place);
    step->other.place = item_place;
    steps.push_back(std::move(*step));
  }
  return steps;
}

Status read_bound(const Options& options, const char* name, double& bound) {
  if (!options.has(name)) return {};
  bound = options.number(name);
  if (!std::isnan(bound)) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" must not be nan", name))
      .at(options.place(name).to_text());
}

Result<std::unique_ptr<Operator>> make_numeric(const Options& options) {
  NumericOptions numeric{.columns = column_names(options, "columns"), .suffix = options.text("suffix")};
  PENSTOCK_ASSIGN(numeric.steps, read_steps(options));
  numeric.keeps = options.has("keep_min") || options.has("keep_max");
  PENSTOCK_TRY(read_bound(options, "keep_min", numeric.least));
  PENSTOCK_TRY(read_bound(options, "keep_max", numeric.most));
  if (numeric.columns.empty()) {
    return Error(ErrorCode::kInvalidArgument, "option \"columns\" names no column")
        .at(options.place("columns").to_text());
  }
  if (numeric.steps.empty() && !numeric.keeps) {
    return Error(ErrorCode::kInvalidArgument, "numeric has nothing to do: it has no steps and no bounds")
        .at(options.origin.to_text())
        .hint("give steps, keep_min or keep_max");
  }
  return std::make_unique<Numeric>(std::move(numeric));
}

std::vector<OptionInfo> numeric_options() {
  return {
      {.name = "columns",
       .kind = OptionKind::kTexts,
       .doc =
           "The columns, of int64 or float64. Each goes through all steps; an int64 becomes the nearest float64 first.",
       .required = true,
       .example = "[\"x\", \"y\"]"},
      {.name = "steps",
       .kind = OptionKind::kAny,
       .doc = "What is done, in order: \"sqrt\", \"log1p\", { affine = [factor, summand] }, { clamp = [least, most] }, "
              "{ zscore = [mean, deviation] }; { add = \"column\" }, subtract, multiply, divide: with the value that "
              "the column had in the input; { moving_sum = rows }, moving_mean, moving_min, moving_max: over the last "
              "so many rows, 1 to 1000000, or as many as there were.",
       .example = "[\"log1p\", { clamp = [0, 20] }, { moving_mean = 7 }]"},
      {.name = "suffix",
       .kind = OptionKind::kText,
       .doc = "When given, the columns stay and the results are new ones with this behind their names.",
       .default_value = "",
       .example = "\"_smooth\""},
      {.name = "keep_min",
       .kind = OptionKind::kNumber,
       .doc = "When given, only rows stay in which the result of every column is at least this; null and NaN are not. "
              "Without steps the columns themselves are compared.",
       .example = "0.5"},
      {.name = "keep_max", .kind = OptionKind::kNumber, .doc = "The same: at most this.", .example = "100"}};
}

}  // namespace

OperatorInfo numeric_info() {
  return {
      .name = "numeric",
      .summary =
          "Arithmetic on many columns of numbers, several steps in one pass, with the vector instructions of the "
          "processor and the same bits on all of them. Nulls stay null; nothing fails: what has no value is "
          "NaN.",
      .options = numeric_options(),
      .make = make_numeric,
      .example = "op = \"numeric\"\ncolumns = [\"amount\", \"quantity\"]\nsteps = [\"log1p\", { clamp = [0, 20] }]"};
}

}  // namespace penstock
