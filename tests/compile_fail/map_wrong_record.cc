// SPDX-License-Identifier: MIT
// A map over the wrong record type.
// expect-error: penstock: map(): the callable does not accept the record type of this stream
#include <penstock/stream.h>

#include <string>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.map([](const std::string& text) { return text; });
#else
  numbers.map([](std::uint64_t n) { return n; });
#endif
}
