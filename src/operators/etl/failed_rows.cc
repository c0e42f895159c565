// SPDX-License-Identifier: MIT
#include "operators/etl/failed_rows.h"

#include "operators/etl/columns.h"

namespace penstock {

Status reject_failures(OperatorContext& context, const RecordBatch& batch, const RowFailures& failures) {
  for (const RowFailures::Failure& failure : failures.all()) {
    PENSTOCK_TRY(reject_row(context, batch, failure.row, failure.reason));
  }
  return {};
}

std::vector<std::uint32_t> rows_without(const RowFailures& failures, std::size_t num_rows) {
  std::vector<std::uint32_t> rows;
  rows.reserve(num_rows);
  auto failure = failures.all().begin();
  for (std::uint32_t row = 0; row < num_rows; ++row) {
    if (failure != failures.all().end() && failure->row == row) {
      ++failure;
    } else {
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace penstock
