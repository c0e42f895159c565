// SPDX-License-Identifier: MIT
// One loop per expression, over the same columns.
#include "workload.h"

namespace penstock::benchmark {
namespace {

const double* amounts() { return orders().column(0).float64s().data(); }
const std::int64_t* quantities() { return orders().column(1).int64s().data(); }

template <class Test>
Outcome select(std::uint64_t records, Test test) {
  std::vector<std::uint32_t> rows(kBatchRows);
  const auto work = [&] {
    rows.resize(kBatchRows);
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < kBatchRows; ++i) {
      rows[count] = i;
      count += test(i) ? 1 : 0;
    }
    rows.resize(count);
  };
  return repeat(records, work, [&] { return digest_rows(rows); });
}

template <class Out, class Value>
Outcome compute(std::uint64_t records, Value value) {
  std::vector<Out> out(kBatchRows);
  const auto work = [&] {
    for (std::size_t i = 0; i < kBatchRows; ++i) out[i] = value(i);
    asm volatile("" : : "r"(out.data()) : "memory");
  };
  return repeat(records, work, [&] { return digest_words(out.data(), out.size()); });
}

Outcome both_positive(std::uint64_t records) {
  return select(records, [a = amounts(), q = quantities()](std::size_t i) { return a[i] > 0 && q[i] > 0; });
}
Outcome product(std::uint64_t records) {
  return compute<double>(records,
                         [a = amounts(), q = quantities()](std::size_t i) { return a[i] * static_cast<double>(q[i]); });
}
Outcome square(std::uint64_t records) {
  return compute<std::int64_t>(records, [q = quantities()](std::size_t i) { return q[i] * q[i]; });
}
Outcome bands(std::uint64_t records) {
  return compute<double>(records, [a = amounts()](std::size_t i) {
    return a[i] > 5000 ? 0.2 : a[i] > 1000 ? 0.1 : 0.0;
  });
}

const Register kContenders{{
    {"amount > 0 and quantity > 0", "by hand: one loop", both_positive, true},
    {"amount * quantity", "by hand: one loop", product, true},
    {"quantity * quantity", "by hand: one loop, unchecked", square, true},
    {"case with two conditions", "by hand: one loop", bands, true},
}};

}  // namespace
}  // namespace penstock::benchmark
