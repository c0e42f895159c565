// SPDX-License-Identifier: MIT
// Splits arbitrary bytes with every scan and two block sizes, and compares the rows with the plain reference. The first
// three bytes choose the dialect, the number of columns and the block.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "operators/io/csv/reference.h"

namespace csv = penstock::csv;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  csv::Dialect dialect;
  dialect.delimiter = (data[0] & 1) != 0 ? ';' : ',';
  dialect.quoting = (data[0] & 2) == 0;
  if ((data[0] & 4) != 0) dialect.max_row_bytes = 1 + data[0] / 8U;
  const std::size_t columns = data[1] % 5;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto expected = csv::reference_split(text, dialect, columns);
  for (const csv::Scan scan : {csv::Scan::kBest, csv::Scan::kPortable, csv::Scan::kSse2, csv::Scan::kRowByRow}) {
    for (const std::size_t block : {std::size_t{1} + data[2], text.size() + 1}) {
      if (csv::split_in_blocks(text, dialect, columns, block, scan) == expected) continue;
      std::fprintf(stderr, "scan %d in blocks of %zu differs from the reference\n", static_cast<int>(scan), block);
      std::abort();
    }
  }
  return 0;
}
