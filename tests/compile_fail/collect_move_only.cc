// SPDX-License-Identifier: MIT
// Records that cannot be copied are to be kept.
// expect-error: penstock: collect(): the record type of this stream cannot be copied; use for_each()
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  std::vector<std::unique_ptr<int>> kept;
  numbers.map([](std::uint64_t) { return std::make_unique<int>(1); }).collect(kept);
#else
  std::vector<int> kept;
  numbers.map([](std::uint64_t) { return 1; }).collect(kept);
#endif
}
