// SPDX-License-Identifier: MIT
// Hand-written, one thread: the fused loop that the ratios refer to, and the same work operator by operator over
// batches.
#include <algorithm>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::hop {
namespace {

/// One record lives through the whole run; its strings keep their capacity.
template <typename Work>
Outcome fused(std::uint64_t records) {
  std::uint64_t hash = 0;
  typename Work::Record record{};
  for (std::uint64_t i = 0; i < records; ++i) {
    Work::make(i, record);
    Work::f(record);
    Work::g(record);
    Work::sink(hash, record);
  }
  return {.result = hash};
}

/// A record per turn, as a source returns it by value.
template <typename Work>
Outcome fused_fresh(std::uint64_t records) {
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < records; ++i) {
    typename Work::Record record{};
    Work::make(i, record);
    Work::f(record);
    Work::g(record);
    Work::sink(hash, record);
  }
  return {.result = hash};
}

template <typename Work>
Outcome operator_by_operator(std::uint64_t records) {
  std::uint64_t hash = 0;
  std::vector<typename Work::Record> batch(kBatch);
  for (std::uint64_t first = 0; first < records; first += kBatch) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, records - first));
    for (std::size_t i = 0; i < size; ++i) Work::make(first + i, batch[i]);
    for (std::size_t i = 0; i < size; ++i) Work::f(batch[i]);
    for (std::size_t i = 0; i < size; ++i) Work::g(batch[i]);
    for (std::size_t i = 0; i < size; ++i) Work::sink(hash, batch[i]);
  }
  return {.result = hash};
}

const Register registered({
    {kNumbersOneByOne, "hand-written: fused loop", fused<Numbers>, true},
    {kNumbersInBatches, "hand-written: fused loop", fused<Numbers>, true},
    {kNumbersInBatches, "hand-written: one thread, operator by operator", operator_by_operator<Numbers>},
    {kOrdersOneByOne, "hand-written: fused loop, record reused", fused<Orders>, true},
    {kOrdersOneByOne, "hand-written: fused loop, fresh record each time", fused_fresh<Orders>},
    {kOrdersInBatches, "hand-written: fused loop, record reused", fused<Orders>, true},
    {kOrdersInBatches, "hand-written: one thread, operator by operator", operator_by_operator<Orders>},
});

}  // namespace
}  // namespace penstock::benchmark::hop
