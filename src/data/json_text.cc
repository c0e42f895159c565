// SPDX-License-Identifier: MIT
#include "data/json_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/utf8.h"
#include "data/calendar.h"
#include "data/half.h"
#include "data/number_text.h"
#include "data/timestamp_text.h"

namespace penstock {
namespace {

void append_escape(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

void append_json_number(std::string& out, double value) {
  char text[64];
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    out.append(text, format_float64(text, value));
  }
}

// The shortest text that is read as the same f32.
void append_json_number(std::string& out, float value) {
  if (!std::isfinite(value)) return append_json_number(out, static_cast<double>(value));
  char text[64];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

template <class T>
void append_elements(std::string& out, std::span<const std::byte> row) {
  for (std::size_t i = 0; i < row.size() / sizeof(T); ++i) {
    T element{};
    std::memcpy(&element, row.data() + i * sizeof(T), sizeof(T));
    if (i > 0) out += ',';
    if constexpr (std::is_floating_point_v<T>) {
      append_json_number(out, element);
    } else {
      out += std::to_string(element);
    }
  }
}

void append_halves(std::string& out, std::span<const std::byte> row) {
  for (std::size_t i = 0; i < row.size() / 2; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, row.data() + i * 2, 2);
    if (i > 0) out += ',';
    append_json_number(out, float_of_half(half));
  }
}

void append_json_tensor(std::string& out, TensorElement element, std::span<const std::byte> row) {
  out += '[';
  switch (element) {
    case TensorElement::kU8:
    case TensorElement::kBool: append_elements<std::uint8_t>(out, row); break;
    case TensorElement::kI8: append_elements<std::int8_t>(out, row); break;
    case TensorElement::kU16: append_elements<std::uint16_t>(out, row); break;
    case TensorElement::kI16: append_elements<std::int16_t>(out, row); break;
    case TensorElement::kU32: append_elements<std::uint32_t>(out, row); break;
    case TensorElement::kI32: append_elements<std::int32_t>(out, row); break;
    case TensorElement::kU64: append_elements<std::uint64_t>(out, row); break;
    case TensorElement::kI64: append_elements<std::int64_t>(out, row); break;
    case TensorElement::kF16: append_halves(out, row); break;
    case TensorElement::kF32: append_elements<float>(out, row); break;
    case TensorElement::kF64: append_elements<double>(out, row); break;
  }
  out += ']';
}

std::string description(const ImageView& image) {
  return fmt::format("image [{}, {}, {}]", image.height, image.width, image.channels);
}

}  // namespace

bool append_json_text(std::string& out, std::string_view text) {
  bool valid = true;
  out += '"';
  std::size_t plain = 0;  // start of what is copied as it is
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    const std::size_t length = byte < 0x80 ? 0 : utf8_length(text.substr(i));
    if (length > 0) {
      i += length;
      continue;
    }
    out.append(text, plain, i - plain);
    if (byte < 0x80) {
      append_escape(out, text[i]);
    } else {
      out += "\\ufffd";
      valid = false;
    }
    plain = ++i;
  }
  out.append(text, plain);
  out += '"';
  return valid;
}

void append_json_value(std::string& out, const Column& column, std::size_t row) {
  char text[64];
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (column.type()) {
    case Type::kInt64: out.append(text, format_int64(text, column.int64s()[row])); return;
    case Type::kFloat64: append_json_number(out, column.float64s()[row]); return;
    case Type::kBool: out += get_bit(column.bits(), row) ? "true" : "false"; return;
    case Type::kUtf8: append_json_text(out, column.text(row)); return;
    case Type::kImage: append_json_text(out, description(column.image(row))); return;
    case Type::kTensor: append_json_tensor(out, column.tensor_row().element, column.tensor(row)); return;
    case Type::kTimestamp:
      // Arithmetic can leave the years that have a text; the number then still tells what was found.
      if (column.int64s()[row] < kFirstTimestamp || column.int64s()[row] > kLastTimestamp) {
        out.append(text, format_int64(text, column.int64s()[row]));
        return;
      }
      out += '"';
      out.append(text, format_timestamp(text, column.int64s()[row]));
      out += '"';
      return;
  }
}

namespace {

// Tensors of more bytes than that are told by their type.
void append_row(std::string& out, const RecordBatch& batch, std::size_t row, std::size_t most_tensor_bytes) {
  out += '{';
  for (std::size_t c = 0; c < batch.num_columns(); ++c) {
    const Field& field = batch.schema()[c];
    const Column& column = batch.column(c);
    if (c > 0) out += ',';
    append_json_text(out, field.name);
    out += ':';
    if (column.tensor_row().bytes > most_tensor_bytes && !column.is_null(row)) {
      append_json_text(out, "tensor " + field.tensor.to_text());
    } else {
      append_json_value(out, column, row);
    }
  }
  out += '}';
}

}  // namespace

void append_json_row(std::string& out, const RecordBatch& batch, std::size_t row) {
  append_row(out, batch, row, std::numeric_limits<std::size_t>::max());
}

// Vectors are shown, not tensors that hold an image.
std::string RecordBatch::row_to_json(std::size_t row) const {
  std::string out;
  append_row(out, *this, row, 64 << 10);
  return out;
}

}  // namespace penstock
