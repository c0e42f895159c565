// SPDX-License-Identifier: MIT
// Hand-written: one loop, and threads that have nothing to do with each other, which is the ceiling: each works on its
// part of the numbers, and all results are kept until the end.
#include <thread>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::shared_work {
namespace {

using Work = std::uint64_t (*)(std::uint64_t);

template <Work kWork>
Outcome one_loop(std::uint64_t records) {
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < records; ++i) fold(hash, kWork(i));
  return {.result = hash};
}

template <Work kWork>
Outcome in_parts(std::uint64_t records, std::uint64_t threads) {
  std::vector<std::uint64_t> results(records);
  {
    std::vector<std::jthread> workers;
    for (std::uint64_t t = 0; t < threads; ++t) {
      workers.emplace_back([&results, begin = records * t / threads, end = records * (t + 1) / threads] {
        for (std::uint64_t i = begin; i < end; ++i) results[i] = kWork(i);
      });
    }
  }
  std::uint64_t hash = 0;
  for (const std::uint64_t value : results) fold(hash, value);
  return {.result = hash};
}

Outcome a_thread_per_core(std::uint64_t records) {
  return in_parts<calculate>(records, std::thread::hardware_concurrency());
}
Outcome sixteen_threads(std::uint64_t records) { return in_parts<wait>(records, kWaitingWorkers); }

const Register registered({
    {kArithmetic, "hand-written: one loop", one_loop<calculate>, true},
    {kArithmetic, "hand-written: a loop per core, no order", a_thread_per_core},
    {kWaits, "hand-written: one loop", one_loop<wait>, true, kWaitingRecords},
    {kWaits, "hand-written: 16 threads, no order", sixteen_threads, false, kWaitingRecords},
});

}  // namespace
}  // namespace penstock::benchmark::shared_work
