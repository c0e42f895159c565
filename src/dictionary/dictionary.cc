// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/dictionary.h>

#include <charconv>
#include <string>

#include "base/nearest_name.h"
#include "dictionary/block_header.h"
#include "dictionary/key_hash.h"

namespace penstock {

namespace format = dictionary_format;
using Tag = format::Tag;

const char* to_string(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::kAbsent: return "no value";
    case ValueKind::kNull: return "null";
    case ValueKind::kBool: return "a bool";
    case ValueKind::kInt64: return "an int64";
    case ValueKind::kFloat64: return "a float64";
    case ValueKind::kString: return "a string";
    case ValueKind::kBytes: return "bytes";
    case ValueKind::kList: return "a list";
    case ValueKind::kDict: return "a dict";
    case ValueKind::kArray: return "an array";
  }
  return "";
}

const char* to_string(ElementType type) noexcept {
  static constexpr const char* kNames[] = {"bool",   "int8",   "int16",  "int32",   "int64",  "uint8",
                                           "uint16", "uint32", "uint64", "float32", "float64"};
  const auto at = static_cast<std::size_t>(type);
  return at < std::size(kNames) ? kNames[at] : "unknown";
}

// ---- The whole ----

Status check_block_header(std::span<const std::byte> block, format::Header& header) {
  if (reinterpret_cast<std::uintptr_t>(block.data()) % format::kAlignment != 0) {
    return Error(ErrorCode::kInvalidArgument, "dictionary block: it must begin at a multiple of 8 in memory");
  }
  if (block.size() < sizeof header) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("dictionary block: {} bytes are less than its header", block.size()));
  }
  std::memcpy(&header, block.data(), sizeof header);
  if (std::memcmp(header.magic, format::kMagic, sizeof format::kMagic) != 0) {
    return Error(ErrorCode::kInvalidArgument, "these bytes are no dictionary block: they do not begin with PENSDICT");
  }
  if (header.major_version != format::kMajorVersion) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("dictionary block: its format has version {}.{}, this program reads {}.x",
                             header.major_version, header.minor_version, format::kMajorVersion))
        .hint("read it with a newer Penstock, or write it with an older one");
  }
  if (header.size > block.size()) {
    return Error(ErrorCode::kDataLoss,
                 fmt::format("dictionary block: it is cut off: {} bytes of {}", block.size(), header.size));
  }
  const bool plausible = header.size % 8 == 0 && header.size <= format::kMaxBytes && header.header_bytes % 8 == 0 &&
                         header.header_bytes >= sizeof header && header.root % 8 == 0 &&
                         header.root >= header.header_bytes && header.root < header.size &&
                         header.size - header.root >= sizeof(format::Index) + format::kTrailerBytes;
  if (!plausible) return Error(ErrorCode::kDataLoss, "dictionary block: the numbers of its header do not fit together");
  return {};
}

Result<Dictionary> Dictionary::view(std::span<const std::byte> block) {
  format::Header header;
  PENSTOCK_TRY(check_block_header(block, header));
  return Dictionary(block.data(), header.size);
}

Result<Dictionary> Dictionary::open(std::span<const std::byte> block) {
  PENSTOCK_TRY(verify(block));
  return view(block);
}

// ---- Looking up ----

namespace {

Dictionary::Value find_indexed(const std::byte* node, std::string_view key) noexcept {
  const auto index = format::load<format::Index>(node);
  const std::byte* const slots = node + sizeof index;
  const std::uint64_t hash = key_hash(key, index.seed);
  const std::uint64_t wanted = format::index_word(hash, 0);
  constexpr std::uint64_t kDistance = (std::uint64_t{1} << format::kDistanceBits) - 1;
  for (std::uint64_t at = format::home_of(hash, index.num_slots);;) {
    const auto word = format::load<std::uint64_t>(slots + 8 * at);
    if (word == 0) return {};
    if ((word & ~kDistance) == wanted) {
      const std::byte* const entry = node - (word & kDistance) * 8;
      __builtin_prefetch(entry + 64);  // its value lies behind its key
      const auto head = format::load<format::Entry>(entry);
      if (key == std::string_view(reinterpret_cast<const char*>(entry + sizeof head), head.key_length))
        return {entry, head.tag};
    }
    if (++at == index.num_slots) at = 0;
  }
}

// Returns the part of a dotted path up to the next dot and drops it.
std::string_view take_part(std::string_view& dotted) noexcept {
  const std::size_t dot = dotted.find('.');
  const std::string_view part = dotted.substr(0, dot);
  dotted.remove_prefix(dot == dotted.npos ? dotted.size() : dot + 1);
  return part;
}

// The member of a dict; of a list, the value at the position that the part gives.
Dictionary::Value step_into(Dictionary::Value value, std::string_view part) noexcept {
  if (value.kind() != ValueKind::kList) return value[part];
  std::size_t position = 0;
  const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), position);
  return failure == std::errc() && end == part.data() + part.size() ? value[position] : Dictionary::Value();
}

Dictionary::Value walk(Dictionary::Value value, std::string_view dotted) noexcept {
  while (value && !dotted.empty()) value = step_into(value, take_part(dotted));
  return value;
}

std::vector<std::string> some_keys(Dictionary::Dict dict) {
  std::vector<std::string> keys;
  for (const Dictionary::Member member : dict) {
    if (keys.size() == 100) break;
    keys.emplace_back(member.key);
  }
  return keys;
}

}  // namespace

