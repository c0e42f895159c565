// SPDX-License-Identifier: MIT
// Makes a block from anywhere safe to read.
//
// The walk begins at the root and follows every reference once. Two numbers keep it, and every later walk of a reader,
// within bounds whatever the block says: the depth, at most 256; and the bytes of everything that was referred to,
// which may not be more than the block has. So a value that is referred to many times, a "billion laughs", and a cycle
// end with an error after time linear in the block.
//
// A shape is shared on purpose. Each is checked once, in the order of the directory; a dict's reference to a shape is
// then good if the ordinal found there leads, through the directory, back to the same place (the sparse set of Briggs
// and Torczon, "An efficient representation for sparse sets", 1993).
//
// A hash index is good if the search for each entry's key meets the slot of this entry before an empty one, and if as
// many slots are filled as there are entries: then each slot leads to an entry that was checked.
#include <fmt/format.h>
#include <penstock/dictionary.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "dictionary/block_header.h"
#include "dictionary/index_limits.h"
#include "dictionary/key_hash.h"

namespace penstock {
namespace {

namespace format = dictionary_format;
using Tag = format::Tag;

class Verifier {
 public:
  Verifier(const std::byte* block, const format::Header& header)
      : block_(block), header_(header), end_(header.size - format::kTrailerBytes), budget_(end_) {}

  Status run() {
    if (shapes() && indexed(header_.root, 1)) return {};
    return Error(ErrorCode::kDataLoss, fmt::format("dictionary block: byte {}: {}", where_, what_))
        .hint("the block was damaged, or made by another program: publish or copy it again");
  }

 private:
  bool wrong(std::uint64_t where, const char* what) {
    where_ = where;
    what_ = what;
    return false;
  }

  template <class T>
  T at(std::uint64_t offset) const {
    return format::load<T>(block_ + offset);
  }
  std::string_view text(std::uint64_t offset, std::uint64_t length) const {
    return {reinterpret_cast<const char*>(block_ + offset), length};
  }

  // Says whether `bytes` at `offset` lie behind the header and before the trailer.
  bool lies_within(std::uint64_t offset, std::uint64_t bytes) const {
    return offset >= header_.header_bytes && offset <= end_ && bytes <= end_ - offset;
  }
  // The same, and pays for them.
  bool claim(std::uint64_t offset, std::uint64_t bytes) {
    if (offset % 8 != 0) return wrong(offset, "it is not at a multiple of 8");
    if (!lies_within(offset, bytes)) return wrong(offset, "it reaches beyond the block");
    const std::uint64_t cost = format::padded(bytes);
    if (cost > budget_) return wrong(offset, "parts of the block are used more than once");
    budget_ -= cost;
    return true;
  }

  bool shapes() {
    const std::uint64_t directory_bytes = 4 * std::uint64_t{header_.num_shapes};
    if (header_.num_shapes > 0 && !claim(header_.shapes, directory_bytes)) return false;
    for (std::uint32_t i = 0; i < header_.num_shapes; ++i) {
      if (!shape(shape_offset(i), i)) return false;
    }
    return true;
  }
  std::uint64_t shape_offset(std::uint32_t ordinal) const {
    return std::uint64_t{at<std::uint32_t>(header_.shapes + 4 * std::uint64_t{ordinal})} * 8;
  }

  bool shape(std::uint64_t offset, std::uint32_t ordinal) {
    if (!claim(offset, sizeof(format::Shape))) return false;
    const auto head = at<format::Shape>(offset);
    if (head.ordinal != ordinal) return wrong(offset, "a shape has another place in the directory");
    if (!claim(offset + sizeof head, std::uint64_t{head.count} * sizeof(format::ShapeKey))) return false;
    ShapeIdentity identity;
    keys_.clear();
    for (std::uint64_t i = 0; i < head.count; ++i) {
      const auto key = at<format::ShapeKey>(offset + sizeof head + i * sizeof(format::ShapeKey));
      if (!key_text(offset + key.offset, key.length)) return false;
      keys_.push_back(text(offset + key.offset, key.length));
      identity.add(keys_.back());
    }
    if (identity.digest() != head.identity) return wrong(offset, "the identity of a shape is not that of its keys");
    std::sort(keys_.begin(), keys_.end());
    if (std::adjacent_find(keys_.begin(), keys_.end()) != keys_.end()) return wrong(offset, "a shape has a key twice");
    return true;
  }
  bool key_text(std::uint64_t offset, std::uint64_t length) {
    if (length > format::kMaxKeyBytes) return wrong(offset, "a key is too long");
    if (!lies_within(offset, length)) return wrong(offset, "a key reaches beyond the block");
    if (length > budget_) return wrong(offset, "parts of the block are used more than once");
    budget_ -= length;
    return is_utf8(text(offset, length)) || wrong(offset, "a key is not UTF-8");
  }

