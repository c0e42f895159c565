// SPDX-License-Identifier: MIT
// A source that cannot say that it has ended.
// expect-error: penstock: from_function(): the callable must return a std::optional of the next record
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  penstock::from_function([] { return 1; });
  static_cast<void>(numbers);
#else
  penstock::from_function([] { return std::optional<int>(); });
  static_cast<void>(numbers);
#endif
}
