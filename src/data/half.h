// SPDX-License-Identifier: MIT
// IEEE 754 binary16, the elements of f16 tensors.
#pragma once

#include <bit>
#include <cstdint>

namespace penstock {

constexpr float float_of_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16;
  const std::uint32_t exponent = half >> 10 & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F80'0000U | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;  // below the normal numbers, and zero
  return sign == 0 ? magnitude : -magnitude;
}

/// The nearest one, in the middle the even one; infinite from 65,520 on.
constexpr std::uint16_t half_of_float(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFF'FFFFU;
  if (magnitude > 0x7F80'0000U) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (magnitude >= 0x477F'F000U) return static_cast<std::uint16_t>(sign | 0x7C00U);
  if (magnitude < 0x3880'0000U) {
    // Adding 0.5 leaves the units of 2^-24 in the lowest bits, rounded by the processor.
    const float units = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(units) - 0x3F00'0000U));
  }
  const std::uint32_t rounded = magnitude - (112U << 23) + 0xFFFU + (magnitude >> 13 & 1U);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

}  // namespace penstock
