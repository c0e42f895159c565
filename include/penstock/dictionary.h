// SPDX-License-Identifier: MIT
// Dictionaries of nested values in one block of bytes, read in place. `DictionaryBuilder` makes them.
#pragma once

#include <penstock/dictionary_format.h>
#include <penstock/result.h>

#include <initializer_list>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

namespace penstock {

/// What a value of a dictionary is.
enum class ValueKind : std::uint8_t {
  kAbsent,  ///< There is no such value.
  kNull,
  kBool,
  kInt64,
  kFloat64,
  kString,
  kBytes,
  kList,
  kDict,
  kArray,
};
/// Returns "an int64", "a dict" and the like, for messages.
const char* to_string(ValueKind kind) noexcept;

/// Types of the elements of arrays.
enum class ElementType : std::uint8_t {
  kBool,  ///< One byte each, 0 or 1; read as std::uint8_t.
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat32,
  kFloat64,
};
/// Returns "int8" and the like.
const char* to_string(ElementType type) noexcept;
/// Returns the bytes of one element; 0 for what is no element type.
constexpr std::size_t size_of(ElementType type) noexcept {
  constexpr std::uint8_t kSizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
  const auto at = static_cast<std::size_t>(type);
  return at < sizeof kSizes ? kSizes[at] : 0;
}
/// The element type of a C++ type; std::uint8_t reads arrays of bool too.
template <class T>
constexpr ElementType element_type() noexcept {
  static_assert(std::is_arithmetic_v<T>, "penstock: the elements of arrays are numbers or bool");
  if constexpr (std::is_same_v<T, bool>) {
    return ElementType::kBool;
  } else if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= 8, "penstock: the elements of arrays have at most eight bytes");
    return sizeof(T) == 4 ? ElementType::kFloat32 : ElementType::kFloat64;
  } else {
    constexpr int kPower = std::countr_zero(sizeof(T));
    return static_cast<ElementType>(static_cast<int>(std::is_signed_v<T> ? ElementType::kInt8 : ElementType::kUint8) +
                                    kPower);
  }
}

/// A dictionary in one relocatable block of bytes: a view, two pointers wide.
///
/// Thread-compatible: the bytes never change, so any number of threads and processes may read them. Whoever owns the
/// bytes must keep them, unchanged, as long as a view of them or anything got from it is in use: values, texts and
/// spans point into the block. Nothing is deserialised and nothing allocated; reading cannot fail, but find that there
/// is no such value or that it is of another kind.
///
/// The block begins at a multiple of 8 bytes in memory. Elements of arrays of 64 bytes or more lie at multiples of 64
/// from its start, so a block at a multiple of 64 gives aligned arrays.
class Dictionary {
 public:
  class Value;
  class Dict;
  class List;
  class Array;
  struct Member;
  class Field;
  class Path;

  /// An empty dictionary.
  Dictionary() noexcept = default;

  /// Checks everything about a block from anywhere, then views it: see `verify`.
  static Result<Dictionary> open(std::span<const std::byte> block);

  /// Views a block that this program has made or verified: only the header is checked. Reading a block that `verify`
  /// would refuse is undefined. `block` may be longer than the block in it.
  ///
  /// Errors: kInvalidArgument when the bytes are no dictionary block or begin at an odd place in memory; kUnsupported
  /// when it is of a newer major version; kDataLoss when it is cut off. Cost: a few comparisons.
  static Result<Dictionary> view(std::span<const std::byte> block);

  /// Says whether the block is safe to read, whatever is in it: checksum, every offset, length and count, nesting,
  /// UTF-8 of texts and keys, the hash index. After that no read leaves the block and a walk over all of it ends.
  ///
  /// Errors: as `view`, and kDataLoss with the place in the block. Cost: linear in the block's bytes, without
  /// allocation but for the keys of shapes; stack for 256 levels at most. A block without a checksum is checked for all
  /// the rest.
  static Status verify(std::span<const std::byte> block);

  /// Returns the member, absent when there is none. Cost: a hash of the key and two or three reads.
  Value find(std::string_view key) const noexcept;
  Value operator[](std::string_view key) const noexcept;
  /// Returns what a path of keys leads to, as "meta.score"; in lists a part is a position: "items.0". Absent when there
  /// is none. Keys that have dots themselves need `find` or `Path`.
  Value find_path(std::string_view dotted) const noexcept;
  /// As `find_path`; kNotFound with the part that is missing and the nearest key.
  Result<Value> at(std::string_view dotted) const;

  /// The whole as a dict.
  Dict root() const noexcept;
  std::size_t size() const noexcept;  ///< Members of the root.
  std::span<const std::byte> bytes() const noexcept { return {block_, size_}; }

