// SPDX-License-Identifier: MIT
// A library for arrow_with_pyarrow.py, which loads it with ctypes: a record batch of ours as Arrow's structs, and
// theirs as text.
#include <penstock/arrow.h>

#include <cstring>
#include <string>

namespace ps = penstock;

extern "C" {

/// A batch of that many rows; every third is null. Released by who takes it.
void sample_export(std::int64_t rows, ArrowSchema* schema, ArrowArray* array) {
  const ps::SchemaPtr columns = ps::make_schema({{"n", ps::Type::kInt64},
                                                 {"x", ps::Type::kFloat64},
                                                 {"yes", ps::Type::kBool},
                                                 {"text", ps::Type::kUtf8},
                                                 {"at", ps::Type::kTimestamp}})
                                    .value();
  ps::RecordBatchBuilder builder(columns, ps::BufferPool::shared());
  for (std::int64_t i = 0; i < rows; ++i) {
    if (i % 3 == 2) {
      for (std::size_t column = 0; column < 5; ++column) builder.column(column).append_null();
      continue;
    }
    builder.column(0).append_int64(i);
    builder.column(1).append_float64(static_cast<double>(i) / 2);
    builder.column(2).append_bool(i % 2 == 0);
    builder.column(3).append_text("row " + std::to_string(i));
    builder.column(4).append_int64(i * 1'000'000);
  }
  ps::export_to_arrow(builder.finish(), schema, array);
}

/// Takes the structs over; writes their rows as JSON, a line each, or "error: ..." into `text`.
void sample_import(ArrowSchema* schema, ArrowArray* array, char* text, std::size_t size) {
  const auto batch = ps::import_from_arrow(schema, array);
  std::string rows = batch ? "" : "error: " + batch.error().message();
  for (std::size_t i = 0; batch && i < batch->num_rows(); ++i) rows += batch->row_to_json(i) + "\n";
  std::strncpy(text, rows.c_str(), size - 1);
  text[size - 1] = '\0';
}
}
