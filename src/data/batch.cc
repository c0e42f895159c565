// SPDX-License-Identifier: MIT
#include <penstock/batch.h>

#include "data/row_runs.h"

namespace penstock {

BatchData::~BatchData() = default;
RecordBatchData::~RecordBatchData() = default;

std::size_t RecordBatch::size_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Column& column : columns_) bytes += column.size_bytes();
  return bytes;
}

RecordBatch RecordBatch::take(std::span<const std::uint32_t> rows, BufferPool& pool) const {
  const RowRuns runs(rows);
  if (runs.all_of(num_rows_)) return *this;
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (const Column& column : columns_) columns.push_back(take_rows(column, runs, pool));
  return {schema_, std::move(columns), rows.size()};
}

RecordBatch RecordBatch::head(std::size_t count) const {
  if (count >= num_rows_) return *this;
  std::vector<Column> columns;
  for (const Column& column : columns_) columns.push_back(column.head(count));
  return {schema_, std::move(columns), count};
}

RecordBatchBuilder::RecordBatchBuilder(SchemaPtr schema, BufferPool& pool) : schema_(std::move(schema)) {
  columns_.reserve(schema_->size());
  for (const Field& field : schema_->fields()) columns_.emplace_back(field, pool);
}

RecordBatch RecordBatchBuilder::finish() {
  const std::size_t rows = num_rows();
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (ColumnBuilder& builder : columns_) columns.push_back(builder.finish());
  return {schema_, std::move(columns), rows};
}

}  // namespace penstock
