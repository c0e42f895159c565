// SPDX-License-Identifier: MIT
// Ids and metadata of a store's rows, by slot: the number of the row in the order in which they were put.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock {

/// Thread-compatible. A row that is replaced keeps its slot, without being alive.
class RowTable {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// The slot of an id, or kNone.
  std::uint32_t slot_of(std::string_view id) const {
    const auto found = slots_.find(id);
    return found == slots_.end() ? kNone : found->second;
  }
  /// Whether the row in `slot` was put with the same metadata and the same vector, by the hashes of both.
  bool is_same(std::uint32_t slot, std::string_view metadata, const void* vector, std::size_t vector_bytes) const;
  /// Puts a row into the next slot; one with its id is dead then. Requires room below kNone.
  void add(std::string_view id, std::string_view metadata, const void* vector, std::size_t vector_bytes);

  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(ids_.size()); }
  std::uint32_t dead() const noexcept { return size() - static_cast<std::uint32_t>(slots_.size()); }
  std::span<const std::uint8_t> alive() const noexcept { return alive_; }
  const std::string& id(std::uint32_t slot) const { return ids_[slot]; }
  const std::string& metadata(std::uint32_t slot) const { return metadata_[slot]; }

 private:
  struct Hashes {
    std::uint64_t metadata;
    std::uint64_t vector;
    friend bool operator==(const Hashes&, const Hashes&) = default;
  };
  static Hashes hashes_of(std::string_view metadata, const void* vector, std::size_t vector_bytes);

  std::deque<std::string> ids_;  // which stay where they are
  std::deque<std::string> metadata_;
  std::vector<Hashes> hashes_;
  std::vector<std::uint8_t> alive_;
  std::unordered_map<std::string_view, std::uint32_t> slots_;
};

}  // namespace penstock