  /// Returns all of it as JSON on one line: NaN and infinities as strings, bytes as base64 strings, arrays as lists of
  /// lists. Cost: linear; the text is allocated.
  std::string to_json() const;

 private:
  Dictionary(const std::byte* block, std::size_t size) noexcept : block_(block), size_(size) {}

  const std::byte* block_ = nullptr;
  std::size_t size_ = 0;
};

/// One value: where its slot is and what kind it is of. Two registers wide; valid as long as the block.
class Dictionary::Value {
 public:
  using Tag = dictionary_format::Tag;

  /// Absent.
  constexpr Value() noexcept = default;
  Value(const std::byte* slot, Tag tag) noexcept : slot_(slot), tag_(tag) {}

  ValueKind kind() const noexcept;
  /// Says whether there is a value; null is one.
  explicit operator bool() const noexcept { return tag_ != Tag::kAbsent; }
  bool is_null() const noexcept { return tag_ == Tag::kNull; }

  /// The value, or kNotFound when absent and kInvalidArgument when it is of another kind. An int64 is a float64 too.
  Result<bool> boolean() const { return tag_ == Tag::kBool ? Result<bool>(word() != 0) : other_kind(ValueKind::kBool); }
  Result<std::int64_t> int64() const;
  Result<double> float64() const;
  Result<std::string_view> string() const;
  Result<std::span<const std::byte>> bytes() const;
  Result<List> list() const;
  Result<Dict> dict() const;
  Result<Array> array() const;

  /// The value, or `otherwise` when it is absent or of another kind.
  bool boolean_or(bool otherwise) const noexcept { return tag_ == Tag::kBool ? word() != 0 : otherwise; }
  std::int64_t int64_or(std::int64_t otherwise) const noexcept {
    return tag_ == Tag::kInt64 ? static_cast<std::int64_t>(word()) : otherwise;
  }
  double float64_or(double otherwise) const noexcept {
    if (tag_ == Tag::kFloat64) return std::bit_cast<double>(word());
    return tag_ == Tag::kInt64 ? static_cast<double>(static_cast<std::int64_t>(word())) : otherwise;
  }
  std::string_view string_or(std::string_view otherwise) const noexcept {
    if (tag_ == Tag::kString) return {reinterpret_cast<const char*>(target()), length()};
    if (!is_short()) return otherwise;
    return {reinterpret_cast<const char*>(slot_),
            static_cast<std::size_t>(tag_) - static_cast<std::size_t>(Tag::kShort)};
  }

  /// The value, or an empty one when it is absent or of another kind.
  Dict as_dict() const noexcept;
  List as_list() const noexcept;
  Array as_array() const noexcept;
  /// The member of a dict or the value of a list; absent when this is something else.
  Value operator[](std::string_view key) const noexcept;
  Value operator[](std::size_t position) const noexcept;
  /// As Dictionary::find_path.
  Value find_path(std::string_view dotted) const noexcept;

  std::string to_json() const;

 private:
  friend class Dictionary;
  bool is_short() const noexcept { return tag_ >= Tag::kShort && tag_ != Tag::kAbsent; }
  std::uint64_t word() const noexcept { return dictionary_format::load<std::uint64_t>(slot_); }
  const std::byte* target() const noexcept { return dictionary_format::target_of(slot_); }
  std::size_t length() const noexcept { return dictionary_format::load<std::uint32_t>(slot_ + 4); }
  Error other_kind(ValueKind wanted) const;

  const std::byte* slot_ = nullptr;
  Tag tag_ = Tag::kAbsent;
};

/// A key and its value.
struct Dictionary::Member {
  std::string_view key;
  Value value;
};

/// Where a value is in the dicts of one layout: see Dict::field.
class Dictionary::Field {
 public:
  Field() noexcept = default;
  explicit operator bool() const noexcept { return slot_ != 0; }

 private:
  friend class Dict;
  friend class Path;
  std::uint32_t tag_ = 0;   // bytes from the start of the dict
  std::uint32_t slot_ = 0;  // 0: there is none
};

/// A dict: members in the order in which they were added. Empty by default.
class Dictionary::Dict {
 public:
  class Iterator;

  Dict() noexcept = default;
  /// Requires a node of the block.
  static Dict shaped(const std::byte* node) noexcept { return {node, false}; }
  static Dict indexed(const std::byte* node) noexcept { return {node, true}; }