  bool value(Tag tag, std::uint64_t slot, int depth) {
    switch (tag) {
      case Tag::kNull:
      case Tag::kInt64:
      case Tag::kFloat64: return true;
      case Tag::kBool: return at<std::uint64_t>(slot) <= 1 || wrong(slot, "a bool is neither 0 nor 1");
      case Tag::kString:
      case Tag::kBytes:
      case Tag::kList:
      case Tag::kShaped:
      case Tag::kIndexed:
      case Tag::kArray: return referred(tag, slot, depth);
      default: return short_text(tag, slot);
    }
  }
  bool short_text(Tag tag, std::uint64_t slot) {
    const std::uint64_t length = static_cast<std::uint64_t>(tag) - static_cast<std::uint64_t>(Tag::kShort);
    if (tag < Tag::kShort || length > format::kShortBytes) return wrong(slot, "a value has an unknown type");
    return is_utf8(text(slot, length)) || wrong(slot, "a string is not UTF-8");
  }
  bool referred(Tag tag, std::uint64_t slot, int depth) {
    // Wraps around below 0 and is then beyond the block.
    const std::uint64_t target = slot + static_cast<std::uint64_t>(std::int64_t{at<std::int32_t>(slot)} * 8);
    const std::uint64_t length = at<std::uint32_t>(slot + 4);
    switch (tag) {
      case Tag::kString:
        return claim(target, length) && (is_utf8(text(target, length)) || wrong(target, "a string is not UTF-8"));
      case Tag::kBytes: return claim(target, length);
      case Tag::kArray: return array(target);
      default: break;
    }
    if (depth >= format::kMaxDepth) return wrong(slot, "values are nested too deep");
    if (tag == Tag::kIndexed) return indexed(target, depth + 1);
    return tag == Tag::kList ? list(target, depth + 1) : shaped(target, depth + 1);
  }

  bool array(std::uint64_t offset) {
    if (!claim(offset, sizeof(format::ArrayHead))) return false;
    const auto head = at<format::ArrayHead>(offset);
    std::uint64_t bytes = size_of(static_cast<ElementType>(head.type));
    if (bytes == 0) return wrong(offset, "an array has elements of an unknown type");
    if (head.num_dimensions > format::kMaxDimensions) return wrong(offset, "an array has too many dimensions");
    const std::uint64_t lengths = offset + sizeof head;
    if (!claim(lengths, 8 * std::uint64_t{head.num_dimensions})) return false;
    bool empty = false;
    bool overflows = false;
    for (std::uint64_t i = 0; i < head.num_dimensions; ++i) {
      const auto length = at<std::uint64_t>(lengths + 8 * i);
      empty = empty || length == 0;
      overflows = __builtin_mul_overflow(bytes, length, &bytes) || overflows;
    }
    if (overflows && !empty) return wrong(offset, "an array has more elements than the block has bytes");
    return claim(lengths + 8 * std::uint64_t{head.num_dimensions}, empty ? 0 : bytes);
  }

  bool list(std::uint64_t offset, int depth) {
    if (!readable_word(offset)) return false;
    return values(offset, at<std::uint32_t>(offset), depth);
  }
  bool shaped(std::uint64_t offset, int depth) {
    if (!readable_word(offset)) return false;
    const std::uint64_t back = std::uint64_t{at<std::uint32_t>(offset)} * 8;
    if (back > offset || !lies_within(offset - back, sizeof(format::Shape)))
      return wrong(offset, "a dict has no shape");
    const auto shape = at<format::Shape>(offset - back);
    if (shape.ordinal >= header_.num_shapes || shape_offset(shape.ordinal) != offset - back) {
      return wrong(offset, "a dict has no shape");
    }
    return values(offset, shape.count, depth);
  }
  bool readable_word(std::uint64_t offset) {
    if (offset % 8 != 0) return wrong(offset, "it is not at a multiple of 8");
    return lies_within(offset, 8) || wrong(offset, "it reaches beyond the block");
  }
  bool values(std::uint64_t offset, std::uint64_t count, int depth) {
    if (!claim(offset, format::node_bytes(count))) return false;
    const std::uint64_t slots = offset + format::slots_offset(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!value(at<Tag>(offset + 4 + i), slots + 8 * i, depth)) return false;
    }
    return true;
  }

