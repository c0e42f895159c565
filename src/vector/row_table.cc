// SPDX-License-Identifier: MIT
#include "vector/row_table.h"

#include <xxhash.h>

namespace penstock {

RowTable::Hashes RowTable::hashes_of(std::string_view metadata, const void* vector, std::size_t vector_bytes) {
  return {XXH3_64bits(metadata.data(), metadata.size()), XXH3_64bits(vector, vector_bytes)};
}

bool RowTable::is_same(std::uint32_t slot, std::string_view metadata, const void* vector,
                       std::size_t vector_bytes) const {
  return hashes_[slot] == hashes_of(metadata, vector, vector_bytes);
}

void RowTable::add(std::string_view id, std::string_view metadata, const void* vector, std::size_t vector_bytes) {
  const std::uint32_t slot = size();
  ids_.emplace_back(id);
  metadata_.emplace_back(metadata);
  hashes_.push_back(hashes_of(metadata, vector, vector_bytes));
  alive_.push_back(1);
  const auto [entry, is_new] = slots_.try_emplace(ids_.back(), slot);
  if (is_new) return;
  alive_[entry->second] = 0;
  entry->second = slot;
}

}  // namespace penstock
