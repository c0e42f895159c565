// SPDX-License-Identifier: MIT
// How values of C++ types become bytes of a block. Writing a row is a handful of stores that the compiler sees through.
#pragma once

#include <penstock/dictionary_builder.h>

namespace penstock {

/// A dict to add: a shape and references to its values.
template <class... V>
struct DictionaryBuilder::Row {
  Shape shape;
  std::tuple<const V&...> values;
};

template <class... V>
DictionaryBuilder::Row<V...> DictionaryBuilder::Shape::operator()(const V&... values) const noexcept {
  return {*this, std::tuple<const V&...>(values...)};
}

namespace dictionary_detail {

template <class T>
inline constexpr bool kIsRow = false;
template <class... V>
inline constexpr bool kIsRow<DictionaryBuilder::Row<V...>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsNothing = std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>;
template <class T>
concept Text = std::is_convertible_v<const T&, std::string_view> && !kIsNothing<T>;
template <class T>
concept Bytes = std::is_convertible_v<const T&, std::span<const std::byte>>;
template <class T>
concept Numbers = !Text<T> && requires(const T& range) {
  std::span(range);
  requires std::is_arithmetic_v<typename decltype(std::span(range))::value_type>;
};

template <class T>
ArrayView array_of(const T& range, const std::uint64_t& length) noexcept {
  using Element = typename decltype(std::span(range))::value_type;
  return ArrayView::of(std::span<const Element>(range), std::span<const std::uint64_t>(&length, 1));
}

// The bytes of a text of at most eight bytes, as a number, without reading beyond it.
inline std::uint64_t short_word(const char* text, std::size_t length) noexcept {
  std::uint64_t word = 0;
  if (length == 8) {
    std::memcpy(&word, text, 8);
  } else if (length >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, text, 4);
    std::memcpy(&last, text + length - 4, 4);
    word = first | std::uint64_t{last} << (8 * (length - 4));
  } else if (length > 0) {
    // The first, a middle and the last byte: some are the same when there are less than three.
    const auto byte = [&](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(text[at])} << (8 * at); };
    word = byte(0) | byte(length / 2) | byte(length - 1);
  }
  return word;
}

inline constexpr std::uint64_t kHighBits = 0x8080808080808080U;

inline bool is_ascii(std::string_view text) noexcept {
  std::uint64_t bits = 0;
  const char* const end = text.data() + text.size();
  if (text.size() < 8) {
    bits = short_word(text.data(), text.size());
  } else {
    for (const char* at = text.data(); end - at > 8; at += 8) bits |= short_word(at, 8);
    bits |= short_word(end - 8, 8);
  }
  return (bits & kHighBits) == 0;
}

// Copies a text and zeros after it, up to a multiple of eight bytes; returns how many.
inline std::size_t copy_padded(std::byte* to, std::string_view text) noexcept {
  const std::size_t bytes = dictionary_format::padded(text.size());
  if (text.size() > 16) {
    dictionary_format::store(to + bytes - 8, std::uint64_t{0});
    std::memcpy(to, text.data(), text.size());
  } else if (text.size() > 8) {
    dictionary_format::store(to, short_word(text.data(), 8));
    dictionary_format::store(to + 8, short_word(text.data() + 8, text.size() - 8));
  } else if (!text.empty()) {
    dictionary_format::store(to, short_word(text.data(), text.size()));
  }
  return bytes;
}

}  // namespace dictionary_detail

template <class V>
constexpr int DictionaryBuilder::depth_of() noexcept {
  if constexpr (dictionary_detail::kIsRow<V>) {
    return []<class... W>(std::type_identity<Row<W...>>) {
      int deepest = 0;
      ((deepest = depth_of<W>() > deepest ? depth_of<W>() : deepest), ...);
      return 1 + deepest;
    }(std::type_identity<V>());
  } else if constexpr (dictionary_detail::kIsOptional<V>) {
    return depth_of<typename V::value_type>();
  } else {
    return 0;
  }
}

// Lengths have 32 bits; what is longer gets no room.
inline std::size_t DictionaryBuilder::bound_of_length(std::size_t bytes) noexcept {
  return bytes <= UINT32_MAX ? bytes + 8 : dictionary_format::kMaxBytes;
}

// No value needs more bytes than that, paddings included.
template <class V>
[[gnu::always_inline]] inline std::size_t DictionaryBuilder::bound(const V& value) noexcept {
  if constexpr (dictionary_detail::kIsRow<V>) {
    return std::apply([](const auto&... each)
                          __attribute__((always_inline)) { return (std::size_t{24} + ... + (9 + bound(each))); },
                      value.values);
  } else if constexpr (dictionary_detail::kIsOptional<V>) {
    return value ? bound(*value) : 0;
  } else if constexpr (dictionary_detail::Text<V>) {
    return bound_of_length(std::string_view(value).size());
  } else if constexpr (dictionary_detail::Bytes<V>) {
    return bound_of_length(std::span<const std::byte>(value).size());
  } else if constexpr (std::is_same_v<V, ArrayView>) {
    return value.elements.size() + 8 * value.shape.size() + 16 + dictionary_format::kArrayAlignment;
  } else if constexpr (dictionary_detail::Numbers<V>) {
    return std::span(value).size_bytes() + 24 + dictionary_format::kArrayAlignment;
  } else {
    return 0;
  }
}

