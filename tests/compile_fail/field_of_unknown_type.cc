// SPDX-License-Identifier: MIT
// A member that cannot be a column.
// expect-error: penstock: PENSTOCK_FIELDS: a member of this type cannot be a column
#include <penstock/stream.h>

struct Order {
#ifdef PENSTOCK_EXPECT_ERROR
  std::vector<int> parts;
#else
  std::int64_t parts;
#endif
  PENSTOCK_FIELDS(parts)
};

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.map([](std::uint64_t) { return Order{}; }).as_batches();
#else
  numbers.map([](std::uint64_t) { return Order{}; }).as_batches();
#endif
}
