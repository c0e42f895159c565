// SPDX-License-Identifier: MIT
// An update of the wrong record type.
// expect-error: penstock: update(): the callable does not accept the record type of this stream
#include <penstock/stream.h>

#include <string>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.update([](std::string& text) { text.clear(); });
#else
  numbers.update([](std::uint64_t& n) { ++n; });
#endif
}
