// SPDX-License-Identifier: MIT
#include "operators/etl/columns.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock {

std::vector<ColumnName> column_names(const Options& options, std::string_view option) {
  std::vector<ColumnName> names;
  const OptionValue* const value = options.find(option);
  if (value == nullptr) return names;
  for (const OptionValue& name : *value->as_list()) {
    names.push_back(
        {*name.as_text(), name.place.file.empty() ? options.place(option).to_text() : name.place.to_text()});
  }
  return names;
}

Result<SchemaPtr> schema_of(const StreamType& input) {
  if (input.is_record_batch()) return input.schema;
  if (input.key == nullptr) {
    return Error(ErrorCode::kInvalidArgument, "this operator needs an input, but nothing comes before it")
        .hint("put a source such as csv.read in front");
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("this operator works on record batches, but its input is typed records of {}",
                           input.record_name))
      .hint("turn the records into columns first, or use map and filter with a lambda");
}

Result<std::size_t> find_column(const Schema& schema, const ColumnName& column) {
  Result<std::size_t> found = schema.find(column.name);
  if (!found) return Error(std::move(found).error()).at(column.place);
  return found;
}

Result<std::vector<std::size_t>> find_columns(const Schema& schema, std::span<const ColumnName> columns) {
  std::vector<std::size_t> indices;
  for (const ColumnName& column : columns) {
    PENSTOCK_ASSIGN(const std::size_t index, find_column(schema, column));
    indices.push_back(index);
  }
  return indices;
}

Result<std::vector<KeyColumn>> key_columns(const Schema& schema, std::span<const ColumnName> columns) {
  std::vector<KeyColumn> keys;
  for (const ColumnName& column : columns) {
    PENSTOCK_ASSIGN(const std::size_t index, find_column(schema, column));
    if (std::any_of(keys.begin(), keys.end(), [index](const KeyColumn& key) { return key.index == index; })) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("column \"{}\" is named twice", column.name))
          .at(column.place);
    }
    if (const Type type = schema[index].type; type == Type::kImage || type == Type::kTensor) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("column \"{}\" is of type {}, which cannot be a key", column.name, to_string(type)))
          .at(column.place);
    }
    keys.push_back({.index = index, .type = schema[index].type});
  }
  return keys;
}

Result<std::uint64_t> count_option(const Options& options, std::string_view name, std::int64_t least,
                                   std::int64_t most) {
  const std::int64_t value = options.integer(name);
  if (value >= least && value <= most) return static_cast<std::uint64_t>(value);
  const bool low = value < least;
  return Error(ErrorCode::kInvalidArgument, fmt::format("option \"{}\" must be at {} {}, but is {}", name,
                                                        low ? "least" : "most", low ? least : most, value))
      .at(options.place(name).to_text());
}

Status reject_row(OperatorContext& context, const RecordBatch& batch, std::size_t row, std::string reason,
                  std::string column) {
  Rejection rejection{.record = row, .reason = std::move(reason), .raw = {}, .column = std::move(column)};
  if (!context.errors->raw_unused()) rejection.raw = batch.row_to_json(row);
  return context.errors->reject(std::move(rejection));
}

}  // namespace penstock
