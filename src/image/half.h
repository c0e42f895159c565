// SPDX-License-Identifier: MIT
// Numbers of 16 bits as IEEE 754 has them, without instructions that only some processors have.
#pragma once

#include <bit>
#include <cstdint>

namespace penstock::image {

/// The nearest half, of two equally near the even one; too large becomes infinite, NaN stays NaN.
inline std::uint16_t to_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<std::uint16_t>(sign | 0x7E00);
  if (magnitude >= 0x477FF000) return static_cast<std::uint16_t>(sign | 0x7C00);  // 65520 and above
  if (magnitude < 0x38800000) {  // subnormal: counted in steps of 2^-24
    const float steps = std::bit_cast<float>(magnitude) * 0x1p24F;
    const float rounded = steps + 0x1p23F - 0x1p23F;  // to the nearest whole number, ties to even
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(rounded));
  }
  const std::uint32_t odd = magnitude >> 13 & 1;
  return static_cast<std::uint16_t>(sign | (magnitude - 0x38000000 + 0xFFF + odd) >> 13);
}

}  // namespace penstock::image
