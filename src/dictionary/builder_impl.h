// SPDX-License-Identifier: MIT
// What a builder keeps beside the block.
#pragma once

#include <penstock/dictionary_builder.h>

#include <optional>
#include <utility>
#include <vector>

#include "dictionary/builder_memory.h"
#include "dictionary/shape_table.h"

namespace penstock {

/// An entry that waits for its dict's hash index.
struct PendingEntry {
  std::uint64_t hash;
  std::uint64_t place;
};

/// A dict or list that is not complete.
struct DictionaryBuilder::Frame {
  enum class Kind : std::uint8_t { kIndexed, kShaped, kList };
  Kind kind = Kind::kIndexed;
  bool has_key = false;           // a key that waits for its value
  ShapeTable::Node node = 0;      // of the keys so far, if shaped
  std::size_t staged_begin = 0;   // its values among the staged ones, if shaped or a list
  std::size_t pending_begin = 0;  // its entries among the pending ones, if indexed
  std::uint64_t entry = 0;        // that waits for its value; 0: no room for it
  std::uint64_t first_entry = 0;
  std::uint64_t last_entry = 0;
};

struct DictionaryBuilder::Impl {
  Impl(Options wanted, std::unique_ptr<DictionarySink> memory)
      : options(wanted), own(std::move(memory)), sink(own.get()) {}
  Impl(Options wanted, DictionarySink& memory) : options(wanted), sink(&memory) {}

  /// Keeps the first error; returns false.
  bool fail(Error failure);
  bool fail_twice(std::string_view key);
  bool check_key(std::string_view key);
  bool check_keys(std::vector<std::string_view> keys);
  static void set_step(std::byte* memory, std::uint64_t entry, std::uint64_t next) noexcept {
    dictionary_format::store(memory + entry + offsetof(dictionary_format::Entry, step),
                             static_cast<std::uint32_t>((next - entry) / 8));
  }

  Options options;
  std::unique_ptr<DictionarySink> own;
  DictionarySink* sink;
  std::optional<Error> error;
  ShapeTable table;
  std::vector<std::uint32_t> places;  // of the shapes in this block, in units of 8 bytes, by ordinal
  std::vector<Frame> frames;          // the root first
  std::vector<Encoded> staged;
  std::vector<PendingEntry> pending;
};

}  // namespace penstock
