// SPDX-License-Identifier: MIT
// A pipeline of typed records: read, keep the good ones, compute, write. The strategy is one word.
#include <penstock/penstock.h>

#include <cstdio>

namespace ps = penstock;

struct Order {
  std::int64_t id = 0;
  std::optional<std::string> country;  // may be null
  double amount = 0;
  std::int64_t quantity = 0;
  PENSTOCK_FIELDS(id, country, amount, quantity)
};

struct Invoice {
  std::int64_t id = 0;
  std::string country;
  double total = 0;
  PENSTOCK_FIELDS(id, country, total)
};

// An operator is any callable. It may return a Result: the step's error policy decides about records that fail.
ps::Result<Invoice> make_invoice(const Order& order) {
  if (!order.country) return ps::Error(ps::ErrorCode::kInvalidArgument, "the order has no country");
  return Invoice{order.id, *order.country, order.amount * static_cast<double>(order.quantity)};
}

int main() {
  const auto pipeline = ps::read_csv<Order>("orders.csv", {}, {.on_error = ps::quarantine("bad_rows.jsonl")})
                            .filter([](const Order& order) { return order.amount > 0; }, {.name = "valid"})
                            .map(make_invoice, {.name = "invoice", .on_error = ps::quarantine("bad_orders.jsonl")})
                            .to(ps::write_csv("invoices.csv"));

  const auto report = pipeline.run({.strategy = ps::threads});
  if (!report) return ps::fail(report.error());
  std::printf("%llu in, %llu out, %llu rejected, %llu dropped\n", static_cast<unsigned long long>(report->records_in),
              static_cast<unsigned long long>(report->records_out),
              static_cast<unsigned long long>(report->records_rejected),
              static_cast<unsigned long long>(report->records_dropped));
}
