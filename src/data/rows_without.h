// SPDX-License-Identifier: MIT
// What is left of a batch when some of its rows go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock {

/// Returns the rows of a batch of `num_rows` that are none of `gone`, ascending, for `RecordBatch::take`. `gone` is in
/// ascending order; `row_of` makes a row of one of it.
template <class Gone, class RowOf>
std::vector<std::uint32_t> rows_without(const Gone& gone, std::size_t num_rows, RowOf row_of) {
  std::vector<std::uint32_t> rows;
  rows.reserve(num_rows);
  auto next = gone.begin();
  for (std::uint32_t row = 0; row < num_rows; ++row) {
    if (next != gone.end() && row_of(*next) == row) {
      ++next;
    } else {
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace penstock
