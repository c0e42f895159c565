// SPDX-License-Identifier: MIT
// Makes dictionary blocks: value by value, row by row, from JSON, from record batches.
#pragma once

#include <penstock/dictionary.h>
#include <penstock/fwd.h>

#include <concepts>
#include <memory>
#include <optional>
#include <tuple>

namespace penstock {

/// Memory that a block is built into, and that can grow: shared memory, a file map.
class DictionarySink {
 public:
  virtual ~DictionarySink() = default;
  /// Returns memory of at least `bytes`, at a multiple of 8, that begins with the first `used` bytes of what it
  /// returned before. Empty memory means that there is no more; the builder then fails with kResourceExhausted.
  virtual std::span<std::byte> resize(std::size_t bytes, std::size_t used) = 0;
};

/// An array as a value to add: element type, lengths of the dimensions, elements row by row. A view.
struct ArrayView {
  ElementType type = ElementType::kFloat64;
  std::span<const std::uint64_t> shape;  ///< The product is the number of elements.
  std::span<const std::byte> elements;

  template <class T>
  static ArrayView of(std::span<const T> elements, std::span<const std::uint64_t> shape) noexcept {
    return {element_type<T>(), shape, std::as_bytes(elements)};
  }
};

/// Builds a dictionary block in one pass, into its own memory or the caller's.
///
/// Used by one worker. Errors of data (a key twice, text that is not UTF-8, memory too small, nested too deep) are
/// kept, the first one wins, and `finish` returns it; calls after it do nothing. A value without a key in a dict,
/// unbalanced calls, and an array with another number of elements than its shape says end the program.
///
/// What `add` and `value` take: nullptr, bool, integers (unsigned ones up to 2^63 - 1), float, double, text,
/// `std::span<const std::byte>`, contiguous ranges of numbers, `ArrayView`, `std::optional` of these (empty: null), and
/// rows.
///
/// Rows are the fast way where many dicts have the same keys:
///
///     DictionaryBuilder builder;
///     const auto meta = builder.shape({"tag", "score"});
///     const auto entry = builder.shape({"id", "name", "meta"});
///     for (const Item& item : items) builder.add(item.key, entry(item.id, item.name, meta(item.tag, item.score)));
///     const auto block = builder.finish();
///
/// The root and dicts with more than `kMaxSharedKeys` keys get a hash index; other dicts share their keys.
class DictionaryBuilder {
 public:
  struct Options {
    bool checksum = true;  ///< Off: a pass over the block is saved; `verify` then checks all but that.
    /// Bytes to begin with, of own memory or of the sink.
    std::size_t initial_bytes = 4096;
  };
  static constexpr std::size_t kMaxSharedKeys = 64;

  /// Into own memory, which grows and is kept for the next block. At a multiple of 64.
  DictionaryBuilder();
  explicit DictionaryBuilder(Options options);
  /// Into the caller's memory, at a multiple of 8; kResourceExhausted when it is too small.
  explicit DictionaryBuilder(std::span<std::byte> memory);
  DictionaryBuilder(std::span<std::byte> memory, Options options);
  /// Into memory that grows. The sink must outlive the builder.
  DictionaryBuilder(DictionarySink& sink, Options options);
  DictionaryBuilder(const DictionaryBuilder&) = delete;
  DictionaryBuilder& operator=(const DictionaryBuilder&) = delete;
  ~DictionaryBuilder();

  template <class... V>
  struct Row;
  /// The keys of rows, known to one builder; good until it is destroyed, also after `clear`.
  class Shape {
   public:
    /// Returns a dict to add, with one value per key, in that order. It refers to the values: use it at once.
    template <class... V>
    Row<V...> operator()(const V&... values) const noexcept;

   private:
    friend class DictionaryBuilder;
    std::uint32_t number_ = 0;
    std::uint32_t count_ = 0;
  };
  /// Makes keys for rows; the same keys give the same shape. At most 65,535 keys; look-ups by name go through them one
  /// by one.
  Shape shape(std::span<const std::string_view> keys);
  Shape shape(std::initializer_list<std::string_view> keys) { return shape(std::span(keys.begin(), keys.size())); }

  /// Adds a member to the dict at hand, at first the root.
  template <class V>
  void add(std::string_view key, const V& value) {
    if (!indexed_) {
      this->key(key);
      return this->value(value);
    }
    if (!make_ready(value, entry_bound(key))) return;
    Cursor cursor{memory_, at_};
    const std::uint64_t entry = begin_entry(cursor, key);
    place_in_entry(cursor.memory, entry, encode(cursor, value));
    at_ = cursor.at;
  }
  /// Gives the key of the next value, which may be a dict or a list.
  void key(std::string_view key);
  /// Adds a value to the list at hand, or to the dict under the last key.
  template <class V>
  void value(const V& value) {
    if (!make_ready(value, 0)) return put({});
    Cursor cursor{memory_, at_};
    const Encoded encoded = encode(cursor, value);
    at_ = cursor.at;
    put(encoded);
  }
  void begin_dict();
  void end_dict();
  void begin_list();
  void end_list();

