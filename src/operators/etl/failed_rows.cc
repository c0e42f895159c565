// SPDX-License-Identifier: MIT
#include "operators/etl/failed_rows.h"

#include "data/rows_without.h"
#include "operators/etl/columns.h"

namespace penstock {

Status reject_failures(OperatorContext& context, const RecordBatch& batch, const RowFailures& failures) {
  for (const RowFailures::Failure& failure : failures.all()) {
    PENSTOCK_TRY(reject_row(context, batch, failure.row, failure.reason));
  }
  return {};
}

std::vector<std::uint32_t> rows_without(const RowFailures& failures, std::size_t num_rows) {
  return rows_without(failures.all(), num_rows, [](const RowFailures::Failure& failure) { return failure.row; });
}

}  // namespace penstock
