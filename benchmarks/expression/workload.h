// SPDX-License-Identifier: MIT
// The batch that every contender works on, again and again.
#pragma once

#include <penstock/batch.h>

#include <cstring>
#include <random>

#include "timing.h"

namespace penstock::benchmark {

inline constexpr std::size_t kBatchRows = 10'000;

inline const RecordBatch& orders() {
  static const RecordBatch kBatch = [] {
    RecordBatchBuilder builder(*make_schema({{"amount", Type::kFloat64}, {"quantity", Type::kInt64}}),
                               BufferPool::shared());
    std::mt19937_64 random(1);
    for (std::size_t row = 0; row < kBatchRows; ++row) {
      builder.column(0).append_float64(static_cast<double>(random() % 1'000'000) / 100 - 1000);
      builder.column(1).append_int64(static_cast<std::int64_t>(random() % 10) - 1);
    }
    return builder.finish();
  }();
  return kBatch;
}

/// Folds a result into a number that differs when the result does.
inline void fold(std::uint64_t& digest, std::uint64_t value) {
  digest = (digest ^ value) * 0x9E3779B97F4A7C15 + (digest >> 29);
}

inline std::uint64_t digest_rows(const std::vector<std::uint32_t>& rows) {
  std::uint64_t digest = rows.size();
  for (const std::uint32_t row : rows) fold(digest, row);
  return digest;
}

inline std::uint64_t digest_words(const void* words, std::size_t count) {
  std::uint64_t digest = count;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t word;
    std::memcpy(&word, static_cast<const char*>(words) + 8 * i, 8);
    fold(digest, word);
  }
  return digest;
}

/// Calls `work` for as many batches as `records` asks, then digests what is left of the last one.
template <class Work, class Digest>
Outcome repeat(std::uint64_t records, Work work, Digest digest) {
  for (std::uint64_t done = 0; done < records; done += kBatchRows) work();
  return {.result = digest()};
}

}  // namespace penstock::benchmark
