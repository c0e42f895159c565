// SPDX-License-Identifier: MIT
// Rows of columns from lines of JSON, and their schema from a sample.
#pragma once

#include <penstock/batch.h>

#include "operators/io/json/json_object.h"

namespace penstock::json {

/// Appends lines of JSON as rows.
///
/// Used by one worker. Missing keys and null become null. A utf8 column takes strings as they are and any other value
/// as its JSON text; a timestamp column takes strings; a float64 column takes numbers and the strings "NaN", "Infinity"
/// and
/// "-Infinity", which json.write writes. Cost: no allocation per row.
class RowParser {
 public:
  RowParser(SchemaPtr schema, bool reject_unknown);

  /// Appends the object in `line` to the builders; false: nothing was appended, see `reason` and `column`. The line
  /// must be followed by `ObjectReader::kPaddingBytes` readable bytes.
  bool append(std::string_view line, RecordBatchBuilder& to);
  const std::string& reason() const noexcept { return reason_; }
  /// The column at fault; empty when it is the whole line.
  const std::string& column() const noexcept { return column_; }
  /// Values so far whose keys have no column.
  std::uint64_t unknown_values() const noexcept { return unknown_values_; }
  /// Counts those that were met before this parser.
  void count_unknown_values(std::uint64_t more) noexcept { unknown_values_ += more; }

 private:
  bool take(const Member& member, RecordBatchBuilder& to);
  bool append_value(const Member& member, ColumnBuilder& to);
  bool mismatch(const Member& member, Type type);
  bool fail(std::string reason, std::string column);
  bool find_column(const Member& member, std::size_t& index);

  SchemaPtr schema_;
  bool reject_unknown_;
  ObjectReader reader_;
  std::vector<std::uint64_t> filled_;  // by column: the last row that has a value
  std::uint64_t row_ = 0;
  std::size_t next_column_ = 0;  // objects mostly have their keys in one order
  std::uint64_t unknown_values_ = 0;
  std::string reason_;
  std::string column_;
};

/// What a sample says about the columns.
struct InferredSchema {
  std::vector<Field> fields;  ///< In the order of first appearance.
  std::size_t rows = 0;       ///< Objects that were looked at.
};

/// Infers columns from up to `most_rows` lines of `text`, of which only whole lines count unless it is `whole`. Lines
/// that are not JSON objects do not count. int64 for integers that fit, float64 for other numbers or both, bool,
/// timestamp when all strings are ISO 8601, utf8 for everything else, for mixtures, and for keys that are null
/// throughout. The same padding as for rows.
InferredSchema infer_schema(std::string_view text, bool whole, std::size_t most_rows);

}  // namespace penstock::json
