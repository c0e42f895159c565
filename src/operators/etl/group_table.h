// SPDX-License-Identifier: MIT
// Numbers the distinct keys of rows: the hash table behind aggregate, distinct and join.
#pragma once

#include <penstock/operator.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "operators/etl/byte_arena.h"
#include "operators/etl/row_keys.h"

namespace penstock {

/// Maps keys to group numbers 0, 1, 2 … in order of appearance. Used by one worker.
///
/// Nulls are equal to each other, as are all NaN, and 0 and -0. A key of one column is kept as it is; of several
/// columns as the bytes of RowKeys; of none, all rows are one group. Open addressing with linear probing, at most half
/// full, no allocation per row. Holds up to 2^32 - 2 groups.
class GroupTable {
 public:
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);

  /// `columns` are ascending with nulls first.
  explicit GroupTable(std::vector<KeyColumn> columns = {});

  /// Sets groups[i] to the group of row i, adding the keys that are new. A batch never adds more groups than it has
  /// rows.
  void add(const RecordBatch& batch, std::vector<std::uint32_t>& groups);
  /// Sets groups[i] to the group of row i, kNone when its key was never added. `keys` names the columns in `batch`;
  /// their types are those of the table's.
  void find(const RecordBatch& batch, RowKeys& keys, std::vector<std::uint32_t>& groups) const;

  /// Adds the keys of `other`, a table of the same columns, and sets groups[i] to the group here of its group i.
  void merge(const GroupTable& other, std::vector<std::uint32_t>& groups);

  void save(StateWriter& to) const;
  /// Adds the keys that a table of the same columns saved to this one, which is empty: groups keep their numbers.
  void restore(StateReader& from);

  std::size_t size() const noexcept { return size_; }
  /// Bytes of the heap that the table holds.
  std::size_t size_bytes() const noexcept;
  /// Returns the groups in the order of their keys: column by column, nulls first.
  std::vector<std::uint32_t> sorted() const;
  /// Appends the key of `group` to `builders`, one per column.
  void append_key(std::uint32_t group, std::span<ColumnBuilder> builders) const;

 private:
  enum class Kind : std::uint8_t { kNoColumn, kWord, kText, kRows };
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t group = kNone;
  };

  // The slot of the key, or the free one where it belongs.
  std::size_t probe(std::uint64_t hash, std::uint64_t word) const noexcept;
  std::size_t probe(std::uint64_t hash, std::string_view text) const noexcept;
  template <class Key>
  std::uint32_t group_of(std::uint64_t hash, Key key);
  // Puts a key that is not there yet into the free slot `at`.
  template <class Key>
  std::uint32_t new_group(std::size_t at, std::uint64_t hash, Key key);
  std::uint32_t null_group();
  void keep(std::uint64_t word) { words_.push_back(word); }
  void keep(std::string_view text) { texts_.emplace_back(arena_.add(text), text.size()); }
  void prefetch(const std::vector<std::uint64_t>& hashes, std::size_t row) const noexcept;
  void grow();
  bool less(std::uint32_t a, std::uint32_t b) const noexcept;

  Kind kind_;
  RowKeys keys_;
  std::size_t size_ = 0;
  std::uint32_t null_group_ = kNone;     // when the key is one column
  std::vector<Slot> slots_;              // a power of two
  std::vector<std::uint64_t> words_;     // kWord: of each group
  std::vector<std::string_view> texts_;  // kText and kRows: of each group, in arena_
  std::vector<std::uint64_t> hashes_;    // of the batch at hand
  ByteArena arena_;
};

}  // namespace penstock
