// SPDX-License-Identifier: MIT
// A map that returns nothing.
// expect-error: penstock: map(): the callable returns nothing; use for_each() for effects
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.map([](std::uint64_t) {});
#else
  numbers.for_each([](std::uint64_t) {});
#endif
}
