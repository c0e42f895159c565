// SPDX-License-Identifier: MIT
// A flat_map that returns its records instead of emitting them.
// expect-error: penstock: flat_map(): the callable must take a const record of this stream and an Emit<U>&
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.flat_map<int>([](std::uint64_t) { return std::vector<int>{1, 2}; });
#else
  numbers.flat_map<int>([](std::uint64_t, penstock::Emit<int>& emit) { emit(1); });
#endif
}
