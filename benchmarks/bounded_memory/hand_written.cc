// SPDX-License-Identifier: MIT
// Hand-written: one thread; two threads with a bounded ring; two threads with a queue that grows as it must.
#include <thread>

#include "ring.h"
#include "workload.h"

namespace penstock::benchmark::bounded_memory {
namespace {

Outcome serial(std::uint64_t records) {
  SlowSink sink;
  Batch batch;
  for (std::uint64_t first = 0; first < records; first += kBatch) {
    make(batch, first, records);
    sink.take(batch);
  }
  return sink.outcome();
}

Outcome bounded_ring(std::uint64_t records) {
  Ring<Batch> ring(8);
  std::jthread source([&] {
    for (std::uint64_t first = 0; first < records; first += kBatch) {
      make(ring.claim(), first, records);
      ring.publish();
    }
    ring.close();
  });
  SlowSink sink;
  while (const Batch* batch = ring.front()) {
    sink.take(*batch);
    ring.pop();
  }
  return sink.outcome();
}

Outcome with_queue(std::uint64_t records, std::size_t limit) {
  LockedQueue<Batch> queue(limit);
  std::jthread source([&] {
    for (std::uint64_t first = 0; first < records; first += kBatch) {
      Batch batch;
      make(batch, first, records);
      queue.push(std::move(batch));
    }
    queue.close();
  });
  SlowSink sink;
  for (Batch batch; queue.pop(batch);) sink.take(batch);
  return sink.outcome();
}

Outcome bounded_queue(std::uint64_t records) { return with_queue(records, 8); }
Outcome unbounded_queue(std::uint64_t records) { return with_queue(records, 0); }

const Register fused(both("hand-written: one thread", serial, true));
const Register ring(both("hand-written: 2 threads, ring of 8 batches", bounded_ring));
const Register bounded(both("hand-written: 2 threads, mutex queue of 8 batches", bounded_queue));
const Register unbounded(both("hand-written: 2 threads, unbounded queue", unbounded_queue));

}  // namespace
}  // namespace penstock::benchmark::bounded_memory
