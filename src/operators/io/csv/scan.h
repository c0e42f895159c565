// SPDX-License-Identifier: MIT
// The inner loop of the splitter, built once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "operators/io/csv/splitter.h"

namespace penstock::csv {

/// What the inner loop reads and writes. All positions are offsets from `data`.
struct ScanState {
  const char* data;
  std::size_t begin;  ///< A row starts here.
  std::size_t size;
  char delimiter;
  char quote;
  bool quoting;

  std::uint32_t* ends;
  std::size_t num_ends;
  std::size_t ends_capacity;
  Row* rows;
  std::size_t num_rows;
  std::size_t rows_capacity;
  std::uint32_t lines;      ///< Line feeds before `begin`; afterwards before the row that was not finished.
  std::uint32_t first_end;  ///< Index of the first cell of the row that was not finished.
};

/// Why the loop stopped.
enum class ScanStop : std::uint8_t {
  kEnd,        ///< At the end of the bytes.
  kFull,       ///< Fewer than 64 places are left for ends or rows.
  kMisplaced,  ///< A quote of the unfinished row stands where RFC 4180 does not allow one.
};

/// Finds rows from `state.begin` on: appends `first`, `columns` and `line` of complete rows, and the ends of all cells,
/// those of the unfinished last row included.
ScanStop scan_portable(ScanState& state);
#if defined(__x86_64__)
ScanStop scan_sse2(ScanState& state);
ScanStop scan_avx2(ScanState& state);
#endif

/// Returns the loop for `scan`, the next best one where the processor lacks what it needs, and null for kRowByRow.
ScanFunction scan_function(Scan scan) noexcept;

}  // namespace penstock::csv
