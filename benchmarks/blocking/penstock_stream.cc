// SPDX-License-Identifier: MIT
// Penstock with default settings: operators on whole batches that block, under serial and threads.
#include <penstock/stream.h>

#include "workload.h"

namespace penstock::benchmark::blocking {
namespace {

Outcome run_on(std::uint64_t batches, const Strategy& strategy) {
  std::uint64_t hash = 0;
  // One record stands for a batch here, so a batch holds one record.
  const Pipeline pipeline = range(0, batches, {.light = true})
                                .update([](std::uint64_t& batch) { work(batch, 0); }, {.light = true})
                                .update([](std::uint64_t& batch) { work(batch, 1); })
                                .update([](std::uint64_t& batch) { work(batch, 2); })
                                .update([](std::uint64_t& batch) { work(batch, 3); })
                                .for_each([&hash](const std::uint64_t& batch) { fold(hash, batch); }, {.light = true});
  RunOptions options;
  options.strategy = strategy;
  options.batch_size = 1;
  const Result<Report> report = pipeline.run(options);
  if (!report) contract_broken(report.error().to_text().c_str());
  return {.result = hash};
}

Outcome on_serial(std::uint64_t batches) { return run_on(batches, serial); }
Outcome on_threads(std::uint64_t batches) { return run_on(batches, threads); }

const Register registered({
    {kGroup, "Penstock: serial", on_serial},
    {kGroup, "Penstock: threads", on_threads},
});

}  // namespace
}  // namespace penstock::benchmark::blocking
