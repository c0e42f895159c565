// SPDX-License-Identifier: MIT
// Hand-written: one thread, and a thread per operator with bounded queues between them. Source and sink block, too:
// four in all.
#include <array>
#include <thread>
#include <vector>

#include "ring.h"
#include "workload.h"

namespace penstock::benchmark::blocking {
namespace {

Outcome serial(std::uint64_t batches) {
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < batches; ++i) {
    std::uint64_t batch = i;
    for (std::uint64_t step = 0; step < 4; ++step) work(batch, step);
    fold(hash, batch);
  }
  return {.result = hash};
}

Outcome thread_per_operator(std::uint64_t batches) {
  using Queue = LockedQueue<std::uint64_t>;
  std::array<Queue, 3> queues{Queue{8}, Queue{8}, Queue{8}};
  std::jthread source([&] {
    for (std::uint64_t i = 0; i < batches; ++i) {
      std::uint64_t batch = i;
      work(batch, 0);
      queues[0].push(batch);
    }
    queues[0].close();
  });
  const auto relay = [&](std::size_t step) {
    for (std::uint64_t batch = 0; queues[step - 1].pop(batch);) {
      work(batch, step);
      queues[step].push(batch);
    }
    queues[step].close();
  };
  std::jthread f(relay, 1);
  std::jthread g(relay, 2);
  std::uint64_t hash = 0;
  for (std::uint64_t batch = 0; queues[2].pop(batch);) {
    work(batch, 3);
    fold(hash, batch);
  }
  return {.result = hash};
}

const Register registered({{kGroup, "hand-written: one thread", serial, true},
                           {kGroup, "hand-written: 4 threads, bounded queues", thread_per_operator}});

}  // namespace
}  // namespace penstock::benchmark::blocking
