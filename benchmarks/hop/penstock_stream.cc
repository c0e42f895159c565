// SPDX-License-Identifier: MIT
// Penstock: the same pipeline under serial and threads. The user writes per record; the engine moves batches.
#include <penstock/stream.h>

#include "workload.h"

namespace penstock::benchmark::hop {
namespace {

/// How a contender runs; a batch size of 0 is the default.
struct Way {
  bool threaded = false;
  std::size_t batch_size = 0;
  bool metrics = true;
};

Outcome run_or_die(const Pipeline& pipeline, const Way& way, const std::uint64_t& hash) {
  RunOptions options;
  options.strategy = way.threaded ? threads : serial;
  if (way.batch_size != 0) options.batch_size = way.batch_size;
  options.metrics = way.metrics;
  const Result<Report> report = pipeline.run(options);
  if (!report) contract_broken(report.error().to_text().c_str());
  return {.result = hash};
}

Outcome numbers(std::uint64_t records, const Way& way) {
  std::uint64_t hash = 0;
  const Pipeline pipeline = range(0, records)
                                .update([](std::uint64_t& record) { Numbers::f(record); })
                                .update([](std::uint64_t& record) { Numbers::g(record); })
                                .for_each([&hash](const std::uint64_t& record) { Numbers::sink(hash, record); });
  return run_or_die(pipeline, way, hash);
}

Outcome orders(std::uint64_t records, const Way& way) {
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
  return run_or_die(pipeline, way, hash);
}

template <Outcome (*kRun)(std::uint64_t, const Way&), Way kWay>
Outcome run_as(std::uint64_t records) {
  return kRun(records, kWay);
}

constexpr Way kSerial = {};
constexpr Way kThreads = {.threaded = true};
constexpr Way kThreadsInBatches = {.threaded = true, .batch_size = kBatch};

const Register registered({
    {kNumbersOneByOne, "Penstock: serial", run_as<numbers, kSerial>},
    {kNumbersOneByOne, "Penstock: serial, metrics off", run_as<numbers, Way{.metrics = false}>},
    {kNumbersOneByOne, "Penstock: threads, four of them", run_as<numbers, kThreads>},
    {kNumbersOneByOne, "Penstock: threads, metrics off", run_as<numbers, Way{.threaded = true, .metrics = false}>},
    {kNumbersInBatches, "Penstock: threads, batches of 1,024", run_as<numbers, kThreadsInBatches>},
    {kOrdersOneByOne, "Penstock: serial", run_as<orders, kSerial>},
    {kOrdersOneByOne, "Penstock: threads, four of them", run_as<orders, kThreads>},
    {kOrdersInBatches, "Penstock: threads, batches of 1,024", run_as<orders, kThreadsInBatches>},
});

}  // namespace
}  // namespace penstock::benchmark::hop
