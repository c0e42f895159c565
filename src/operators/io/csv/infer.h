// SPDX-License-Identifier: MIT
// Guesses the types of columns from some rows.
#pragma once

#include <penstock/record.h>

#include <cstddef>
#include <string>
#include <vector>

#include "operators/io/csv/column_parse.h"

namespace penstock::csv {

/// Looks at rows and keeps, per column, which types fit all values so far.
///
/// The first of these that fits every value that is not null wins: int64, float64, timestamp, bool (only from "true"
/// and "false"), utf8. Numbers with leading zeros ("007", postcodes) and integers beyond int64 are utf8, since a number
/// would lose something; so is a column with nulls only.
class TypeInference {
 public:
  TypeInference(std::size_t columns, const Dialect& dialect);
  /// Rows with another number of cells are ignored.
  void add(const Index& index, const Row& row);
  std::size_t rows() const noexcept { return rows_; }
  Type type_of(std::size_t column) const noexcept;

 private:
  CellRules rules_;
  std::vector<unsigned> possible_;  // bits by Type
  std::vector<bool> seen_;          // had a value
  std::size_t rows_ = 0;
  std::string scratch_;
};

}  // namespace penstock::csv
