// SPDX-License-Identifier: MIT
// oneTBB's parallel_pipeline with default threads, and with as many threads as operators, which the user must know to
// ask for.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include "workload.h"

namespace penstock::benchmark::blocking {
namespace {

constexpr auto kInOrder = tbb::filter_mode::serial_in_order;

Outcome with_default_threads(std::uint64_t batches) {
  std::uint64_t next = 0;
  std::uint64_t hash = 0;
  const auto source = [&](tbb::flow_control& control) {
    if (next == batches) return control.stop(), std::uint64_t{0};
    std::uint64_t batch = next++;
    work(batch, 0);
    return batch;
  };
  const auto f = [](std::uint64_t batch) { return work(batch, 1), batch; };
  const auto g = [](std::uint64_t batch) { return work(batch, 2), batch; };
  const auto sink = [&](std::uint64_t batch) {
    work(batch, 3);
    fold(hash, batch);
  };
  tbb::parallel_pipeline(8, tbb::make_filter<void, std::uint64_t>(kInOrder, source) &
                                tbb::make_filter<std::uint64_t, std::uint64_t>(kInOrder, f) &
                                tbb::make_filter<std::uint64_t, std::uint64_t>(kInOrder, g) &
                                tbb::make_filter<std::uint64_t, void>(kInOrder, sink));
  return {.result = hash};
}

Outcome with_four_threads(std::uint64_t batches) {
  tbb::global_control allow(tbb::global_control::max_allowed_parallelism, 4);
  return tbb::task_arena(4).execute([&] { return with_default_threads(batches); });
}

const Register registered({{kGroup, "oneTBB: parallel_pipeline, default threads", with_default_threads},
                           {kGroup, "oneTBB: parallel_pipeline, told to use 4 threads", with_four_threads}});

}  // namespace
}  // namespace penstock::benchmark::blocking
