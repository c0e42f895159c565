// SPDX-License-Identifier: MIT
// oneTBB's parallel_pipeline: a source and a sink in order, the work in parallel between them; single records, and
// batches of 64.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::shared_work {
namespace {

constexpr auto kInOrder = tbb::filter_mode::serial_in_order;
constexpr auto kParallel = tbb::filter_mode::parallel;
constexpr std::size_t kTokens = 16;

template <std::uint64_t (*kWork)(std::uint64_t)>
Outcome single_records(std::uint64_t records, std::size_t tokens) {
  std::uint64_t next = 0;
  std::uint64_t hash = 0;
  const auto source = [&](tbb::flow_control& control) {
    if (next == records) return control.stop(), std::uint64_t{0};
    return next++;
  };
  const auto sink = [&](std::uint64_t value) { fold(hash, value); };
  tbb::parallel_pipeline(tokens, tbb::make_filter<void, std::uint64_t>(kInOrder, source) &
                                     tbb::make_filter<std::uint64_t, std::uint64_t>(kParallel, kWork) &
                                     tbb::make_filter<std::uint64_t, void>(kInOrder, sink));
  return {.result = hash};
}

Outcome calculate_records(std::uint64_t records) { return single_records<calculate>(records, kTokens); }

Outcome calculate_batches(std::uint64_t records) {
  using Batch = std::vector<std::uint64_t>;
  std::uint64_t next = 0;
  std::uint64_t hash = 0;
  const auto source = [&](tbb::flow_control& control) {
    Batch batch;
    for (std::uint64_t end = std::min(records, next + kBatch); next < end;) batch.push_back(next++);
    if (batch.empty()) control.stop();
    return batch;
  };
  const auto work = [](Batch batch) {
    for (std::uint64_t& value : batch) value = calculate(value);
    return batch;
  };
  const auto sink = [&](const Batch& batch) {
    for (const std::uint64_t value : batch) fold(hash, value);
  };
  tbb::parallel_pipeline(kTokens, tbb::make_filter<void, Batch>(kInOrder, source) &
                                      tbb::make_filter<Batch, Batch>(kParallel, work) &
                                      tbb::make_filter<Batch, void>(kInOrder, sink));
  return {.result = hash};
}

Outcome wait_with_default_threads(std::uint64_t records) { return single_records<wait>(records, kWaitingWorkers); }
Outcome wait_with_sixteen_threads(std::uint64_t records) {
  tbb::global_control allow(tbb::global_control::max_allowed_parallelism, kWaitingWorkers);
  return tbb::task_arena(kWaitingWorkers).execute([&] { return wait_with_default_threads(records); });
}

const Register registered({
    {kArithmetic, "oneTBB: parallel_pipeline, records", calculate_records},
    {kArithmetic, "oneTBB: parallel_pipeline, batches of 64", calculate_batches},
    {kWaits, "oneTBB: parallel_pipeline, default threads", wait_with_default_threads, false, kWaitingRecords},
    {kWaits, "oneTBB: parallel_pipeline, told to use 16", wait_with_sixteen_threads, false, kWaitingRecords},
});

}  // namespace
}  // namespace penstock::benchmark::shared_work
