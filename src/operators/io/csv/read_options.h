// SPDX-License-Identifier: MIT
// What csv.read is told, in one place: the options as documented, and as the reader uses them.
#pragma once

#include <penstock/operator.h>

#include <string>
#include <vector>

#include "operators/io/csv/dialect.h"

namespace penstock::csv {

/// The options of csv.read after checking.
struct ReadOptions {
  std::vector<std::string> paths;  ///< Files and globs.
  Dialect dialect = {};
  std::vector<std::string> names = {};    ///< Of all columns of the file, instead of a header or its names.
  std::vector<std::string> columns = {};  ///< Which to read, in this order; empty: all.
  std::vector<Field> types = {};          ///< Given types by name; the other columns' types are inferred.
  std::size_t sample_rows = 1000;         ///< How many rows the inference looks at; 0: what is not given is utf8.
  std::size_t block_bytes = 256 << 10;    ///< How much is read at a time. Changes no result; for tests.
};

/// The documentation of the options, for the registry.
std::vector<OptionInfo> read_option_infos();
/// Reads options that the registry has checked.
Result<ReadOptions> read_options_from(const Options& options);

/// The options that csv.read and csv.write share: one byte, "tab" or "\t".
Result<char> delimiter_from(const Options& options);

}  // namespace penstock::csv
