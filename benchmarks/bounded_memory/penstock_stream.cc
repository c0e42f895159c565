// SPDX-License-Identifier: MIT
// Penstock with default queue depth: one record here is the workload's batch of 1,024 numbers.
#include <penstock/stream.h>

#include "workload.h"

namespace penstock::benchmark::bounded_memory {
namespace {

Outcome on_threads(std::uint64_t records) {
  SlowSink sink;
  std::uint64_t first = 0;
  const auto next = [&first, records]() -> std::optional<Batch> {
    if (first >= records) return std::nullopt;
    Batch batch;
    make(batch, first, records);
    first += kBatch;
    return batch;
  };
  RunOptions options;
  options.strategy = threads;
  options.batch_size = 1;
  const Result<Report> report =
      from_function(next).for_each([&sink](const Batch& batch) { sink.take(batch); }).run(options);
  if (!report) contract_broken(report.error().to_text().c_str());
  return sink.outcome();
}

const Register registered(both("Penstock: threads, channel of 8 batches", on_threads));

}  // namespace
}  // namespace penstock::benchmark::bounded_memory