  std::size_t size() const noexcept {
    if (node_ == nullptr) return 0;
    if (indexed_) return dictionary_format::load<std::uint64_t>(node_);
    return dictionary_format::load<std::uint32_t>(dictionary_format::shape_of(node_) +
                                                  offsetof(dictionary_format::Shape, count));
  }
  bool empty() const noexcept { return size() == 0; }
  /// Returns the member, absent when there is none. Cost: large dicts and the root: a hash of the key, two or three
  /// reads; others: linear in the keys.
  Value find(std::string_view key) const noexcept;
  Value operator[](std::string_view key) const noexcept { return find(key); }
  Iterator begin() const noexcept;
  std::default_sentinel_t end() const noexcept { return {}; }

  /// Equal for dicts of one block that share their keys; null where keys are not shared. For loops over many dicts: ask
  /// for the fields once per layout, then each dict for the values of these fields.
  const void* layout() const noexcept {
    return node_ == nullptr || indexed_ ? nullptr : dictionary_format::shape_of(node_);
  }
  /// Returns where the value of a key is in all dicts of this layout; absent when there is no such key, or no layout.
  Field field(std::string_view key) const noexcept;
  /// Returns the value of a field. Requires one of this dict's layout.
  Value operator[](Field field) const noexcept;

 private:
  Dict(const std::byte* node, bool indexed) noexcept : node_(node), indexed_(indexed) {}

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t position_of(std::string_view key) const noexcept;
  Value at(std::size_t position) const noexcept {
    return {node_ + dictionary_format::slots_offset(size()) + 8 * position,
            dictionary_format::load<Value::Tag>(node_ + 4 + position)};
  }

  const std::byte* node_ = nullptr;
  bool indexed_ = false;
};

inline Dictionary::Value Dictionary::Dict::operator[](Field field) const noexcept {
  if (field.slot_ == 0) return {};
  return {node_ + field.slot_, dictionary_format::load<Value::Tag>(node_ + field.tag_)};
}

/// Goes over the members of a dict; a forward iterator in all but name.
class Dictionary::Dict::Iterator {
 public:
  using value_type = Member;
  using difference_type = std::ptrdiff_t;

  Iterator() noexcept = default;
  Member operator*() const noexcept {
    namespace format = dictionary_format;
    if (!indexed_) return {key_of_shaped(), Dict(at_, false).at(position_)};
    const auto entry = format::load<format::Entry>(at_);
    return {{reinterpret_cast<const char*>(at_ + sizeof(format::Entry)), entry.key_length}, {at_, entry.tag}};
  }
  Iterator& operator++() noexcept {
    if (indexed_) {
      at_ += std::uint64_t{dictionary_format::load<std::uint32_t>(at_ + offsetof(dictionary_format::Entry, step))} * 8;
    }
    ++position_;
    return *this;
  }
  Iterator operator++(int) noexcept {
    const Iterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.position_ == b.position_; }
  friend bool operator==(const Iterator& a, std::default_sentinel_t) noexcept { return a.position_ == a.size_; }

 private:
  friend class Dict;
  std::string_view key_of_shaped() const noexcept {
    namespace format = dictionary_format;
    const std::byte* const shape = format::shape_of(at_);
    const auto key =
        format::load<format::ShapeKey>(shape + sizeof(format::Shape) + position_ * sizeof(format::ShapeKey));
    return {reinterpret_cast<const char*>(shape + key.offset), key.length};
  }

  const std::byte* at_ = nullptr;  // the entry, or the shaped dict
  std::size_t position_ = 0;
  std::size_t size_ = 0;
  bool indexed_ = false;
};

inline Dictionary::Dict::Iterator Dictionary::Dict::begin() const noexcept {
  Iterator iterator;
  iterator.at_ = indexed_
                     ? node_ - dictionary_format::load<std::uint64_t>(node_ + offsetof(dictionary_format::Index, first))
                     : node_;
  iterator.size_ = size();
  iterator.indexed_ = indexed_;
  return iterator;
}

/// Values in order, of any kinds. Empty by default.
class Dictionary::List {
 public:
  class Iterator;

  List() noexcept = default;
  /// Requires a node of the block.
  explicit List(const std::byte* node) noexcept : node_(node), size_(dictionary_format::load<std::uint32_t>(node)) {}

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Returns the value at a position; absent at `size()` and beyond.
  Value operator[](std::size_t position) const noexcept {
    if (position >= size_) return {};
    return {node_ + dictionary_format::slots_offset(size_) + 8 * position,
            dictionary_format::load<Value::Tag>(node_ + 4 + position)};
  }
  Iterator begin() const noexcept;
  Iterator end() const noexcept;

 private:
  const std::byte* node_ = nullptr;
  std::size_t size_ = 0;
};

class Dictionary::List::Iterator {
 public:
  using value_type = Value;
  using difference_type = std::ptrdiff_t;