std::size_t Dictionary::Dict::position_of(std::string_view key) const noexcept {
  const std::byte* const shape = format::shape_of(node_);
  const std::uint32_t count = format::load<format::Shape>(shape).count;
  for (std::size_t i = 0; i < count; ++i) {
    const auto here = format::load<format::ShapeKey>(shape + sizeof(format::Shape) + i * sizeof(format::ShapeKey));
    if (key == std::string_view(reinterpret_cast<const char*>(shape + here.offset), here.length)) return i;
  }
  return kNone;
}

Dictionary::Field Dictionary::Dict::field(std::string_view key) const noexcept {
  Field field;
  const std::size_t position = layout() == nullptr ? kNone : position_of(key);
  if (position == kNone) return field;
  field.tag_ = static_cast<std::uint32_t>(4 + position);
  field.slot_ = static_cast<std::uint32_t>(format::slots_offset(size()) + 8 * position);
  return field;
}

Dictionary::Value Dictionary::Dict::find(std::string_view key) const noexcept {
  if (node_ == nullptr) return {};
  if (indexed_) return find_indexed(node_, key);
  const std::size_t position = position_of(key);
  return position == kNone ? Value() : at(position);
}

Dictionary::Value Dictionary::Value::find_path(std::string_view dotted) const noexcept { return walk(*this, dotted); }

Dictionary::Value Dictionary::find_path(std::string_view dotted) const noexcept {
  const std::string_view first = take_part(dotted);
  return walk(find(first), dotted);
}

Result<Dictionary::Value> Dictionary::at(std::string_view dotted) const {
  std::string_view rest = dotted;
  std::string_view part = take_part(rest);
  Dict parent = root();
  Value value = parent.find(part);
  while (value && !rest.empty()) {
    parent = value.as_dict();
    part = take_part(rest);
    value = step_into(value, part);
  }
  if (value) return value;
  return Error(ErrorCode::kNotFound, fmt::format("the dictionary has no \"{}\": \"{}\" is not there", dotted, part))
      .hint(suggest_name(part, some_keys(parent)));
}

// ---- Values ----

ValueKind Dictionary::Value::kind() const noexcept {
  switch (tag_) {
    case Tag::kNull: return ValueKind::kNull;
    case Tag::kBool: return ValueKind::kBool;
    case Tag::kInt64: return ValueKind::kInt64;
    case Tag::kFloat64: return ValueKind::kFloat64;
    case Tag::kString: return ValueKind::kString;
    case Tag::kBytes: return ValueKind::kBytes;
    case Tag::kList: return ValueKind::kList;
    case Tag::kShaped:
    case Tag::kIndexed: return ValueKind::kDict;
    case Tag::kArray: return ValueKind::kArray;
    default: return is_short() ? ValueKind::kString : ValueKind::kAbsent;
  }
}

Error Dictionary::Value::other_kind(ValueKind wanted) const {
  if (tag_ == Tag::kAbsent) {
    return Error(ErrorCode::kNotFound, fmt::format("the dictionary has no such value; expected {}", to_string(wanted)));
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the value in the dictionary is {}; expected {}", to_string(kind()), to_string(wanted)));
}

Result<std::int64_t> Dictionary::Value::int64() const {
  if (tag_ != Tag::kInt64) return other_kind(ValueKind::kInt64);
  return int64_or(0);
}
Result<double> Dictionary::Value::float64() const {
  if (tag_ != Tag::kFloat64 && tag_ != Tag::kInt64) return other_kind(ValueKind::kFloat64);
  return float64_or(0);
}
Result<std::string_view> Dictionary::Value::string() const {
  if (kind() != ValueKind::kString) return other_kind(ValueKind::kString);
  return string_or({});
}
Result<std::span<const std::byte>> Dictionary::Value::bytes() const {
  if (tag_ != Tag::kBytes) return other_kind(ValueKind::kBytes);
  return std::span<const std::byte>(target(), length());
}
Result<Dictionary::List> Dictionary::Value::list() const {
  if (tag_ != Tag::kList) return other_kind(ValueKind::kList);
  return as_list();
}
Result<Dictionary::Dict> Dictionary::Value::dict() const {
  if (kind() != ValueKind::kDict) return other_kind(ValueKind::kDict);
  return as_dict();
}
Result<Dictionary::Array> Dictionary::Value::array() const {
  if (tag_ != Tag::kArray) return other_kind(ValueKind::kArray);
  return as_array();
}

Dictionary::Array::Array(const std::byte* node) noexcept {
  const auto head = format::load<format::ArrayHead>(node);
  const std::byte* const lengths = node + sizeof head;
  shape_ = {reinterpret_cast<const std::uint64_t*>(lengths), head.num_dimensions};
  type_ = static_cast<ElementType>(head.type);
  std::size_t bytes = size_of(type_);
  for (const std::uint64_t length : shape_) bytes *= length;
  elements_ = {lengths + 8 * shape_.size(), bytes};
}

Error Dictionary::Array::other_type(ElementType wanted) const {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the array in the dictionary has elements of type {}; expected {}", to_string(type_),
                           to_string(wanted)));
}

// ---- Paths ----

Dictionary::Path::Path(std::string_view dotted) {
  while (!dotted.empty()) steps_.push_back({.key = std::string(take_part(dotted))});
}

Dictionary::Path::Path(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) steps_.push_back({.key = std::string(key)});
}

Dictionary::Value Dictionary::Path::find(Step& step, Value value) {
  if (value.tag_ != Tag::kShaped) return step_into(value, step.key);
  const Dict dict = value.as_dict();
  const auto shape = format::load<format::Shape>(format::shape_of(value.target()));
  step.identity = shape.identity;
  step.count = shape.count;
  step.field = dict.field(step.key);
  return dict[step.field];
}

}  // namespace penstock
