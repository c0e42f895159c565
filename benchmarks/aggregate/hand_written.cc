// SPDX-License-Identifier: MIT
// The loop that one writes for the case at hand: std::unordered_map, plain sums.
#include <string>
#include <string_view>
#include <unordered_map>

#include "workload.h"

namespace penstock::benchmark::aggregate {
namespace {

struct Totals {
  std::uint64_t count = 0;
  double sum = 0;
};

template <class Groups>
Outcome digest(const Groups& groups) {
  Digest digest;
  for (const auto& [key, totals] : groups) digest.add(totals.count, totals.sum);
  return digest.outcome();
}

template <Keys kKeys, class Key, class KeyOf, class Hash = std::hash<Key>>
Outcome group(std::uint64_t records, KeyOf key_of) {
  std::unordered_map<Key, Totals, Hash> groups;
  over_batches<kKeys>(records, [&](const RecordBatch& batch) {
    for (std::size_t row = 0; row < batch.num_rows(); ++row) {
      Totals& totals = groups[key_of(batch, row)];
      ++totals.count;
      totals.sum += batch.column(1).float64s()[row];
    }
  });
  return digest(groups);
}

// The texts stay where they are for the whole run, so the map need not own them.
Outcome few_texts(std::uint64_t records) {
  return group<Keys::kFewTexts, std::string_view>(
      records, [](const RecordBatch& batch, std::size_t row) { return batch.column(0).text(row); });
}

template <Keys kKeys>
Outcome integers(std::uint64_t records) {
  return group<kKeys, std::int64_t>(
      records, [](const RecordBatch& batch, std::size_t row) { return batch.column(0).int64s()[row]; });
}

struct PairHash {
  std::size_t operator()(const std::pair<std::string_view, std::int64_t>& pair) const noexcept {
    return std::hash<std::string_view>()(pair.first) * 31 + std::hash<std::int64_t>()(pair.second);
  }
};

Outcome pairs(std::uint64_t records) {
  return group<Keys::kPair, std::pair<std::string_view, std::int64_t>,
               std::pair<std::string_view, std::int64_t> (*)(const RecordBatch&, std::size_t), PairHash>(
      records, [](const RecordBatch& batch, std::size_t row) {
        return std::pair<std::string_view, std::int64_t>(batch.column(0).text(row), batch.column(2).int64s()[row]);
      });
}

const Register registered({
    {"16 texts", "std::unordered_map, plain sums", few_texts, true},
    {"16 integers", "std::unordered_map, plain sums", integers<Keys::kFewIntegers>, true},
    {"64 pairs of text and integer", "std::unordered_map, plain sums", pairs, true},
    {"632,000 integers", "std::unordered_map, plain sums", integers<Keys::kManyIntegers>, true},
});

}  // namespace
}  // namespace penstock::benchmark::aggregate
