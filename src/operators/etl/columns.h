// SPDX-License-Identifier: MIT
// What the operators of this folder share: columns as options name them, and rows that they reject.
#pragma once

#include <penstock/operator.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/etl/row_keys.h"

namespace penstock {

/// The name of a column and where in the pipeline file it was written.
struct ColumnName {
  std::string name;
  std::string place;  ///< "orders.toml:12:9", or empty.
};

/// Returns the names in a list option, none when it is not set.
std::vector<ColumnName> column_names(const Options& options, std::string_view option);

/// Returns the schema of a stream of record batches; kInvalidArgument for typed records and for no input.
Result<SchemaPtr> schema_of(const StreamType& input);

/// Returns the index of the column; kInvalidArgument with its place, the columns and the nearest name.
Result<std::size_t> find_column(const Schema& schema, const ColumnName& column);
Result<std::vector<std::size_t>> find_columns(const Schema& schema, std::span<const ColumnName> columns);

/// As find_columns, for use as a key: ascending, nulls first. A column named twice is kInvalidArgument.
Result<std::vector<KeyColumn>> key_columns(const Schema& schema, std::span<const ColumnName> columns);

/// Returns an integer option that must be from `least` to `most`.
Result<std::uint64_t> count_option(const Options& options, std::string_view name, std::int64_t least,
                                   std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// Hands row `row` of `batch` to the operator's error policy.
Status reject_row(OperatorContext& context, const RecordBatch& batch, std::size_t row, std::string reason,
                  std::string column = {});

}  // namespace penstock