// Puts the shapes of rows into the block, where they are not yet.
template <class V>
[[gnu::always_inline]] inline bool DictionaryBuilder::prepare(const V& value) {
  if constexpr (dictionary_detail::kIsRow<V>) {
    if (shape_places_[value.shape.number_] == 0 && !place_shape(value.shape.number_)) return false;
    return std::apply([&](const auto&... each)
                          __attribute__((always_inline)) { return (true && ... && prepare(each)); },
                      value.values);
  } else if constexpr (dictionary_detail::kIsOptional<V>) {
    return !value || prepare(*value);
  } else {
    return true;
  }
}

template <class V>
[[gnu::always_inline]] inline bool DictionaryBuilder::make_ready(const V& value, std::size_t more_bytes) {
  if (!prepare(value)) return false;
  return room(depth_ + depth_of<V>() > dictionary_format::kMaxDepth ? kTooDeep : bound(value) + more_bytes);
}

template <class V>
[[gnu::always_inline]] inline DictionaryBuilder::Encoded DictionaryBuilder::encode(Cursor& cursor, const V& value) {
  if constexpr (dictionary_detail::kIsRow<V>) {
    return encode_row(cursor, value);
  } else if constexpr (dictionary_detail::kIsOptional<V>) {
    return value ? encode(cursor, *value) : Encoded();
  } else if constexpr (dictionary_detail::kIsNothing<V>) {
    return {};
  } else if constexpr (std::is_same_v<V, bool>) {
    return {Tag::kBool, 0, value ? std::uint64_t{1} : 0};
  } else if constexpr (std::is_integral_v<V>) {
    if (std::is_unsigned_v<V> && sizeof(V) == 8 && static_cast<std::int64_t>(value) < 0) too_large();
    return {Tag::kInt64, 0, static_cast<std::uint64_t>(static_cast<std::int64_t>(value))};
  } else if constexpr (std::is_floating_point_v<V>) {
    return {Tag::kFloat64, 0, std::bit_cast<std::uint64_t>(static_cast<double>(value))};
  } else if constexpr (dictionary_detail::Text<V>) {
    return encode_text(cursor, value);
  } else if constexpr (dictionary_detail::Bytes<V>) {
    return encode_bytes(cursor, value);
  } else if constexpr (std::is_same_v<V, ArrayView>) {
    return encode_array(cursor, value);
  } else {
    static_assert(
        dictionary_detail::Numbers<V>,
        "penstock: a dictionary holds null, bool, integers, floats, text, bytes, arrays of numbers, and rows of these");
    const std::uint64_t length = std::span(value).size();
    return encode_array(cursor, dictionary_detail::array_of(value, length));
  }
}

// The row's own bytes first, then what its values refer to.
template <class... V>
[[gnu::always_inline]] inline DictionaryBuilder::Encoded DictionaryBuilder::encode_row(Cursor& cursor,
                                                                                       const Row<V...>& row) {
  constexpr std::size_t kCount = sizeof...(V);
  constexpr std::size_t kSlots = dictionary_format::slots_offset(kCount);
  check_values(row.shape, kCount);
  const std::uint64_t node = cursor.at;
  cursor.at += dictionary_format::node_bytes(kCount);
  std::memset(cursor.memory + node, 0, kSlots);
  dictionary_format::store(cursor.memory + node,
                           static_cast<std::uint32_t>((node - shape_places_[row.shape.number_]) / 8));
  [&]<std::size_t... kAt>(std::index_sequence<kAt...>) __attribute__((always_inline)) {
    (place(cursor.memory, node + kSlots + 8 * kAt, node + 4 + kAt, encode(cursor, std::get<kAt>(row.values))), ...);
  }(std::index_sequence_for<V...>());
  return {Tag::kShaped, 0, node};
}

[[gnu::always_inline]] inline DictionaryBuilder::Encoded DictionaryBuilder::encode_text(Cursor& cursor,
                                                                                        std::string_view text) {
  if (text.size() <= dictionary_format::kShortBytes) {
    const std::uint64_t word = dictionary_detail::short_word(text.data(), text.size());
    if ((word & dictionary_detail::kHighBits) != 0) [[unlikely]]
      check_utf8(text);
    return {static_cast<Tag>(static_cast<std::size_t>(Tag::kShort) + text.size()), 0, word};
  }
  const std::uint64_t place = cursor.at;
  if (!dictionary_detail::is_ascii(text)) [[unlikely]]
    check_utf8(text);
  cursor.at += dictionary_detail::copy_padded(cursor.memory + place, text);
  return {Tag::kString, static_cast<std::uint32_t>(text.size()), place};
}

// Requires room. The entry's step to the next one is written when that begins.
[[gnu::always_inline]] inline std::uint64_t DictionaryBuilder::begin_entry(Cursor& cursor, std::string_view key) {
  const std::uint64_t entry = cursor.at;
  if ((key.size() > dictionary_format::kMaxKeyBytes || !dictionary_detail::is_ascii(key)) && !check_key(key))
      [[unlikely]]
    key = {};
  dictionary_format::store(cursor.memory + entry,
                           dictionary_format::Entry{0, 0, static_cast<std::uint16_t>(key.size()), Tag::kNull, 0});
  cursor.at += sizeof(dictionary_format::Entry);
  cursor.at += dictionary_detail::copy_padded(cursor.memory + cursor.at, key);
  register_entry(cursor.memory, entry, key);
  return entry;
}

}  // namespace penstock
