// SPDX-License-Identifier: MIT
// An end of the wrong record type.
// expect-error: penstock: for_each(): the callable does not accept a const record of this stream
#include <penstock/stream.h>

struct Order {};

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.for_each([](const Order&) {});
#else
  numbers.for_each([](std::uint64_t) {});
#endif
}
