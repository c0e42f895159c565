// SPDX-License-Identifier: MIT
// Records without fields are put into columns.
// expect-error: penstock: the record type has no columns; list its members with PENSTOCK_FIELDS
#include <penstock/stream.h>

struct Order {
  std::int64_t id;
#ifndef PENSTOCK_EXPECT_ERROR
  PENSTOCK_FIELDS(id)
#endif
};

void build() {
  const auto numbers = penstock::range(0, 10);
#ifdef PENSTOCK_EXPECT_ERROR
  numbers.map([](std::uint64_t) { return Order{1}; }).to("csv.write", {{"path", "orders.csv"}});
#else
  numbers.map([](std::uint64_t) { return Order{1}; }).to("csv.write", {{"path", "orders.csv"}});
#endif
}
