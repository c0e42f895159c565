// SPDX-License-Identifier: MIT
// The operator `derive`: columns computed from the others.
#include "expression/expression.h"
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"
#include "operators/etl/failed_rows.h"

namespace penstock {
namespace {

// One column to compute, and where it goes.
struct Step {
  Expression expression;
  std::size_t column;  // replaced, or the next one
  SchemaPtr schema;    // after the step
};

class Derive final : public Operator {
 public:
  explicit Derive(OptionValue::Table set) : set_(std::move(set)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(SchemaPtr schema, schema_of(input));
    for (const OptionValue::Entry& entry : set_) {
      Result<Expression> expression = Expression::compile(*entry.value.as_text(), schema);
      if (!expression) return Error(std::move(expression).error()).at(entry.name).at(entry.value.place.to_text());
      std::vector<Field> fields = schema->fields();
      std::size_t column = schema->index_of(entry.name);
      if (column == Schema::kNone) {
        column = fields.size();
        fields.emplace_back();
      }
      fields[column] = {entry.name, expression->type()};
      PENSTOCK_ASSIGN(schema, make_schema(std::move(fields)));
      steps_.push_back({std::move(*expression), column, schema});
    }
    return StreamType::of_schema(schema);
  }

  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch input = std::move(batch.record_batch());
    RecordBatch rows = input;
    failures_.clear();
    for (const Step& step : steps_) {
      Column column = step.expression.evaluate(rows, *context_->pool, failures_);
      std::vector<Column> columns = rows.columns();
      if (step.column == columns.size()) {
        columns.push_back(std::move(column));
      } else {
        columns[step.column] = std::move(column);
      }
      rows = RecordBatch(step.schema, std::move(columns), rows.num_rows());
    }
    if (!failures_.empty()) {
      PENSTOCK_TRY(reject_failures(*context_, input, failures_));
      rows = rows.take(rows_without(failures_, rows.num_rows()), *context_->pool);
    }
    if (rows.num_rows() > 0) out.emit(std::move(rows));
    return {};
  }

 private:
  const OptionValue::Table set_;
  OperatorContext* context_ = nullptr;
  std::vector<Step> steps_;
  RowFailures failures_;
};

}  // namespace

OperatorInfo derive_info() {
  return {
      .name = "derive",
      .summary =
          "Adds columns computed from the others, or replaces columns in their place. A row for which an expression "
          "cannot be evaluated goes, as it came, to the error policy.",
      .options =
          {{.name = "set",
            .kind = OptionKind::kExpressions,
            .doc = "A table: column = expression. They are computed in the order written; later ones see the results "
                   "of earlier ones.",
            .required = true,
            .example = "{ total = \"amount * quantity\", country = \"upper(country)\" }"}},
      .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
        return std::make_unique<Derive>(options.table("set"));
      },
      .example = "op = \"derive\"\nset = { total = \"amount * quantity\" }"};
}

}  // namespace penstock
