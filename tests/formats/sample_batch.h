// SPDX-License-Identifier: MIT
// The rows that the tests of formats hand to other languages: a column of every type, every third row null.
#pragma once

#include <penstock/batch.h>

#include <string>

/// Row i holds i, i / 2, whether i is even, `text` and i, and i seconds in microseconds.
inline penstock::RecordBatch sample_batch(std::int64_t rows, const std::string& text) {
  const penstock::SchemaPtr schema = penstock::make_schema({{"n", penstock::Type::kInt64},
                                                            {"x", penstock::Type::kFloat64},
                                                            {"yes", penstock::Type::kBool},
                                                            {"text", penstock::Type::kUtf8},
                                                            {"at", penstock::Type::kTimestamp}})
                                         .value();
  penstock::RecordBatchBuilder builder(schema, penstock::BufferPool::shared());
  for (std::int64_t i = 0; i < rows; ++i) {
    if (i % 3 == 2) {
      for (std::size_t column = 0; column < 5; ++column) builder.column(column).append_null();
      continue;
    }
    builder.column(0).append_int64(i);
    builder.column(1).append_float64(static_cast<double>(i) / 2);
    builder.column(2).append_bool(i % 2 == 0);
    builder.column(3).append_text(text + std::to_string(i));
    builder.column(4).append_int64(i * 1'000'000);
  }
  return builder.finish();
}
