// SPDX-License-Identifier: MIT
#include "operators/etl/group_table.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#define XXH_INLINE_ALL  // keys are short: a call would cost as much as the hash
#include <xxhash.h>

#include "base/check.h"
#include "operators/etl/key_word.h"

namespace penstock {
namespace {

constexpr std::size_t kFirstSlots = 256;
constexpr std::size_t kCachedSlots = 2'048;  // so many stay in the first cache
constexpr std::size_t kMostGroups = GroupTable::kNone - 1;

std::uint64_t hash_of(std::uint64_t word) noexcept {
  // the finaliser of MurmurHash3 (A. Appleby): neighbouring numbers, and doubles with empty low bits, spread over all
  // slots
  word = (word ^ word >> 33) * 0xFF51'AFD7'ED55'8CCDU;
  word = (word ^ word >> 33) * 0xC4CE'B9FE'1A85'EC53U;
  return word ^ word >> 33;
}

template <class Word>
bool same_ends(const char* a, const char* b, std::size_t size) noexcept {
  Word words[4];
  std::memcpy(&words[0], a, sizeof(Word));
  std::memcpy(&words[1], b, sizeof(Word));
  std::memcpy(&words[2], a + size - sizeof(Word), sizeof(Word));
  std::memcpy(&words[3], b + size - sizeof(Word), sizeof(Word));
  return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
}

// Most keys are short: a call of memcmp would cost more than the comparison.
bool same(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size > 16) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8) return same_ends<std::uint64_t>(a.data(), b.data(), size);
  if (size >= 4) return same_ends<std::uint32_t>(a.data(), b.data(), size);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

std::uint64_t hash_of(std::string_view text) noexcept { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

GroupTable::GroupTable(std::vector<KeyColumn> columns)
    : kind_(columns.empty()                       ? Kind::kNoColumn
            : columns.size() > 1                  ? Kind::kRows
            : columns.front().type == Type::kUtf8 ? Kind::kText
                                                  : Kind::kWord),
      keys_(std::move(columns)),
      slots_(kFirstSlots) {}

inline std::size_t GroupTable::probe(std::uint64_t hash, std::uint64_t) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].group != kNone && slots_[at].hash != hash) at = (at + 1) & mask;
  return at;
}

inline std::size_t GroupTable::probe(std::uint64_t hash, std::string_view text) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].group != kNone && (slots_[at].hash != hash || !same(texts_[slots_[at].group], text)))
    at = (at + 1) & mask;
  return at;
}

// Asks for the slot of a row some way ahead, so that the misses of a table larger than the caches overlap.
void GroupTable::prefetch(const std::vector<std::uint64_t>& hashes, std::size_t row) const noexcept {
  constexpr std::size_t kAhead = 16;
  if (slots_.size() > kCachedSlots && row + kAhead < hashes.size())
    __builtin_prefetch(&slots_[hashes[row + kAhead] & (slots_.size() - 1)]);
}

template <class Key>
inline std::uint32_t GroupTable::group_of(std::uint64_t hash, Key key) {
  const std::size_t at = probe(hash, key);
  return slots_[at].group != kNone ? slots_[at].group : new_group(at, hash, key);
}

template <class Key>
std::uint32_t GroupTable::new_group(std::size_t at, std::uint64_t hash, Key key) {
  if (2 * (size_ + 1) > slots_.size()) {
    grow();
    at = probe(hash, key);
  }
  PENSTOCK_CHECK(size_ < kMostGroups, "more groups than a table can number");
  slots_[at] = {hash, static_cast<std::uint32_t>(size_)};
  keep(key);
  return static_cast<std::uint32_t>(size_++);
}

std::uint32_t GroupTable::null_group() {
  if (null_group_ == kNone) {
    null_group_ = static_cast<std::uint32_t>(size_++);
    // holds the place; no slot leads to it
    if (kind_ == Kind::kWord) {
      keep(std::uint64_t{0});
    } else {
      keep(std::string_view());
    }
  }
  return null_group_;
}

void GroupTable::grow() {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.group == kNone) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].group != kNone) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

void GroupTable::add(const RecordBatch& batch, std::vector<std::uint32_t>& groups) {
  const std::size_t rows = batch.num_rows();
  groups.resize(rows);
  switch (kind_) {
    case Kind::kNoColumn:
      if (rows > 0) size_ = 1;
      std::fill(groups.begin(), groups.end(), 0);
      break;
    case Kind::kWord: {
      const Column& column = batch.column(keys_.columns().front().index);
      hashes_.resize(rows);
      for_each_key_word(column, [&](std::size_t row, std::uint64_t word) { hashes_[row] = hash_of(word); });
      for_each_key_word(column, [&](std::size_t row, std::uint64_t word) {
        prefetch(hashes_, row);
        groups[row] = column.is_null(row) ? null_group() : group_of(hashes_[row], word);
      });
      break;
    }
    case Kind::kText: {
      const Column& column = batch.column(keys_.columns().front().index);
      hashes_.resize(rows);
      for (std::size_t row = 0; row < rows; ++row) hashes_[row] = hash_of(column.text(row));
      for (std::size_t row = 0; row < rows; ++row) {
        prefetch(hashes_, row);
        groups[row] = column.is_null(row) ? null_group() : group_of(hashes_[row], column.text(row));
      }
      break;
    }
    case Kind::kRows:
      keys_.encode(batch);
      hashes_.resize(rows);
      for (std::size_t row = 0; row < rows; ++row) hashes_[row] = hash_of(keys_.key(row));
      for (std::size_t row = 0; row < rows; ++row) {
        prefetch(hashes_, row);
        groups[row] = group_of(hashes_[row], keys_.key(row));
      }
      break;
  }
}

