// SPDX-License-Identifier: MIT
// Penstock with default settings: nothing is said about batches.
#include <penstock/stream.h>

#include "workload.h"

namespace penstock::benchmark::shared_work {
namespace {

template <std::uint64_t (*kWork)(std::uint64_t)>
Outcome run_on(std::uint64_t records, const Strategy& strategy) {
  std::uint64_t hash = 0;
  const Pipeline pipeline = range(0, records)
                                .map([](const std::uint64_t& value) { return kWork(value); })
                                .for_each([&hash](const std::uint64_t& value) { fold(hash, value); }, {.light = true});
  const Result<Report> report = pipeline.run(strategy);
  if (!report) contract_broken(report.error().to_text().c_str());
  return {.result = hash};
}

Outcome calculate_serially(std::uint64_t records) { return run_on<calculate>(records, serial); }
Outcome calculate_in_parallel(std::uint64_t records) { return run_on<calculate>(records, parallel); }
Outcome calculate_automatically(std::uint64_t records) { return run_on<calculate>(records, automatic); }
Outcome calculate_in_processes(std::uint64_t records) { return run_on<calculate>(records, processes); }
Outcome wait_automatically(std::uint64_t records) { return run_on<wait>(records, automatic); }

const Register registered({
    {kArithmetic, "Penstock: serial", calculate_serially},
    {kArithmetic, "Penstock: parallel", calculate_in_parallel},
    {kArithmetic, "Penstock: processes", calculate_in_processes},
    {kArithmetic, "Penstock: auto", calculate_automatically},
    {kWaits, "Penstock: auto", wait_automatically, false, kWaitingRecords},
});

}  // namespace
}  // namespace penstock::benchmark::shared_work
