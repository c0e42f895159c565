// SPDX-License-Identifier: MIT
// A filter that would change its record.
// expect-error: penstock: filter(): the callable must take a const record of this stream and return bool
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.filter([](std::uint64_t& n) { return ++n > 3; });
#else
  numbers.filter([](const std::uint64_t& n) { return n > 3; });
#endif
}
