// SPDX-License-Identifier: MIT
// Hand-written threads with rings between them: source and f on one, g and sink on the other, or a thread per operator.
#include <algorithm>
#include <thread>
#include <vector>

#include "ring.h"
#include "workload.h"

namespace penstock::benchmark::hop {
namespace {

template <typename Work>
Outcome two_threads_by_record(std::uint64_t records) {
  Ring<typename Work::Record> ring(1024);
  std::jthread producer([&] {
    for (std::uint64_t i = 0; i < records; ++i) {
      auto& record = ring.claim();
      Work::make(i, record);
      Work::f(record);
      ring.publish();
    }
    ring.close();
  });
  std::uint64_t hash = 0;
  while (auto* record = ring.front()) {
    Work::g(*record);
    Work::sink(hash, *record);
    ring.pop();
  }
  return {.result = hash};
}

template <typename Work>
using Batch = std::vector<typename Work::Record>;

template <typename Work>
void fill(Batch<Work>& batch, std::uint64_t first, std::uint64_t records) {
  batch.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, records - first)));
  for (std::size_t i = 0; i < batch.size(); ++i) Work::make(first + i, batch[i]);
}

template <typename Work>
Outcome two_threads_by_batch(std::uint64_t records) {
  Ring<Batch<Work>> ring(8);
  std::jthread producer([&] {
    for (std::uint64_t first = 0; first < records; first += kBatch) {
      Batch<Work>& batch = ring.claim();
      fill<Work>(batch, first, records);
      for (auto& record : batch) Work::f(record);
      ring.publish();
    }
    ring.close();
  });
  std::uint64_t hash = 0;
  while (Batch<Work>* batch = ring.front()) {
    for (auto& record : *batch) {
      Work::g(record);
      Work::sink(hash, record);
    }
    ring.pop();
  }
  return {.result = hash};
}

/// Moves batches from one ring to the next with `work` done; swapping leaves a used batch behind for reuse.
template <typename Work, typename Function>
void relay(Ring<Batch<Work>>& from, Ring<Batch<Work>>& to, Function work) {
  while (Batch<Work>* batch = from.front()) {
    for (auto& record : *batch) work(record);
    to.claim().swap(*batch);
    to.publish();
    from.pop();
  }
  to.close();
}

template <typename Work>
Outcome four_threads_by_batch(std::uint64_t records) {
  Ring<Batch<Work>> first_ring(8), second_ring(8), third_ring(8);
  std::jthread source([&] {
    for (std::uint64_t first = 0; first < records; first += kBatch) {
      fill<Work>(first_ring.claim(), first, records);
      first_ring.publish();
    }
    first_ring.close();
  });
  std::jthread f([&] { relay<Work>(first_ring, second_ring, Work::f); });
  std::jthread g([&] { relay<Work>(second_ring, third_ring, Work::g); });
  std::uint64_t hash = 0;
  while (Batch<Work>* batch = third_ring.front()) {
    for (auto& record : *batch) Work::sink(hash, record);
    third_ring.pop();
  }
  return {.result = hash};
}

template <typename Work>
std::vector<Contender> contenders() {
  return {{Work::kOneByOne, "hand-written: 2 threads, ring of 1,024 records", two_threads_by_record<Work>},
          {Work::kInBatches, "hand-written: 2 threads, ring of 8 batches", two_threads_by_batch<Work>},
          {Work::kInBatches, "hand-written: 4 threads, rings of 8 batches", four_threads_by_batch<Work>}};
}

const Register numbers(contenders<Numbers>());
const Register orders(contenders<Orders>());

}  // namespace
}  // namespace penstock::benchmark::hop
