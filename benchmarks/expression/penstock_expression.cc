// SPDX-License-Identifier: MIT
#include "expression/expression.h"
#include "workload.h"

namespace penstock::benchmark {
namespace {

Outcome select(std::uint64_t records, const char* text) {
  const Expression expression = *Expression::compile(text, orders().schema_ptr());
  std::vector<std::uint32_t> rows;
  RowFailures failures;
  BufferPool pool;
  return repeat(records, [&] { expression.select(orders(), pool, rows, failures); }, [&] { return digest_rows(rows); });
}

Outcome compute(std::uint64_t records, const char* text) {
  const Expression expression = *Expression::compile(text, orders().schema_ptr());
  Column column;
  RowFailures failures;
  BufferPool pool;
  return repeat(
      records, [&] { column = expression.evaluate(orders(), pool, failures); },
      [&] { return digest_words(column.int64s().data(), column.size()); });
}

Outcome both_positive(std::uint64_t records) { return select(records, "amount > 0 and quantity > 0"); }
Outcome product(std::uint64_t records) { return compute(records, "amount * quantity"); }
Outcome square(std::uint64_t records) { return compute(records, "quantity * quantity"); }
Outcome bands(std::uint64_t records) {
  return compute(records, "case when amount > 5000 then 0.2 when amount > 1000 then 0.1 else 0.0 end");
}

const Register kContenders{{
    {"amount > 0 and quantity > 0", "Penstock: select, 3 operations", both_positive},
    {"amount * quantity", "Penstock: evaluate, 2 operations", product},
    {"quantity * quantity", "Penstock: evaluate, checked", square},
    {"case with two conditions", "Penstock: evaluate, 3 operations", bands},
}};

}  // namespace
}  // namespace penstock::benchmark
