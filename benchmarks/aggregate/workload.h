// SPDX-License-Identifier: MIT
// The rows to group, the same for every contender.
#pragma once

#include <penstock/batch.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "timing.h"

namespace penstock::benchmark::aggregate {

inline constexpr std::size_t kBatchRows = 10'000;
inline constexpr std::size_t kBatches = 100;

/// What the keys look like; the columns are key, amount, and for kPair a second key.
enum class Keys { kFewTexts, kFewIntegers, kPair, kManyIntegers };

/// A million rows; amounts are whole, so that sums in double are exact.
template <Keys kKeys>
const std::vector<RecordBatch>& batches() {
  static const std::vector<RecordBatch> made = [] {
    const bool text = kKeys == Keys::kFewTexts || kKeys == Keys::kPair;
    const auto schema = std::make_shared<const Schema>(std::vector<Field>{
        {"key", text ? Type::kUtf8 : Type::kInt64}, {"amount", Type::kFloat64}, {"other", Type::kInt64}});
    std::mt19937_64 random(7);
    std::vector<RecordBatch> batches;
    for (std::size_t b = 0; b < kBatches; ++b) {
      RecordBatchBuilder builder(schema, BufferPool::shared());
      for (std::size_t i = 0; i < kBatchRows; ++i) {
        const std::uint64_t key = random() % (kKeys == Keys::kManyIntegers ? 1'000'000 : 16);
        if (text) {
          builder.column(0).append_text(std::string("country") + static_cast<char>('A' + key));
        } else {
          builder.column(0).append_int64(static_cast<std::int64_t>(key * 1'000'003));
        }
        builder.column(1).append_float64(static_cast<double>(random() % 1'000'000));
        builder.column(2).append_int64(static_cast<std::int64_t>(random() % 4));
      }
      batches.push_back(builder.finish());
    }
    return batches;
  }();
  return made;
}

/// Calls `use(batch)` until `records` rows are done; whole batches.
template <Keys kKeys, class Use>
void over_batches(std::uint64_t records, Use use) {
  for (std::uint64_t done = 0; done < records;) {
    const RecordBatch& batch = batches<kKeys>()[(done / kBatchRows) % kBatches];
    use(batch);
    done += batch.num_rows();
  }
}

/// The same for the same groups in any order.
class Digest {
 public:
  void add(std::uint64_t count, double sum) {
    const std::uint64_t word = count * 0x9E37'79B9'7F4A'7C15U ^ std::bit_cast<std::uint64_t>(sum);
    total_ += word * 0xFF51'AFD7'ED55'8CCDU;
  }
  Outcome outcome() const { return {.result = total_}; }

 private:
  std::uint64_t total_ = 0;
};

}  // namespace penstock::benchmark::aggregate
