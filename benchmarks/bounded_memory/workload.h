// SPDX-License-Identifier: MIT
// The work of this question: a source that is faster than the sink. The sink is slow because it computes, about 60 ns
// per record.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "timing.h"

namespace penstock::benchmark::bounded_memory {

inline constexpr std::size_t kBatch = 1024;
inline constexpr int kSlowness = 36;  // rounds of hashing per record, each about 1.5 ns of dependent work
inline constexpr const char* kSmall = "1 M records";
inline constexpr const char* kLarge = "100 M records";

/// Numbers, and when they left the source.
struct Batch {
  std::int64_t made_at_ns = 0;
  std::vector<std::uint64_t> records = {};
};

/// Fills `batch` with the records from `first` on.
inline void make(Batch& batch, std::uint64_t first, std::uint64_t records) {
  batch.records.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, records - first)));
  for (std::size_t i = 0; i < batch.records.size(); ++i) batch.records[i] = (first + i) * 0x9E3779B97F4A7C15u;
  batch.made_at_ns = now_ns();
}

/// Consumes batches in order.
class SlowSink {
 public:
  void take(const Batch& batch) {
    for (const std::uint64_t record : batch.records) {
      for (int i = 0; i < kSlowness; ++i) hash_ = (hash_ ^ (hash_ >> 31)) * 0x9FB21C651E98DF25u + record;
    }
    latencies_.add(now_ns() - batch.made_at_ns);
  }
  Outcome outcome() const {
    Outcome outcome{.result = hash_};
    latencies_.fill(outcome);
    return outcome;
  }

 private:
  std::uint64_t hash_ = 1;
  Latencies latencies_;
};

/// `run` with both numbers of records.
inline std::vector<Contender> both(const char* name, Outcome (*run)(std::uint64_t), bool baseline = false) {
  return {{kSmall, name, run, baseline, 1'000'000}, {kLarge, name, run, baseline, 100'000'000}};
}

}  // namespace penstock::benchmark::bounded_memory
