// SPDX-License-Identifier: MIT
// The functions called in order, without a graph: what they themselves cost.
#include <cstddef>
#include <vector>

#include "timing.h"

namespace penstock::benchmark {
namespace {

constexpr std::size_t kWidth = 100;

[[gnu::noinline]] std::uint64_t add_one(std::uint64_t value) { return value + 1; }

Outcome in_order(std::uint64_t stages) {
  std::vector<std::uint64_t> values(stages, 0);
  for (std::size_t i = 0; i < stages; ++i) values[i] = add_one(i < kWidth ? 0 : values[i - kWidth]);
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values) sum += value;
  return {.result = sum};
}

const Register contenders({{"stages", "plain C++: calls in order", in_order, true, 0}});

}  // namespace
}  // namespace penstock::benchmark
