// SPDX-License-Identifier: MIT
// A callable on records where whole batches come.
// expect-error: penstock: map_batches(): the callable must take a RecordBatch and return one
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  penstock::read("csv.read", {{"path", "a.csv"}}).map_batches([](int n) { return n; });
  static_cast<void>(numbers);
#else
  penstock::read("csv.read", {{"path", "a.csv"}}).map_batches([](penstock::RecordBatch& rows) { return rows; });
  static_cast<void>(numbers);
#endif
}