  Iterator() noexcept = default;
  Iterator(List list, std::size_t position) noexcept : list_(list), position_(position) {}
  Value operator*() const noexcept { return list_[position_]; }
  Iterator& operator++() noexcept {
    ++position_;
    return *this;
  }
  Iterator operator++(int) noexcept {
    const Iterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.position_ == b.position_; }

 private:
  List list_;
  std::size_t position_ = 0;
};

inline Dictionary::List::Iterator Dictionary::List::begin() const noexcept { return {*this, 0}; }
inline Dictionary::List::Iterator Dictionary::List::end() const noexcept { return {*this, size_}; }

/// An array (tensor) of numbers, row by row. Empty by default: no dimension, no element.
class Dictionary::Array {
 public:
  Array() noexcept = default;
  /// Requires a node of the block.
  explicit Array(const std::byte* node) noexcept;

  ElementType type() const noexcept { return type_; }
  /// Lengths of the dimensions, as in [H, W, C]; none for a single element.
  std::span<const std::uint64_t> shape() const noexcept { return shape_; }
  std::size_t size() const noexcept { return elements_.size() / size_of(type_); }  ///< Number of elements.
  std::span<const std::byte> bytes() const noexcept { return elements_; }
  /// The elements as they lie in the block; kInvalidArgument when they are of another type.
  template <class T>
  Result<std::span<const T>> elements() const {
    const bool same = type_ == element_type<T>() || (std::is_same_v<T, std::uint8_t> && type_ == ElementType::kBool);
    if (!same) return other_type(element_type<T>());
    return std::span<const T>(reinterpret_cast<const T*>(elements_.data()), elements_.size() / sizeof(T));
  }

 private:
  Error other_type(ElementType wanted) const;

  std::span<const std::uint64_t> shape_;
  std::span<const std::byte> elements_;
  ElementType type_ = ElementType::kFloat64;
};

/// A path of keys that remembers where they are, for looking at many dicts that have the same keys: `score.in(value)`
/// costs a comparison per key, where `value["meta"]["score"]` compares names. Works across blocks and their versions.
///
/// Used by one worker: looking up changes what it remembers. Copy it for another.
class Dictionary::Path {
 public:
  /// Splits at dots: "meta.score".
  explicit Path(std::string_view dotted);
  /// For keys that have dots themselves: `Path({"meta", "a.b"})`.
  Path(std::initializer_list<std::string_view> keys);

  /// Returns what the path leads to from this value; absent when there is none.
  Value in(Value value) {
    for (Step& step : steps_) {
      const bool known = value.tag_ == Value::Tag::kShaped && step.matches(value.target());
      value = known ? Dict::shaped(value.target())[step.field] : find(step, value);
    }
    return value;
  }

 private:
  struct Step {
    std::string key;
    std::uint64_t identity = 0;  // of the shape last seen; the count makes sure that the field exists in every shape
    std::uint32_t count = 0;     // that passes for it
    Field field = {};

    bool matches(const std::byte* node) const noexcept {
      namespace format = dictionary_format;
      const std::byte* const shape = format::shape_of(node);
      return format::load<std::uint64_t>(shape) == identity &&
             format::load<std::uint32_t>(shape + offsetof(format::Shape, count)) == count;
    }
  };
  static Value find(Step& step, Value value);

  std::vector<Step> steps_;
};

inline Dictionary::Dict Dictionary::Value::as_dict() const noexcept {
  if (tag_ == Tag::kShaped) return Dict::shaped(target());
  return tag_ == Tag::kIndexed ? Dict::indexed(target()) : Dict();
}
inline Dictionary::List Dictionary::Value::as_list() const noexcept {
  return tag_ == Tag::kList ? List(target()) : List();
}
inline Dictionary::Array Dictionary::Value::as_array() const noexcept {
  return tag_ == Tag::kArray ? Array(target()) : Array();
}
inline Dictionary::Value Dictionary::Value::operator[](std::string_view key) const noexcept {
  return as_dict().find(key);
}
inline Dictionary::Value Dictionary::Value::operator[](std::size_t position) const noexcept {
  return as_list()[position];
}

inline Dictionary::Dict Dictionary::root() const noexcept {
  if (block_ == nullptr) return {};
  return Dict::indexed(block_ +
                       dictionary_format::load<std::uint64_t>(block_ + offsetof(dictionary_format::Header, root)));
}
inline std::size_t Dictionary::size() const noexcept { return root().size(); }
inline Dictionary::Value Dictionary::find(std::string_view key) const noexcept { return root().find(key); }
inline Dictionary::Value Dictionary::operator[](std::string_view key) const noexcept { return root().find(key); }

}  // namespace penstock
