// SPDX-License-Identifier: MIT
// 512 values per vector: 200 groups around random centres, as pictures of few subjects give them, and noise. Seeded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "timing.h"

namespace penstock::benchmark::vectors {

constexpr std::size_t kDimension = 512;
constexpr std::size_t kStored = 10'000;  // where searches look
constexpr std::size_t kQueries = 200;
constexpr std::size_t kNeighbors = 10;
constexpr std::size_t kBatch = 50;     // rows per call of insert
constexpr std::size_t kBreadth = 256;  // candidates in sight of a search
constexpr std::size_t kLinks = 16;
constexpr std::size_t kLinkBreadth = 200;

/// Of length one, as the metric cosine wants them.
inline const std::vector<float>& values(std::size_t count) {
  static std::vector<float> all;  // records of an insert: 11,800 at most
  if (all.size() >= count * kDimension) return all;
  all.clear();
  std::mt19937_64 random(42);
  std::normal_distribution<float> normal;
  std::vector<float> centres(200 * kDimension);
  for (float& value : centres) value = normal(random);
  for (std::size_t row = 0; row < count; ++row) {
    const float* const centre = centres.data() + random() % 200 * kDimension;
    float squares = 0;
    for (std::size_t i = 0; i < kDimension; ++i) {
      all.push_back(centre[i] + 0.5F * normal(random));
      squares += all.back() * all.back();
    }
    const float length = std::sqrt(squares);
    for (std::size_t i = all.size() - kDimension; i < all.size(); ++i) all[i] /= length;
  }
  return all;
}

/// All that a run needs; made by the untimed run before it.
inline const float* vector_of(std::size_t row) { return values(12'000).data() + row * kDimension; }
/// Queries are rows behind all that are inserted.
inline const float* query_of(std::size_t query) { return vector_of(11'800 + query % kQueries); }

/// The ten nearest of the first kStored rows, by looking at all of them.
inline const std::vector<std::vector<std::uint32_t>>& nearest() {
  static const std::vector<std::vector<std::uint32_t>> all = [] {
    std::vector<std::vector<std::uint32_t>> made(kQueries);
    for (std::size_t query = 0; query < kQueries; ++query) {
      std::vector<std::pair<float, std::uint32_t>> rows(kStored);
      for (std::uint32_t row = 0; row < kStored; ++row) {
        float dot = 0;
        for (std::size_t i = 0; i < kDimension; ++i) dot += query_of(query)[i] * vector_of(row)[i];
        rows[row] = {-dot, row};
      }
      std::partial_sort(rows.begin(), rows.begin() + kNeighbors, rows.end());
      for (std::size_t i = 0; i < kNeighbors; ++i) made[query].push_back(rows[i].second);
    }
    return made;
  }();
  return all;
}

/// Divides `count` among `threads` in pieces of `piece`, and calls work(begin, end).
template <class Work>
void divided(std::size_t count, int threads, std::size_t piece, Work work) {
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread) {
    running.emplace_back([=] {
      for (std::size_t at = static_cast<std::size_t>(thread) * piece; at < count;
           at += piece * static_cast<std::size_t>(threads))
        work(at, std::min(at + piece, count));
    });
  }
  for (std::thread& each : running) each.join();
}

/// Searches `count` times; search(query, rows) gives the rows found. The result is the number of searches when they
/// found at least 95 % of what is nearest, else 0.
template <class Search>
Outcome searches(std::uint64_t count, int threads, Search search) {
  std::vector<std::uint64_t> hits(count);
  divided(count, threads, kBatch, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> rows;
    for (std::size_t query = begin; query < end; ++query) {
      rows.clear();
      search(query_of(query), rows);
      for (const std::uint32_t row : rows)
        hits[query] += static_cast<std::uint64_t>(std::ranges::count(nearest()[query % kQueries], row));
    }
  });
  std::uint64_t all = 0;
  for (const std::uint64_t each : hits) all += each;
  return {.result = all * 20 >= count * kNeighbors * 19 ? count : 0};
}

}  // namespace penstock::benchmark::vectors
