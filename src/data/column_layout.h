// SPDX-License-Identifier: MIT
// How many bytes the buffers of a column take.
#pragma once

#include <penstock/batch.h>

#include <cstddef>
#include <cstdint>

namespace penstock {

/// Bytes of a bitmap of so many bits.
constexpr std::size_t bitmap_bytes(std::size_t bits) noexcept { return bits / 8 + (bits % 8 != 0 ? 1 : 0); }

/// Whether the values are offsets into bytes of their own.
constexpr bool has_offsets(Type type) noexcept { return type == Type::kUtf8 || type == Type::kImage; }

/// Bytes of the values buffer for so many rows; that of texts and images holds their offsets.
constexpr std::size_t values_bytes(Type type, std::size_t rows, TensorRow row) noexcept {
  switch (type) {
    case Type::kBool: return bitmap_bytes(rows);
    case Type::kUtf8:
    case Type::kImage: return (rows + 1) * sizeof(std::int32_t);
    case Type::kTensor: return rows * row.bytes;
    case Type::kInt64:
    case Type::kFloat64:
    case Type::kTimestamp: break;
  }
  return rows * 8;
}

/// How many rows have room in a values buffer of so many bytes, which has room for none at least.
constexpr std::size_t rows_in(Type type, std::size_t bytes, TensorRow row) noexcept {
  if (type == Type::kBool) return bytes * 8;
  if (type == Type::kTensor) return bytes / row.bytes;
  return has_offsets(type) ? bytes / sizeof(std::int32_t) - 1 : bytes / 8;
}

/// Bytes of all texts or images of a column; 0 for other types.
inline std::size_t text_bytes(const Column& column) noexcept {
  return has_offsets(column.type()) && column.size() > 0 ? static_cast<std::size_t>(column.offsets()[column.size()])
                                                         : 0;
}

/// What the rows of a field's columns are; nothing unless it is a tensor that can be.
inline TensorRow tensor_row(const Field& field) noexcept {
  if (field.type != Type::kTensor) return {};
  return {field.tensor.element, field.tensor.row_bytes().value_or(0)};
}

}  // namespace penstock
