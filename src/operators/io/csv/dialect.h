// SPDX-License-Identifier: MIT
// What a CSV file looks like: the bytes that mean something, and the texts that mean nothing.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::csv {

/// The largest `max_row_bytes`: offsets inside a block are 32 bits wide.
inline constexpr std::size_t kMostRowBytes = std::size_t{1} << 30;

/// How rows and cells are written. docs/guide/csv.md holds the rules.
struct Dialect {
  char delimiter = ',';                               ///< Between two cells; any byte but quote, CR, LF.
  char quote = '"';                                   ///< Around cells that hold delimiters or line ends.
  bool quoting = true;                                ///< False: quotes are data like any other byte.
  bool header = true;                                 ///< The first row holds the names of the columns.
  bool trim = false;                                  ///< Drop spaces and tabs around unquoted cells.
  std::vector<std::string> null_texts = {""};         ///< Unquoted cells with one of these texts are null.
  std::size_t max_row_bytes = std::size_t{64} << 20;  ///< Longer rows are rejected; in [1, kMostRowBytes].
};

/// Says what is wrong with a dialect (kInvalidArgument), if anything.
Status check(const Dialect& dialect);

}  // namespace penstock::csv
