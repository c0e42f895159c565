// SPDX-License-Identifier: MIT
// The columns that every contender works on, again and again: in the first case all of them fit into a cache of 512
// KiB, in the other they come from memory.
#pragma once

#include <penstock/batch.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "timing.h"

namespace penstock::benchmark {

inline constexpr std::size_t kSmallRows = 8'192;      // in and out: 128 KiB
inline constexpr std::size_t kLargeRows = 8'388'608;  // in and out: 128 MiB

/// Two columns x and y of positive numbers with nothing special among them.
inline RecordBatch make_numbers(std::size_t rows) {
  RecordBatchBuilder builder(*make_schema({{"x", Type::kFloat64}, {"y", Type::kFloat64}}), BufferPool::shared());
  std::mt19937_64 random(1);
  for (std::size_t row = 0; row < rows; ++row) {
    builder.column(0).append_float64(static_cast<double>(random() % 1'000'000) / 128 + 0.5);
    builder.column(1).append_float64(static_cast<double>(random() % 1'000'000) / 128 + 0.5);
  }
  return builder.finish();
}

template <std::size_t kRows>
const RecordBatch& numbers() {
  static const RecordBatch kBatch = make_numbers(kRows);
  return kBatch;
}

/// Folds the bits of a column into a number that differs when they do.
inline std::uint64_t digest(const double* values, std::size_t count) {
  std::uint64_t all = count;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t word;
    std::memcpy(&word, values + i, 8);
    all = (all ^ word) * 0x9E3779B97F4A7C15 + (all >> 29);
  }
  return all;
}

/// Calls `work(x, y, out)` for as many rows as `records` asks, then digests the last result.
template <std::size_t kRows, class Work>
Outcome repeat(std::uint64_t records, Work work) {
  const double* const x = numbers<kRows>().column(0).float64s().data();
  const double* const y = numbers<kRows>().column(1).float64s().data();
  static std::vector<double> out(kRows);
  for (std::uint64_t done = 0; done < records; done += kRows) {
    work(x, y, out.data());
    asm volatile("" : : "r"(out.data()) : "memory");
  }
  return {.result = digest(out.data(), kRows)};
}

}  // namespace penstock::benchmark
