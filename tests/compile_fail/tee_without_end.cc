// SPDX-License-Identifier: MIT
// A branch that forgets to end.
// expect-error: penstock: tee(): the callable must take a stream and return the pipeline that ends it
#include <penstock/stream.h>

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.tee([](const penstock::Stream<std::uint64_t>& branch) { return branch; });
#else
  numbers.tee([](const penstock::Stream<std::uint64_t>& branch) { return branch.for_each([](std::uint64_t) {}); });
#endif
}
