// SPDX-License-Identifier: MIT
// A small table in memory, read from a file with an operator of the registry, and found by key.
#pragma once

#include <penstock/operator.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/etl/columns.h"
#include "operators/etl/group_table.h"
#include "operators/etl/state_memory.h"

namespace penstock {

/// Which table, and what of it.
struct LookupOptions {
  std::string path;
  std::string place;                ///< Of the path in the pipeline file.
  std::string reader;               ///< The operator that reads it: "csv.read".
  Options reader_options;           ///< With the path.
  std::vector<ColumnName> keys;     ///< Columns of the table.
  std::vector<ColumnName> columns;  ///< Columns to give; empty: all but the keys.
  bool first_of_duplicates = false;
};

/// The rows of the table by key. A row whose key has a null is left out: it could match nothing.
///
/// bind, then load, then find. Used by one worker.
class LookupTable {
 public:
  explicit LookupTable(LookupOptions options) : options_(std::move(options)) {}

  /// Opens the file and finds the columns. Errors: those of the reader, and unknown columns.
  Status bind();
  /// Types of the keys, in the order of `LookupOptions::keys`; valid after bind.
  const std::vector<Field>& key_fields() const noexcept { return key_fields_; }
  /// The columns to give; valid after bind.
  const std::vector<Field>& value_fields() const noexcept { return value_fields_; }

  /// Reads the table. Errors: what the reader rejects, a key that is there twice (kAlreadyExists, unless the first is
  /// wanted), a table larger than the memory limit.
  Status load(const OperatorContext& context);
  std::size_t num_rows() const noexcept { return values_.num_rows(); }

  /// Sets rows[i] to the row of `values` with the key of row i in `batch`, or GroupTable::kNone. `keys` are its columns
  /// in `batch`, of the types of `key_fields`.
  void find(const RecordBatch& batch, RowKeys& keys, std::vector<std::uint32_t>& rows) const;
  /// The columns of `value_fields`; valid after load.
  const RecordBatch& values() const noexcept { return values_; }

 private:
  Status add(const RecordBatch& rows);
  Error duplicate(const RecordBatch& rows, std::size_t row) const;

  LookupOptions options_;
  std::unique_ptr<Operator> reader_;
  SchemaPtr schema_;  // of the file
  std::vector<std::size_t> keys_;
  std::vector<std::size_t> columns_;
  std::vector<Field> key_fields_;
  std::vector<Field> value_fields_;
  OperatorContext context_;  // of the reader
  StateMemory memory_;
  GroupTable table_;  // its groups are the rows of values_
  std::optional<RecordBatchBuilder> builder_;
  RecordBatch values_;
  std::vector<std::uint32_t> groups_;  // scratch
};

}  // namespace penstock
