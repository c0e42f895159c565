// SPDX-License-Identifier: MIT
// oneTBB's parallel_pipeline with four filters in order, default threads.
#include <oneapi/tbb/parallel_pipeline.h>

#include <algorithm>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::hop {
namespace {

constexpr std::size_t kTokens = 8;
constexpr auto kInOrder = tbb::filter_mode::serial_in_order;

template <typename Work>
Outcome by_record(std::uint64_t records) {
  using Record = typename Work::Record;
  std::uint64_t next = 0;
  std::uint64_t hash = 0;
  const auto source = [&](tbb::flow_control& control) {
    Record record{};
    if (next == records) {
      control.stop();
    } else {
      Work::make(next++, record);
    }
    return record;
  };
  const auto f = [](Record record) { return Work::f(record), record; };
  const auto g = [](Record record) { return Work::g(record), record; };
  const auto sink = [&](const Record& record) { Work::sink(hash, record); };
  tbb::parallel_pipeline(
      kTokens, tbb::make_filter<void, Record>(kInOrder, source) & tbb::make_filter<Record, Record>(kInOrder, f) &
                   tbb::make_filter<Record, Record>(kInOrder, g) & tbb::make_filter<Record, void>(kInOrder, sink));
  return {.result = hash};
}

/// Batches come from as many buffers as there are tokens, used in turn: all filters are in order, so the oldest one is
/// free.
template <typename Work>
Outcome by_batch(std::uint64_t records) {
  using Batch = std::vector<typename Work::Record>;
  std::vector<Batch> buffers(kTokens);
  std::uint64_t first = 0;
  std::uint64_t hash = 0;
  const auto source = [&](tbb::flow_control& control) -> Batch* {
    if (first >= records) return control.stop(), nullptr;
    Batch& batch = buffers[first / kBatch % kTokens];
    batch.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, records - first)));
    for (std::size_t i = 0; i < batch.size(); ++i) Work::make(first + i, batch[i]);
    first += kBatch;
    return &batch;
  };
  const auto each = [](auto work) {
    return [work](Batch* batch) {
      for (auto& record : *batch) work(record);
      return batch;
    };
  };
  const auto sink = [&](Batch* batch) {
    for (auto& record : *batch) Work::sink(hash, record);
  };
  const auto f = [](auto& record) { Work::f(record); };
  const auto g = [](auto& record) { Work::g(record); };
  tbb::parallel_pipeline(kTokens, tbb::make_filter<void, Batch*>(kInOrder, source) &
                                      tbb::make_filter<Batch*, Batch*>(kInOrder, each(f)) &
                                      tbb::make_filter<Batch*, Batch*>(kInOrder, each(g)) &
                                      tbb::make_filter<Batch*, void>(kInOrder, sink));
  return {.result = hash};
}

const Register registered({{kNumbersOneByOne, "oneTBB: parallel_pipeline, 8 tokens", by_record<Numbers>},
                           {kOrdersOneByOne, "oneTBB: parallel_pipeline, 8 tokens", by_record<Orders>},
                           {kNumbersInBatches, "oneTBB: parallel_pipeline, 8 tokens", by_batch<Numbers>},
                           {kOrdersInBatches, "oneTBB: parallel_pipeline, 8 tokens", by_batch<Orders>}});

}  // namespace
}  // namespace penstock::benchmark::hop
