// SPDX-License-Identifier: MIT
// Why a row was rejected, in words. Only for rows that are: speed does not matter here.
#pragma once

#include <string>
#include <string_view>

#include "operators/io/csv/column_parse.h"

namespace penstock::csv {

/// For a malformed or ragged row.
std::string reason_for(const Row& row, std::size_t expected_cells);
/// For a row of `size_bytes` that is too long.
std::string reason_for_long_row(std::uint64_t size_bytes, std::size_t max_row_bytes);
/// For a cell that is no value of its column's type. `sampled_rows` tells from how many rows the type was inferred, if
/// it was.
std::string reason_for_value(const ColumnPlan& plan, std::string_view text, bool quoted, std::size_t sampled_rows);

/// At most 60 bytes of `text` in quotes, everything but printable ASCII and valid UTF-8 as \xNN.
std::string excerpt(std::string_view text);

}  // namespace penstock::csv
