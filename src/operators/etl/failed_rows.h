// SPDX-License-Identifier: MIT
// Rows for which an expression failed, and what is left without them.
#pragma once

#include <penstock/operator.h>

#include <vector>

#include "expression/expression.h"

namespace penstock {

/// Hands every failed row to the operator's error policy.
Status reject_failures(OperatorContext& context, const RecordBatch& batch, const RowFailures& failures);

/// Returns the rows of a batch of `num_rows` that did not fail, ascending.
std::vector<std::uint32_t> rows_without(const RowFailures& failures, std::size_t num_rows);

}  // namespace penstock
