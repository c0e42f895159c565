// SPDX-License-Identifier: MIT
// Penstock: the same pipeline under serial and threads. The user writes per record; the engine moves batches.
#include <penstock/stream.h>

#include "workload.h"

namespace penstock::benchmark::hop {
namespace {

Outcome run_or_die(const Pipeline& pipeline, const Strategy& strategy, const std::uint64_t& hash, std::size_t batch_size) {
  RunOptions options;
  options.strategy = strategy;
  if (batch_size != 0) options.batch_size = batch_size;
  const Result<Report> report = pipeline.run(options);
  if (!report) contract_broken(report.error().to_text().c_str());
  return {.result = hash};
}

Outcome numbers(std::uint64_t records, const Strategy& strategy, std::size_t batch_size) {
  std::uint64_t hash = 0;
  const Pipeline pipeline = range(0, records)
                                .update([](std::uint64_t& record) { Numbers::f(record); })
                                .update([](std::uint64_t& record) { Numbers::g(record); })
                                .for_each([&hash](const std::uint64_t& record) { Numbers::sink(hash, record); });
  return run_or_die(pipeline, strategy, hash, batch_size);
}

Outcome orders(std::uint64_t records, const Strategy& strategy, std::size_t batch_size) {
  std::uint64_t hash = 0;
  const auto make = [](std::uint64_t i) {
    Order order;
    Orders::make(i, order);
    return order;
  };
  const Pipeline pipeline = range(0, records)
                                .map(make, {.light = true})
                                .update([](Order& record) { Orders::f(record); })
                                .update([](Order& record) { Orders::g(record); })
                                .for_each([&hash](const Order& record) { Orders::sink(hash, record); });
  return run_or_die(pipeline, strategy, hash, batch_size);
}

template <Outcome (*kRun)(std::uint64_t, const Strategy&, std::size_t), std::size_t kBatchSize>
Outcome on_serial(std::uint64_t records) {
  return kRun(records, serial, kBatchSize);
}
template <Outcome (*kRun)(std::uint64_t, const Strategy&, std::size_t), std::size_t kBatchSize>
Outcome on_threads(std::uint64_t records) {
  return kRun(records, threads, kBatchSize);
}

const Register registered({
    {kNumbersOneByOne, "Penstock: serial", on_serial<numbers, 0>},
    {kNumbersOneByOne, "Penstock: threads, four of them", on_threads<numbers, 0>},
    {kNumbersInBatches, "Penstock: threads, batches of 1,024", on_threads<numbers, kBatch>},
    {kOrdersOneByOne, "Penstock: serial", on_serial<orders, 0>},
    {kOrdersOneByOne, "Penstock: threads, four of them", on_threads<orders, 0>},
    {kOrdersInBatches, "Penstock: threads, batches of 1,024", on_threads<orders, kBatch>},
});

}  // namespace
}  // namespace penstock::benchmark::hop
