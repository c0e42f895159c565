// SPDX-License-Identifier: MIT
// A library for arrow_with_pyarrow.py, which loads it with ctypes: a record batch of ours as Arrow's structs, and
// theirs as text.
#include <penstock/arrow.h>

#include <cstring>
#include <string>

#include "sample_batch.h"

namespace ps = penstock;

extern "C" {

/// A batch of that many rows; every third is null. Released by who takes it.
void sample_export(std::int64_t rows, ArrowSchema* schema, ArrowArray* array) {
  ps::export_to_arrow(sample_batch(rows, "row "), schema, array);
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
