// SPDX-License-Identifier: MIT
#include <penstock/dictionary.h>

#include <charconv>
#include <cmath>
#include <string>

#include "base/base64.h"
#include "data/json_text.h"
#include "data/number_text.h"

namespace penstock {
namespace {

void append_int64(std::string& out, std::int64_t value) {
  char digits[kMostInt64Text];
  out.append(digits, format_int64(digits, value));
}

void append_float64(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    char digits[kMostFloat64Text];
    out.append(digits, format_float64(digits, value));
  }
}

void append_base64_text(std::string& out, std::span<const std::byte> bytes) {
  out += '"';
  append_base64(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  out += '"';
}

template <class T>
void append_number(std::string& out, const std::byte* from) {
  const T value = dictionary_format::load<T>(from);
  if constexpr (std::is_floating_point_v<T>) {
    append_float64(out, static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  } else {
    append_int64(out, value);
  }
}

void append_element(std::string& out, ElementType type, const std::byte* from) {
  switch (type) {
    case ElementType::kBool: out += *from == std::byte{0} ? "false" : "true"; return;
    case ElementType::kInt8: return append_number<std::int8_t>(out, from);
    case ElementType::kInt16: return append_number<std::int16_t>(out, from);
    case ElementType::kInt32: return append_number<std::int32_t>(out, from);
    case ElementType::kInt64: return append_number<std::int64_t>(out, from);
    case ElementType::kUint8: return append_number<std::uint8_t>(out, from);
    case ElementType::kUint16: return append_number<std::uint16_t>(out, from);
    case ElementType::kUint32: return append_number<std::uint32_t>(out, from);
    case ElementType::kUint64: return append_number<std::uint64_t>(out, from);
    case ElementType::kFloat32: return append_number<float>(out, from);
    case ElementType::kFloat64: return append_number<double>(out, from);
  }
}

// One list per dimension. An empty dimension ends it: a shape of [2^60, 0] is no work of 2^60 empty lists.
void append_array(std::string& out, const Dictionary::Array& array, std::size_t dimension, const std::byte*& from) {
  if (dimension == array.shape().size()) {
    append_element(out, array.type(), from);
    from += size_of(array.type());
    return;
  }
  out += '[';
  const std::uint64_t length = array.size() == 0 ? 0 : array.shape()[dimension];
  for (std::uint64_t i = 0; i < length; ++i) {
    if (i > 0) out += ',';
    append_array(out, array, dimension + 1, from);
  }
  out += ']';
}

void append_value(std::string& out, Dictionary::Value value);

void append_dict(std::string& out, Dictionary::Dict dict) {
  out += '{';
  bool first = true;
  for (const Dictionary::Member member : dict) {
    if (!first) out += ',';
    first = false;
    append_json_text(out, member.key);
    out += ':';
    append_value(out, member.value);
  }
  out += '}';
}

void append_list(std::string& out, Dictionary::List list) {
  out += '[';
  bool first = true;
  for (const Dictionary::Value value : list) {
    if (!first) out += ',';
    first = false;
    append_value(out, value);
  }
  out += ']';
}

void append_value(std::string& out, Dictionary::Value value) {
  switch (value.kind()) {
    case ValueKind::kAbsent:
    case ValueKind::kNull: out += "null"; return;
    case ValueKind::kBool: out += value.boolean_or(false) ? "true" : "false"; return;
    case ValueKind::kInt64: return append_int64(out, value.int64_or(0));
    case ValueKind::kFloat64: return append_float64(out, value.float64_or(0));
    case ValueKind::kString: append_json_text(out, value.string_or({})); return;
    case ValueKind::kBytes: return append_base64_text(out, *value.bytes());
    case ValueKind::kList: return append_list(out, value.as_list());
    case ValueKind::kDict: return append_dict(out, value.as_dict());
    case ValueKind::kArray: {
      const Dictionary::Array array = value.as_array();
      const std::byte* from = array.bytes().data();
      return append_array(out, array, 0, from);
    }
  }
}

}  // namespace

std::string Dictionary::Value::to_json() const {
  std::string out;
  append_value(out, *this);
  return out;
}

std::string Dictionary::to_json() const {
  std::string out;
  append_dict(out, root());
  return out;
}

}  // namespace penstock
