// SPDX-License-Identifier: MIT
// What `regex` and `fields` have in common: one utf8 column becomes several typed ones, row by row.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "operators/io/typed_text.h"

namespace penstock {

/// A part of a text for one new column; no value: null.
using Part = std::optional<std::string_view>;

struct SplitOptions {
  std::string column;                    ///< What is split.
  std::vector<Field> fields;             ///< The new columns.
  std::vector<std::string> null_values;  ///< Parts that become null.
  bool keep = false;                     ///< Whether the column that is split stays.
};

/// Replaces one column by the parts of its texts.
///
/// `Parser::parse(text, parts, reason)` fills a part per new column, or returns false with the reason; its parts stay
/// valid until the next call. The other columns stay, in front. Rows that do not split, and parts that are not of their
/// column's type, are rejected. Order: keeps. State: the parser's scratch memory; stateless between batches.
template <class Parser>
class SplitColumn final : public Operator {
 public:
  SplitColumn(SplitOptions options, Parser parser)
      : options_(std::move(options)), parser_(std::move(parser)), parts_(options_.fields.size()) {}

  Result<StreamType> bind(const StreamType& input) override {
    if (!input.is_record_batch()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("expected record batches, but the input is {}", input.record_name));
    }
    PENSTOCK_ASSIGN(source_, input.schema->find(options_.column));
    if (const Type type = (*input.schema)[source_].type; type != Type::kUtf8) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("column \"{}\" is {}, expected utf8", options_.column, to_string(type)));
    }
    std::vector<Field> fields;
    for (std::size_t i = 0; i < input.schema->size(); ++i) {
      if (i == source_ && !options_.keep) continue;
      kept_.push_back(i);
      fields.push_back((*input.schema)[i]);
    }
    fields.insert(fields.end(), options_.fields.begin(), options_.fields.end());
    PENSTOCK_ASSIGN(schema_, make_schema(std::move(fields)));
    return StreamType::of_schema(schema_);
  }

  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }

  Status open(OperatorContext& context) override {
    context_ = &context;
    for (const Field& field : options_.fields) builders_.emplace_back(field.type, *context.pool);
    return {};
  }

  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& input = batch.record_batch();
    rows_.clear();
    for (std::size_t row = 0; row < input.num_rows(); ++row) {
      PENSTOCK_ASSIGN(const bool taken, take(input, row));
      if (taken) rows_.push_back(static_cast<std::uint32_t>(row));
    }
    std::vector<Column> columns;
    columns.reserve(schema_->size());
    for (const std::size_t index : kept_) {
      const Column& column = input.column(index);
      columns.push_back(rows_.size() == input.num_rows() ? column : column.take(rows_, *context_->pool));
    }
    for (ColumnBuilder& builder : builders_) columns.push_back(builder.finish());
    if (!rows_.empty()) out.emit(RecordBatch(schema_, std::move(columns), rows_.size()));
    return {};
  }

 private:
  // Appends the parts of one row to the builders, or rejects it.
  Result<bool> take(const RecordBatch& input, std::size_t row) {
    const Column& column = input.column(source_);
    reason_.clear();
    const Part text = column.is_null(row) ? Part() : Part(column.text(row));
    if (!parser_.parse(text, parts_, reason_)) {
      PENSTOCK_TRY(reject(input, row, options_.column));
      return false;
    }
    for (std::size_t i = 0; i < builders_.size(); ++i) {
      if (!parts_[i] || is_null_value(*parts_[i])) {
        builders_[i].append_null();
        continue;
      }
      const ParseOutcome outcome = append_typed(builders_[i], *parts_[i]);
      if (outcome == ParseOutcome::kOk) continue;
      for (std::size_t before = 0; before < i; ++before) builders_[before].pop_back();
      reason_ = explain_typed(outcome, options_.fields[i].type, *parts_[i]);
      PENSTOCK_TRY(reject(input, row, options_.fields[i].name));
      return false;
    }
    return true;
  }

  bool is_null_value(std::string_view part) const noexcept {
    return std::find(options_.null_values.begin(), options_.null_values.end(), part) != options_.null_values.end();
  }

  Status reject(const RecordBatch& input, std::size_t row, const std::string& column) {
    return context_->errors->reject({.record = row,
                                     .reason = std::move(reason_),
                                     .raw = context_->errors->raw_unused() ? std::string() : input.row_to_json(row),
                                     .column = column});
  }

  SplitOptions options_;
  Parser parser_;
  std::vector<Part> parts_;
  std::size_t source_ = 0;
  std::vector<std::size_t> kept_;
  SchemaPtr schema_;
  OperatorContext* context_ = nullptr;
  std::vector<ColumnBuilder> builders_;
  std::vector<std::uint32_t> rows_;
  std::string reason_;
};

}  // namespace penstock
