// SPDX-License-Identifier: MIT
// How many bytes the buffers of a column take.
#pragma once

#include <penstock/batch.h>

#include <cstddef>
#include <cstdint>

namespace penstock {

/// Bytes of a bitmap of so many bits.
constexpr std::size_t bitmap_bytes(std::size_t bits) noexcept { return bits / 8 + (bits % 8 != 0 ? 1 : 0); }

/// Bytes of the values buffer for so many rows; that of texts holds their offsets.
constexpr std::size_t values_bytes(Type type, std::size_t rows) noexcept {
  switch (type) {
    case Type::kBool: return bitmap_bytes(rows);
    case Type::kUtf8: return (rows + 1) * sizeof(std::int32_t);
    case Type::kInt64:
    case Type::kFloat64:
    case Type::kTimestamp: break;
  }
  return rows * 8;
}

}  // namespace penstock
