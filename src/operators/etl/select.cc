// SPDX-License-Identifier: MIT
// The operators `select` and `rename`: other columns or other names, the same rows; no value is copied.
#include "operators/etl/columns.h"
#include "operators/etl/etl_operators.h"

namespace penstock {
namespace {

class Select final : public Operator {
 public:
  explicit Select(std::vector<ColumnName> columns) : names_(std::move(columns)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    PENSTOCK_ASSIGN(indices_, find_columns(*schema, names_));
    std::vector<Field> fields;
    for (const std::size_t index : indices_) fields.push_back((*schema)[index]);
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    std::vector<Column> columns;
    columns.reserve(indices_.size());
    for (const std::size_t index : indices_) columns.push_back(rows.column(index));
    out.emit(RecordBatch(schema_, std::move(columns), rows.num_rows()));
    return {};
  }

 private:
  const std::vector<ColumnName> names_;
  std::vector<std::size_t> indices_;
  SchemaPtr schema_;
};

struct Renaming {
  ColumnName from;
  std::string to;
};

class Rename final : public Operator {
 public:
  explicit Rename(std::vector<Renaming> renamings) : renamings_(std::move(renamings)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_ASSIGN(const SchemaPtr schema, schema_of(input));
    std::vector<Field> fields = schema->fields();
    for (const Renaming& renaming : renamings_) {
      PENSTOCK_ASSIGN(const std::size_t index, find_column(*schema, renaming.from));
      fields[index].name = renaming.to;
    }
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    out.emit(RecordBatch(schema_, rows.columns(), rows.num_rows()));
    return {};
  }

 private:
  const std::vector<Renaming> renamings_;
  SchemaPtr schema_;
};

Result<std::unique_ptr<Operator>> make_rename(const Options& options) {
  std::vector<Renaming> renamings;
  for (const OptionValue::Entry& entry : options.table("columns")) {
    const std::string place = entry.value.place.to_text();
    if (entry.value.as_text() == nullptr) {
      return Error(ErrorCode::kInvalidArgument, "the new name of column \"" + entry.name +
                                                    "\" must be a text, but is " + entry.value.kind_name() + ": " +
                                                    entry.value.to_text())
          .at(place)
          .hint("write columns = { old = \"new\" }");
    }
    renamings.push_back({{entry.name, place}, *entry.value.as_text()});
  }
  return std::make_unique<Rename>(std::move(renamings));
}

}  // namespace

OperatorInfo select_info() {
  return {.name = "select",
          .summary = "Keeps the named columns, in the order given.",
          .options = {{.name = "columns",
                       .kind = OptionKind::kTexts,
                       .doc = "The columns to keep, in the order wanted.",
                       .required = true,
                       .example = "[\"id\", \"country\"]"}},
          .make = [](const Options& options) -> Result<std::unique_ptr<Operator>> {
            return std::make_unique<Select>(column_names(options, "columns"));
          },
          .example = "op = \"select\"\ncolumns = [\"id\", \"country\"]"};
}

OperatorInfo rename_info() {
  return {.name = "rename",
          .summary = "Gives columns other names; their order and values stay.",
          .options = {{.name = "columns",
                       .kind = OptionKind::kTable,
                       .doc = "A table: old name = new name. All names change at once, so two columns may swap theirs.",
                       .required = true,
                       .example = "{ amt = \"amount\" }"}},
          .make = make_rename,
          .example = "op = \"rename\"\ncolumns = { amt = \"amount\" }"};
}

}  // namespace penstock
