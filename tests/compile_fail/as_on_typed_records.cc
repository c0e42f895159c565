// SPDX-License-Identifier: MIT
// Records that are typed already are asked for as another type.
// expect-error: penstock: as(): the records of this stream are typed already; use map()
#include <penstock/stream.h>

struct Order {
  std::int64_t id;
  PENSTOCK_FIELDS(id)
};

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.map([](std::uint64_t) { return Order{1}; }).as<Order>();
#else
  numbers.map([](std::uint64_t) { return Order{1}; }).as_batches().as<Order>();
#endif
}
