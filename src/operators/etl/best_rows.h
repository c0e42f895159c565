// SPDX-License-Identifier: MIT
// Keeps a bounded number of rows out of a stream: those with the smallest keys.
#pragma once

#include <penstock/operator.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "operators/etl/byte_arena.h"

namespace penstock {

/// The `limit` rows with the smallest keys so far; of equal keys the earlier rows. Used by one worker.
///
/// Holds up to 2 · limit + 1,024 rows between two compactions. Cost: a comparison for a row that is not wanted;
/// amortised constant, beside the copy, for one that is.
class BestRows {
 public:
  static constexpr std::int64_t kMostRows = 1'000'000'000;

  /// `limit` is at most kMostRows.
  BestRows(SchemaPtr schema, std::size_t limit, BufferPool& pool);

  /// True when a row with this key would be among the best.
  bool wants(std::string_view key) const noexcept { return limit_ > 0 && (!full_ || key < worst_); }
  /// Adds row `row` of `batch`; rows come in the order of the stream. Requires `wants(key)`. kResourceExhausted when
  /// the texts of one column would pass the 2 GiB of a record batch.
  Status add(const RecordBatch& batch, std::size_t row, std::string_view key);

  enum class Order : std::uint8_t { kByKey, kAsTheyCame };
  /// Returns the best rows. Nothing may be added afterwards.
  std::vector<RecordBatch> finish(Order order, std::size_t batch_size);

  void save(StateWriter& to);
  /// Takes what another one with the same limit and schema saved; this one is empty. kDataLoss when it is not that.
  Status restore(StateReader& from);

  std::size_t heap_bytes() const noexcept { return keys_.size_bytes() + entries_.capacity() * sizeof(Entry); }
  std::size_t pooled_bytes() const noexcept;

 private:
  struct Entry {
    std::string_view key;  // in keys_
    std::uint32_t row;     // in rows_
    friend bool operator<(const Entry& a, const Entry& b) noexcept {
      return a.key != b.key ? a.key < b.key : a.row < b.row;
    }
  };
  bool texts_fit(const RecordBatch& batch, std::size_t row);
  void compact();
  void take_rows_of(const RecordBatch& batch);

  std::size_t limit_;
  BufferPool* pool_;
  RecordBatchBuilder rows_;  // in the order of the stream
  std::vector<Entry> entries_;
  ByteArena keys_;
  bool full_ = false;       // worst_ is set
  std::string_view worst_;  // key of the worst of the best at the last compaction
};

}  // namespace penstock
