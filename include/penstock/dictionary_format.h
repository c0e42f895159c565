// SPDX-License-Identifier: MIT
// The bytes of a dictionary block, for who reads and who writes them; docs/formats/dictionary.md describes them for
// people.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace penstock::dictionary_format {

static_assert(std::endian::native == std::endian::little, "penstock: dictionary blocks are little-endian");

inline constexpr char kMagic[8] = {'P', 'E', 'N', 'S', 'D', 'I', 'C', 'T'};
inline constexpr std::uint16_t kMajorVersion = 1;  ///< A reader refuses any other.
inline constexpr std::uint16_t kMinorVersion = 0;  ///< A reader accepts a newer one.

inline constexpr std::size_t kAlignment = 8;        ///< Of the block in memory, and of everything in it.
inline constexpr std::size_t kArrayAlignment = 64;  ///< From the block's start, of the elements of larger arrays.
inline constexpr std::size_t kTrailerBytes = 8;     ///< The checksum, last of all.
/// Distances are 32-bit numbers of 8 bytes, with sign.
inline constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 30;
inline constexpr int kMaxDepth = 256;  ///< The root has depth 1.
inline constexpr std::size_t kMaxKeyBytes = 65'535;
inline constexpr std::size_t kMaxDimensions = 32;
inline constexpr std::size_t kShortBytes = 8;  ///< Strings up to this length lie in their slot.

/// What a slot holds.
enum class Tag : std::uint8_t {
  kNull = 0,
  kBool = 1,  ///< 0 or 1.
  kInt64 = 2,
  kFloat64 = 3,   ///< IEEE 754 binary64.
  kString = 4,    ///< Distance and length of UTF-8 text.
  kBytes = 5,     ///< Distance and length.
  kList = 6,      ///< Distance of a list.
  kShaped = 7,    ///< Distance of a dict that shares its keys.
  kIndexed = 8,   ///< Distance of a dict with entries and a hash index.
  kArray = 9,     ///< Distance of an array.
  kShort = 16,    ///< 16 + n: n bytes of UTF-8 text, n in [0, 8], in the slot itself.
  kAbsent = 255,  ///< Never in a block: what a lookup gives that finds nothing.
};

struct Header {
  char magic[8];
  std::uint16_t major_version;
  std::uint16_t minor_version;
  std::uint32_t header_bytes;  ///< 64; a newer minor version may have more.
  std::uint64_t size;          ///< Of the whole block, trailer included; a multiple of 8.
  std::uint64_t root;          ///< Where the indexed dict of the root is, from the block's start.
  std::uint64_t shapes;        ///< Where the directory of shapes is: one u32 each, in units of 8 bytes from the start.
  std::uint32_t num_shapes;
  std::uint32_t reserved_a;  ///< 0.
  std::uint64_t reserved_b[2];
};
static_assert(sizeof(Header) == 64);

/// Names of keys, shared by all dicts that have the same ones in the same order.
struct Shape {
  std::uint64_t identity;  ///< XXH3-64 over (u16 length, bytes) of each key.
  std::uint32_t ordinal;   ///< Its place in the directory.
  std::uint32_t count;     ///< Of keys; as many `ShapeKey` follow, then their bytes, then zeros to a multiple of 8.
};
struct ShapeKey {
  std::uint32_t offset;  ///< From the start of the shape.
  std::uint32_t length;
};

/// One member of an indexed dict. The key's bytes follow, then zeros to a multiple of 8.
struct Entry {
  std::uint64_t slot;
  std::uint32_t step;  ///< To the next entry, in units of 8 bytes.
  std::uint16_t key_length;
  Tag tag;
  std::uint8_t reserved;  ///< 0.
};

/// The end of an indexed dict; `num_slots` numbers follow, 0 for an empty slot, otherwise the lowest 24 bits of the
/// key's hash above 40 bits of distance back to its entry, in units of 8 bytes.
struct Index {
  std::uint64_t count;      ///< Of entries; less than `num_slots`.
  std::uint64_t seed;       ///< Of XXH3-64.
  std::uint64_t num_slots;  ///< In [1, 2^32).
  std::uint64_t first;      ///< Bytes back to the first entry.
};

/// The start of an array; `num_dimensions` lengths of 8 bytes follow, then the elements, row by row.
struct ArrayHead {
  std::uint8_t type;
  std::uint8_t num_dimensions;
  std::uint8_t reserved[6];  ///< 0.
};

inline constexpr int kDistanceBits = 40;

constexpr std::uint64_t padded(std::uint64_t bytes) noexcept { return (bytes + 7) & ~std::uint64_t{7}; }
/// Where the slots of a list or a shaped dict begin: behind a u32 and one tag per value.
constexpr std::uint64_t slots_offset(std::uint64_t count) noexcept { return padded(4 + count); }
constexpr std::uint64_t node_bytes(std::uint64_t count) noexcept { return slots_offset(count) + 8 * count; }
/// The slot at which the search for a hash begins.
constexpr std::uint64_t home_of(std::uint64_t hash, std::uint64_t num_slots) noexcept {
  return ((hash >> 32) * num_slots) >> 32;
}
constexpr std::uint64_t index_word(std::uint64_t hash, std::uint64_t distance) noexcept {
  return hash << kDistanceBits | distance;
}
constexpr std::uint64_t reference(std::int64_t distance_bytes, std::uint32_t length) noexcept {
  return std::uint64_t{length} << 32 | static_cast<std::uint32_t>(distance_bytes >> 3);
}

template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store(std::byte* to, const T& value) noexcept {
  std::memcpy(to, &value, sizeof value);
}
/// What the slot at `slot` refers to.
inline const std::byte* target_of(const std::byte* slot) noexcept {
  return slot + std::int64_t{load<std::int32_t>(slot)} * 8;
}
inline const std::byte* shape_of(const std::byte* shaped) noexcept {
  return shaped - std::uint64_t{load<std::uint32_t>(shaped)} * 8;
}

}  // namespace penstock::dictionary_format
