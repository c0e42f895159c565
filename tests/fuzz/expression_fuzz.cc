// SPDX-License-Identifier: MIT
// Compiles arbitrary text as an expression and as an aggregate. What compiles is evaluated on a batch with nulls and
// edge values, whole and row by row; both must agree.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "expression/expression.h"

namespace {

using namespace penstock;

RecordBatch make_batch() {
  RecordBatchBuilder builder(*make_schema({{"i", Type::kInt64},
                                           {"f", Type::kFloat64},
                                           {"b", Type::kBool},
                                           {"s", Type::kUtf8},
                                           {"t", Type::kTimestamp},
                                           {"amount", Type::kFloat64},
                                           {"country", Type::kUtf8}}),
                             BufferPool::shared());
  constexpr std::int64_t kInts[] = {0, 1, -1, std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max()};
  constexpr const char* kTexts[] = {"", "12", "Grüße a,b", "2024-02-29", "true"};
  for (std::size_t row = 0; row < 15; ++row) {
    for (std::size_t column = 0; column < 7; ++column) {
      ColumnBuilder& to = builder.column(column);
      if ((row + column) % 4 == 3) {
        to.append_null();
      } else if (to.type() == Type::kInt64) {
        to.append_int64(kInts[row % 5]);
      } else if (to.type() == Type::kTimestamp) {
        to.append_int64(kInts[row % 3] * 86'400'000'000 * static_cast<std::int64_t>(row));
      } else if (to.type() == Type::kFloat64) {
        to.append_float64(static_cast<double>(kInts[row % 5]) / (row % 2 == 0 ? 4 : 0));
      } else if (to.type() == Type::kBool) {
        to.append_bool(row % 3 == 0);
      } else {
        to.append_text(kTexts[row % 5]);
      }
    }
  }
  return builder.finish();
}

bool same(const Column& a, std::size_t i, const Column& b, std::size_t j) {
  if (a.is_null(i) || b.is_null(j)) return a.is_null(i) && b.is_null(j);
  if (a.type() == Type::kUtf8) return a.text(i) == b.text(j);
  if (a.type() == Type::kBool) return get_bit(a.bits(), i) == get_bit(b.bits(), j);
  if (a.type() == Type::kFloat64 && a.float64s()[i] != a.float64s()[i]) return b.float64s()[j] != b.float64s()[j];
  return a.int64s()[i] == b.int64s()[j];
}

void check(const Expression& expression, const RecordBatch& batch) {
  BufferPool& pool = BufferPool::shared();
  RowFailures failures;
  const Column whole = expression.evaluate(batch, pool, failures);
  for (std::uint32_t row = 0; row < batch.num_rows(); ++row) {
    RowFailures failure;
    const Column single = expression.evaluate(batch.take(std::vector<std::uint32_t>{row}, pool), pool, failure);
    if (same(whole, row, single, 0) && failures.contains(row) == failure.contains(0)) continue;
    std::fprintf(stderr, "row %u differs when it is alone\n", row);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RecordBatch kBatch = make_batch();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const Result<Expression> expression = Expression::compile(text, kBatch.schema_ptr())) check(*expression, kBatch);
  const Result<AggregateCall> call = parse_aggregate(text, kBatch.schema_ptr());
  if (call && call->argument) check(*call->argument, kBatch);
  return 0;
}