  bool indexed(std::uint64_t offset, int depth) {
    if (!claim(offset, sizeof(format::Index))) return false;
    const auto index = at<format::Index>(offset);
    if (index.num_slots > UINT32_MAX || index.count >= index.num_slots)
      return wrong(offset, "a hash index has no empty slot");
    if (!claim(offset + sizeof index, 8 * index.num_slots)) return false;
    if (index.first > offset) return wrong(offset, "the first entry lies before the block");
    return entries(offset, index, depth) && filled(offset, index);
  }
  bool entries(std::uint64_t node, const format::Index& index, int depth) {
    std::uint64_t probes_left = probes_allowed(index.count);
    bool suspicious = false;
    std::uint64_t entry = node - index.first;
    for (std::uint64_t i = 0; i < index.count; ++i) {
      if (!claim(entry, sizeof(format::Entry))) return false;
      const auto head = at<format::Entry>(entry);
      if (!key_text(entry + sizeof head, head.key_length)) return false;
      const std::uint64_t next = entry + std::uint64_t{head.step} * 8;
      if (head.step == 0 || next > node) return wrong(entry, "an entry reaches beyond its dict");
      if (!has_slot(node, index, entry, text(entry + sizeof head, head.key_length), probes_left, suspicious))
        return false;
      if (!value(head.tag, entry, depth)) return false;
      entry = next;
    }
    return !suspicious || distinct_keys(node, index);
  }

  // Searches for the entry as a reader does, but compares places instead of keys: the other entries may not be checked
  // yet.
  bool has_slot(std::uint64_t node, const format::Index& index, std::uint64_t entry, std::string_view key,
                std::uint64_t& probes_left, bool& suspicious) {
    const std::uint64_t hash = key_hash(key, index.seed);
    const std::uint64_t wanted = format::index_word(hash, (node - entry) / 8);
    const std::uint64_t slots = node + sizeof index;
    for (std::uint64_t at_slot = format::home_of(hash, index.num_slots); probes_left > 0; --probes_left) {
      const auto word = at<std::uint64_t>(slots + 8 * at_slot);
      if (word == wanted) return true;
      if (word == 0) return wrong(entry, "the hash index does not lead to an entry");
      suspicious = suspicious || (word ^ wanted) >> format::kDistanceBits == 0;
      if (++at_slot == index.num_slots) at_slot = 0;
    }
    return wrong(node, "the hash index needs too long searches");
  }
  bool filled(std::uint64_t node, const format::Index& index) {
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < index.num_slots; ++i) {
      count += at<std::uint64_t>(node + sizeof index + 8 * i) != 0 ? 1 : 0;
    }
    return count == index.count || wrong(node, "the hash index leads to more than the entries");
  }
  // Only for dicts in which two entries might have the same key: hashes of 24 bits agree now and then.
  bool distinct_keys(std::uint64_t node, const format::Index& index) {
    keys_.clear();
    std::uint64_t entry = node - index.first;
    for (std::uint64_t i = 0; i < index.count; ++i) {
      const auto head = at<format::Entry>(entry);
      keys_.push_back(text(entry + sizeof head, head.key_length));
      entry += std::uint64_t{head.step} * 8;
    }
    std::sort(keys_.begin(), keys_.end());
    return std::adjacent_find(keys_.begin(), keys_.end()) == keys_.end() || wrong(node, "a dict has a key twice");
  }

  const std::byte* block_;
  const format::Header& header_;
  std::uint64_t end_;     // of what may be referred to
  std::uint64_t budget_;  // bytes that may still be referred to
  std::vector<std::string_view> keys_;
  std::uint64_t where_ = 0;
  const char* what_ = "";
};

}  // namespace

Status Dictionary::verify(std::span<const std::byte> block) {
  format::Header header;
  PENSTOCK_TRY(check_block_header(block, header));
  const std::size_t without_trailer = header.size - format::kTrailerBytes;
  const auto checksum = format::load<std::uint64_t>(block.data() + without_trailer);
  if (checksum != 0 && checksum != block_checksum(block.first(without_trailer))) {
    return Error(ErrorCode::kDataLoss, "dictionary block: its checksum does not fit its bytes")
        .hint("the block was damaged on its way: publish or copy it again");
  }
  return Verifier(block.data(), header).run();
}

}  // namespace penstock
