// SPDX-License-Identifier: MIT
// Hash indexes, and the end of a block.
#include "base/check.h"
#include "dictionary/builder_impl.h"
#include "dictionary/index_limits.h"
#include "dictionary/key_hash.h"

namespace penstock {

namespace format = dictionary_format;

namespace {

std::string_view key_at(const std::byte* memory, std::uint64_t entry) noexcept {
  const auto head = format::load<format::Entry>(memory + entry);
  return {reinterpret_cast<const char*>(memory + entry + sizeof head), head.key_length};
}

enum class Filled : std::uint8_t { kWhole, kKeyTwice, kTooManyProbes };

/// Fills the slots of the index at `node` with linear probing; `twice` is an entry whose key another one has.
Filled fill_slots(std::byte* memory, std::uint64_t node, std::uint64_t num_slots, std::span<const PendingEntry> entries,
                  std::uint64_t& twice) {
  std::byte* const slots = memory + node + sizeof(format::Index);
  std::memset(slots, 0, 8 * num_slots);
  std::uint64_t probes_left = probes_allowed(entries.size());
  for (const PendingEntry& entry : entries) {
    const std::uint64_t word = format::index_word(entry.hash, (node - entry.place) / 8);
    for (std::uint64_t at = format::home_of(entry.hash, num_slots);;) {
      const auto taken = format::load<std::uint64_t>(slots + 8 * at);
      if (probes_left-- == 0) return Filled::kTooManyProbes;
      if (taken == 0) {
        format::store(slots + 8 * at, word);
        break;
      }
      if ((taken ^ word) >> format::kDistanceBits == 0) {
        const std::uint64_t other = node - (taken & ((std::uint64_t{1} << format::kDistanceBits) - 1)) * 8;
        twice = entry.place;
        if (key_at(memory, other) == key_at(memory, entry.place)) return Filled::kKeyTwice;
      }
      if (++at == num_slots) at = 0;
    }
  }
  return Filled::kWhole;
}

}  // namespace

DictionaryBuilder::Encoded DictionaryBuilder::end_index(const Frame& frame) {
  Impl& impl = *impl_;
  const std::span<PendingEntry> entries = std::span(impl.pending).subspan(frame.pending_begin);
  const std::uint64_t num_slots = slots_for(entries.size());
  if (!room(sizeof(format::Index) + 8 * num_slots)) return {};
  const std::uint64_t node = at_;
  at_ += sizeof(format::Index) + 8 * num_slots;
  if (frame.last_entry != 0) impl.set_step(memory_, frame.last_entry, node);
  // Another seed only against keys that were chosen to collide; each is enough but once in a blue moon.
  for (std::uint64_t seed = 0; !impl.error; ++seed) {
    if (seed > 0) {
      for (PendingEntry& entry : entries) entry.hash = key_hash(key_at(memory_, entry.place), seed);
    }
    std::uint64_t twice = 0;
    const Filled filled = fill_slots(memory_, node, num_slots, entries, twice);
    if (filled == Filled::kKeyTwice) impl.fail_twice(key_at(memory_, twice));
    if (filled != Filled::kWhole) continue;
    const std::uint64_t first = frame.first_entry == 0 ? 0 : node - frame.first_entry;
    format::store(memory_ + node, format::Index{entries.size(), seed, num_slots, first});
    break;
  }
  impl.pending.resize(frame.pending_begin);
  return {Tag::kIndexed, 0, node};
}

Result<std::span<const std::byte>> DictionaryBuilder::finish() {
  Impl& impl = *impl_;
  PENSTOCK_CHECK(impl.frames.size() == 1 && !impl.frames.back().has_key,
                 "DictionaryBuilder: finish while a dict or list is open or a key has no value");
  if (impl.error) return *impl.error;
  const std::uint64_t root = end_index(impl.frames.back()).word;
  const std::size_t directory_bytes = format::padded(4 * impl.places.size());
  if (!room(directory_bytes + format::kTrailerBytes) || impl.error) return *impl.error;
  const std::uint64_t directory = at_;
  std::memset(memory_ + at_, 0, directory_bytes);
  if (!impl.places.empty()) std::memcpy(memory_ + at_, impl.places.data(), 4 * impl.places.size());
  at_ += directory_bytes + format::kTrailerBytes;

  format::Header header{.magic = {},
                        .major_version = format::kMajorVersion,
                        .minor_version = format::kMinorVersion,
                        .header_bytes = sizeof header,
                        .size = at_,
                        .root = root,
                        .shapes = directory,
                        .num_shapes = static_cast<std::uint32_t>(impl.places.size()),
                        .reserved_a = 0,
                        .reserved_b = {}};
  std::memcpy(header.magic, format::kMagic, sizeof format::kMagic);
  format::store(memory_, header);
  const std::span<const std::byte> block(memory_, at_);
  const std::uint64_t checksum = impl.options.checksum ? block_checksum(block.first(at_ - format::kTrailerBytes)) : 0;
  format::store(memory_ + at_ - format::kTrailerBytes, checksum);
  return block;
}

}  // namespace penstock