  /// Adds all members of a JSON object to the dict at hand; `value_json` takes any JSON value, as `value` does.
  /// Integers beyond int64 become float64. Errors: kInvalidArgument with line and column; what came before stays.
  Status add_json(std::string_view object);
  Status value_json(std::string_view json);
  /// Adds one dict per row to the dict at hand, under the text of column `key_column` (utf8 or int64, no nulls), with
  /// the other columns as members. Timestamps become int64, in microseconds; images and tensors arrays, float16
  /// float32. Errors: kNotFound, kInvalidArgument.
  Status add_rows(const RecordBatch& rows, std::string_view key_column);
  /// Adds one member per column to the dict at hand: an array (bool, int64, float64), or a list for utf8 and where
  /// there are nulls.
  void add_columns(const RecordBatch& columns);

  /// Ends the block and returns it: the memory of the builder, the caller or the sink, valid until `clear` or the next
  /// growth. Cost: linear in the entries of the root; with a checksum a pass over the block.
  Result<std::span<const std::byte>> finish();
  /// Starts anew, in the same memory.
  void clear();
  /// Bytes so far, without what `finish` adds: the root's index (11 bytes an entry) and a little more.
  std::size_t size_bytes() const noexcept { return at_; }

 private:
  struct Impl;
  struct Frame;
  using Tag = dictionary_format::Tag;
  /// A value as its slot will hold it: `word`, or for what lies elsewhere its place from the block's start, and length.
  struct Encoded {
    Tag tag = Tag::kNull;
    std::uint32_t length = 0;
    std::uint64_t word = 0;
  };
  static constexpr std::size_t kTooDeep = ~std::size_t{0};  // asks `grow` for the error
  static constexpr bool is_reference(Tag tag) noexcept { return tag >= Tag::kString && tag <= Tag::kArray; }

  /// Where the next bytes go; a local one, which the compiler can keep in registers.
  struct Cursor {
    std::byte* memory;
    std::uint64_t at;
  };

  template <class V>
  bool make_ready(const V& value, std::size_t more_bytes);
  template <class V>
  bool prepare(const V& value);
  template <class V>
  static constexpr int depth_of() noexcept;
  template <class V>
  static std::size_t bound(const V& value) noexcept;
  static std::size_t bound_of_length(std::size_t bytes) noexcept;
  static std::size_t entry_bound(std::string_view key) noexcept {
    return sizeof(dictionary_format::Entry) + key.size() + 8;
  }
  template <class V>
  Encoded encode(Cursor& cursor, const V& value);
  template <class... V>
  Encoded encode_row(Cursor& cursor, const Row<V...>& row);
  Encoded encode_text(Cursor& cursor, std::string_view text);
  static Encoded encode_bytes(Cursor& cursor, std::span<const std::byte> bytes);
  static Encoded encode_array(Cursor& cursor, const ArrayView& array);

  bool room(std::size_t bytes) { return capacity_ - at_ >= bytes ? true : grow(bytes); }
  bool grow(std::size_t bytes);
  bool place_shape(std::uint32_t number);
  std::uint64_t begin_entry(Cursor& cursor, std::string_view key);
  std::uint64_t begin_entry(std::string_view key);
  bool check_key(std::string_view key);
  void register_entry(std::byte* memory, std::uint64_t entry, std::string_view key);
  static void place_in_entry(std::byte* memory, std::uint64_t entry, const Encoded& value) noexcept {
    place(memory, entry, entry + offsetof(dictionary_format::Entry, tag), value);
  }
  static void place(std::byte* memory, std::uint64_t slot, std::uint64_t tag, const Encoded& value) noexcept {
    const auto distance = static_cast<std::int64_t>(value.word - slot);
    dictionary_format::store(
        memory + slot, is_reference(value.tag) ? dictionary_format::reference(distance, value.length) : value.word);
    memory[tag] = static_cast<std::byte>(value.tag);
  }
  void put(const Encoded& value);
  void enter(const Frame& frame);
  void open(Frame frame);
  Frame close();
  void share_no_more(Frame& frame);
  Encoded end_node(const Frame& frame, Tag tag, std::size_t count, std::uint32_t first, std::uint64_t shape);
  Encoded end_index(const Frame& frame);
  void check_utf8(std::string_view text);
  void too_large();
  void check_values(const Shape& shape, std::size_t values) const noexcept {
    if (shape.count_ != values)
      contract_broken("DictionaryBuilder: a row has another number of values than its shape has keys");
  }

  std::byte* memory_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t at_ = 0;                       // bytes used
  bool indexed_ = true;                      // the dict at hand
  int depth_ = 1;                            // of the dict or list at hand
  std::vector<std::uint64_t> shape_places_;  // by number; 0: not in this block yet
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock

#include <penstock/dictionary_builder-inl.h>  // bodies of the templates