void GroupTable::merge(const GroupTable& other, std::vector<std::uint32_t>& groups) {
  groups.resize(other.size_);
  if (kind_ == Kind::kNoColumn) {
    size_ = std::max(size_, other.size_);
    std::fill(groups.begin(), groups.end(), 0);
    return;
  }
  for (std::uint32_t group = 0; group < other.size_; ++group) {
    if (group == other.null_group_) {
      groups[group] = null_group();
    } else if (kind_ == Kind::kWord) {
      groups[group] = group_of(hash_of(other.words_[group]), other.words_[group]);
    } else {
      groups[group] = group_of(hash_of(other.texts_[group]), other.texts_[group]);
    }
  }
}

void GroupTable::save(StateWriter& to) const {
  to.integer(size_);
  to.integer(null_group_);
  for (const std::uint64_t word : words_) to.integer(word);
  for (const std::string_view text : texts_) to.text(text);
}

void GroupTable::restore(StateReader& from) {
  const std::uint64_t size = from.integer();
  const std::uint64_t null = from.integer();
  if (kind_ == Kind::kNoColumn) {
    size_ = static_cast<std::size_t>(size);
    return;
  }
  for (std::uint64_t group = 0; group < size; ++group) {
    // Every group has its place among the keys, that of null too.
    const std::uint64_t word = kind_ == Kind::kWord ? from.integer() : 0;
    const std::string_view text = kind_ == Kind::kWord ? std::string_view() : from.text();
    if (group == null) {
      null_group();
    } else if (kind_ == Kind::kWord) {
      group_of(hash_of(word), word);
    } else {
      group_of(hash_of(text), text);
    }
  }
}

void GroupTable::find(const RecordBatch& batch, RowKeys& keys, std::vector<std::uint32_t>& groups) const {
  const std::size_t rows = batch.num_rows();
  groups.resize(rows);
  switch (kind_) {
    case Kind::kNoColumn: std::fill(groups.begin(), groups.end(), size_ == 0 ? kNone : 0); break;
    case Kind::kWord: {
      const Column& column = batch.column(keys.columns().front().index);
      for_each_key_word(column, [&](std::size_t row, std::uint64_t word) {
        groups[row] = column.is_null(row) ? null_group_ : slots_[probe(hash_of(word), word)].group;
      });
      break;
    }
    case Kind::kText: {
      const Column& column = batch.column(keys.columns().front().index);
      for (std::size_t row = 0; row < rows; ++row) {
        const std::string_view text = column.text(row);
        groups[row] = column.is_null(row) ? null_group_ : slots_[probe(hash_of(text), text)].group;
      }
      break;
    }
    case Kind::kRows:
      keys.encode(batch);
      for (std::size_t row = 0; row < rows; ++row) {
        groups[row] = slots_[probe(hash_of(keys.key(row)), keys.key(row))].group;
      }
      break;
  }
}

std::size_t GroupTable::size_bytes() const noexcept {
  return slots_.capacity() * sizeof(Slot) + words_.capacity() * sizeof(std::uint64_t) +
         texts_.capacity() * sizeof(std::string_view) + arena_.size_bytes();
}

bool GroupTable::less(std::uint32_t a, std::uint32_t b) const noexcept {
  if (a == null_group_ || b == null_group_) return a != b && a == null_group_;
  return kind_ == Kind::kWord ? words_[a] < words_[b] : texts_[a] < texts_[b];
}

std::vector<std::uint32_t> GroupTable::sorted() const {
  std::vector<std::uint32_t> groups(size_);
  std::iota(groups.begin(), groups.end(), 0U);
  if (kind_ != Kind::kNoColumn) {
    std::sort(groups.begin(), groups.end(), [this](std::uint32_t a, std::uint32_t b) { return less(a, b); });
  }
  return groups;
}

void GroupTable::append_key(std::uint32_t group, std::span<ColumnBuilder> builders) const {
  if (group == null_group_) {
    builders.front().append_null();
    return;
  }
  switch (kind_) {
    case Kind::kNoColumn: return;
    case Kind::kWord: return append_key_word(builders.front(), words_[group]);
    case Kind::kText: return builders.front().append_text(texts_[group]);
    case Kind::kRows: return keys_.decode(texts_[group], builders);
  }
}

}  // namespace penstock
