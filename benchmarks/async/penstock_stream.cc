// SPDX-License-Identifier: MIT
// Penstock: map_async between a source and a sink, in the calling thread.
#include <penstock/async.h>

#include "workload.h"

namespace penstock::benchmark::async {
namespace {

Task<std::uint64_t> work(std::uint64_t record) {
  co_await sleep_for(kWait);
  co_return value_of(record);
}

Outcome run(std::uint64_t records, AsyncOptions options) {
  std::uint64_t sum = 0;
  const Pipeline pipeline =
      range(0, records).apply(map_async(work, std::move(options))).for_each([&sum](const std::uint64_t& value) {
        sum += value;
      });
  const Result<Report> report = pipeline.run();
  if (!report) contract_broken(report.error().to_text().c_str());
  return {.result = sum};
}

Outcome thousand(std::uint64_t records) { return run(records, {.max_concurrent = 1'000}); }
Outcome thousand_unordered(std::uint64_t records) { return run(records, {.max_concurrent = 1'000, .ordered = false}); }
Outcome thousand_timed(std::uint64_t records) {
  return run(records, {.max_concurrent = 1'000, .timeout = std::chrono::seconds(1)});
}
Outcome ten_thousand(std::uint64_t records) { return run(records, {.max_concurrent = 10'000}); }
Outcome ten_thousand_unordered(std::uint64_t records) {
  return run(records, {.max_concurrent = 10'000, .ordered = false});
}
Outcome ten_thousand_timed(std::uint64_t records) {
  return run(records, {.max_concurrent = 10'000, .timeout = std::chrono::seconds(1)});
}

const Register registered({
    {kThousand, "Penstock: map_async, in order", thousand, false, kThousandRecords},
    {kThousand, "Penstock: map_async, unordered", thousand_unordered, false, kThousandRecords},
    {kThousand, "Penstock: map_async, in order, with a timeout", thousand_timed, false, kThousandRecords},
    {kTenThousand, "Penstock: map_async, in order", ten_thousand, false, kTenThousandRecords},
    {kTenThousand, "Penstock: map_async, unordered", ten_thousand_unordered, false, kTenThousandRecords},
    {kTenThousand, "Penstock: map_async, in order, with a timeout", ten_thousand_timed, false, kTenThousandRecords},
});

}  // namespace
}  // namespace penstock::benchmark::async
