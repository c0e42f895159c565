// SPDX-License-Identifier: MIT
// What stages of a workflow hand to each other: values that can be written down and read back.
#pragma once

#include <penstock/fields.h>
#include <penstock/file_ref.h>
#include <penstock/result.h>

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace penstock {

namespace detail {

/// Reads what `encode_value` wrote; `ok` turns false at the first byte that does not fit, and stays so.
struct ValueReader {
  std::string_view bytes;
  bool ok = true;

  std::uint64_t number() {
    std::uint64_t value = 0;
    if (bytes.size() < sizeof value) {
      ok = false;
      return 0;
    }
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
  }
};

inline void put_number(std::string& out, std::uint64_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsOptionalValue = false;
template <class T>
inline constexpr bool kIsOptionalValue<std::optional<T>> = true;

template <class T>
constexpr bool can_be_value() {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, std::string> ||
                std::is_same_v<T, Timestamp> || Record<T>) {
    return true;
  } else if constexpr (kIsVector<T> || kIsOptionalValue<T>) {
    return can_be_value<typename T::value_type>();
  } else {
    return false;
  }
}

}  // namespace detail

/// Numbers, enumerators, bool, std::string, Timestamp, structs with PENSTOCK_FIELDS, and std::vector and std::optional
/// of such.
template <class T>
concept StageValue = std::default_initializable<T> && std::copy_constructible<T> && detail::can_be_value<T>();

/// Appends a value: numbers as eight bytes in the machine's order, what has a length with that in front, records field
/// by field. Equal values give equal bytes.
template <StageValue T>
void encode_value(std::string& out, const T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    const double number = static_cast<double>(value);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    detail::put_number(out, bits);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    detail::put_number(out, static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    detail::put_number(out, static_cast<std::uint64_t>(value.micros));
  } else if constexpr (std::is_same_v<T, std::string>) {
    detail::put_number(out, value.size());
    out += value;
  } else if constexpr (detail::kIsVector<T>) {
    detail::put_number(out, value.size());
    for (const typename T::value_type& element : value) encode_value(out, element);
  } else if constexpr (detail::kIsOptionalValue<T>) {
    detail::put_number(out, value.has_value() ? 1 : 0);
    if (value) encode_value(out, *value);
  } else {
    std::apply([&](const auto&... member) { (encode_value(out, member), ...); }, value.penstock_fields());
  }
}

/// Calls `visit` with every FileRef in a value.
template <class T, class F>
void for_each_file(T& value, F&& visit) {
  using Plain = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<Plain, FileRef>) {
    visit(value);
  } else if constexpr (detail::kIsVector<Plain> && !std::is_same_v<Plain, std::vector<bool>>) {
    for (auto& element : value) for_each_file(element, visit);
  } else if constexpr (detail::kIsOptionalValue<Plain>) {
    if (value) for_each_file(*value, visit);
  } else if constexpr (Record<Plain>) {
    std::apply([&](auto&... member) { (for_each_file(member, visit), ...); }, value.penstock_fields());
  }
}

/// Reads a value back. After a failure (`reader.ok` is false) it holds anything.
template <StageValue T>
void decode_value(detail::ValueReader& reader, T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    const std::uint64_t bits = reader.number();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    value = static_cast<T>(number);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    value = static_cast<T>(reader.number());
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    value.micros = static_cast<std::int64_t>(reader.number());
  } else if constexpr (std::is_same_v<T, std::string>) {
    const std::uint64_t size = reader.number();
    reader.ok = reader.ok && size <= reader.bytes.size();
    if (!reader.ok) return;
    value.assign(reader.bytes.substr(0, size));
    reader.bytes.remove_prefix(size);
  } else if constexpr (detail::kIsVector<T>) {
    std::uint64_t left = reader.number();
    value.clear();
    // Every element has a byte at least, or a false length could ask for any amount of memory.
    reader.ok = reader.ok && left <= reader.bytes.size();
    for (; reader.ok && left > 0; --left) {
      typename T::value_type element{};
      decode_value(reader, element);
      value.push_back(std::move(element));
    }
  } else if constexpr (detail::kIsOptionalValue<T>) {
    if (reader.number() != 0) {
      decode_value(reader, value.emplace());
    } else {
      value.reset();
    }
  } else {
    std::apply([&](auto&... member) { (decode_value(reader, member), ...); }, value.penstock_fields());
  }
}

}  // namespace penstock
