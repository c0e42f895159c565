// SPDX-License-Identifier: MIT
// 64 bytes as bit masks, with the widest instructions that the compiler was allowed to use.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace penstock::benchmark::csv_job {

/// Bit i is set where `at[i] == byte`; reads 64 bytes.
inline std::uint64_t mask_of(const char* at, char byte) noexcept {
#if defined(__AVX512BW__)
  return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(at), _mm512_set1_epi8(byte));
#elif defined(__AVX2__)
  const __m256i wanted = _mm256_set1_epi8(byte);
  const auto half = [&](const char* p) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, wanted)));
  };
  return half(at) | static_cast<std::uint64_t>(half(at + 32)) << 32;
#else
  const __m128i wanted = _mm_set1_epi8(byte);
  std::uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
    mask |= static_cast<std::uint64_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted))) << (16 * i);
  }
  return mask;
#endif
}

/// Bit i of the result is the parity of bits 0 to i: ones between an opening quote and its closing one.
inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
#if defined(__PCLMUL__)
  const __m128i ones = _mm_set1_epi8(-1);
  const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), ones, 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
#else
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
#endif
}

}  // namespace penstock::benchmark::csv_job
