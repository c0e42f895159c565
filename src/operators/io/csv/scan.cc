// SPDX-License-Identifier: MIT
#include "operators/io/csv/scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace penstock::csv {
namespace {

// One bit per byte of a word of 64 bytes.
struct Masks {
  std::uint64_t quotes;
  std::uint64_t delimiters;
  std::uint64_t feeds;
  std::uint64_t returns;
};

// Bit i of the result is the xor of the bits 0 to i.
inline std::uint64_t prefix_xor_by_shifts(std::uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

// 64 for 0, which __builtin_ctzll leaves undefined.
inline int trailing_zeros_or_64(std::uint64_t bits) { return bits == 0 ? 64 : __builtin_ctzll(bits); }

namespace portable {
inline Masks masks_of(const char* bytes, char delimiter, char quote) {
  Masks masks = {};
  for (int i = 0; i < 64; ++i) {
    masks.quotes |= std::uint64_t{bytes[i] == quote} << i;
    masks.delimiters |= std::uint64_t{bytes[i] == delimiter} << i;
    masks.feeds |= std::uint64_t{bytes[i] == '\n'} << i;
    masks.returns |= std::uint64_t{bytes[i] == '\r'} << i;
  }
  return masks;
}
inline std::uint64_t prefix_xor(std::uint64_t bits) { return prefix_xor_by_shifts(bits); }
inline int trailing_zeros(std::uint64_t bits) { return trailing_zeros_or_64(bits); }
#include "operators/io/csv/scan.inc"
}  // namespace portable

#if defined(__x86_64__)
namespace sse2 {
inline std::uint64_t equal(const __m128i* block, char byte) {
  const __m128i wanted = _mm_set1_epi8(byte);
  std::uint64_t bits = 0;
  for (int i = 0; i < 4; ++i) {
    bits |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(block[i], wanted)))} << (16 * i);
  }
  return bits;
}
inline Masks masks_of(const char* bytes, char delimiter, char quote) {
  __m128i block[4];
  for (int i = 0; i < 4; ++i) block[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes) + i);
  return {equal(block, quote), equal(block, delimiter), equal(block, '\n'), equal(block, '\r')};
}
inline std::uint64_t prefix_xor(std::uint64_t bits) { return prefix_xor_by_shifts(bits); }
inline int trailing_zeros(std::uint64_t bits) { return trailing_zeros_or_64(bits); }
#include "operators/io/csv/scan.inc"
}  // namespace sse2

// The functions between push and pop are compiled for AVX2; they run only after scan_function has asked the processor.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,pclmul,bmi,bmi2,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,pclmul,bmi,bmi2,popcnt")
#endif
namespace avx2 {
inline __attribute__((always_inline)) std::uint64_t equal(__m256i low, __m256i high, char byte) {
  const __m256i wanted = _mm256_set1_epi8(byte);
  const auto a = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)));
  const auto b = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)));
  return std::uint64_t{a} | std::uint64_t{b} << 32;
}
inline __attribute__((always_inline)) Masks masks_of(const char* bytes, char delimiter, char quote) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes) + 1);
  return {equal(low, high, quote), equal(low, high, delimiter), equal(low, high, '\n'), equal(low, high, '\r')};
}
// A carry-less product with all ones is the prefix xor.
inline __attribute__((always_inline)) std::uint64_t prefix_xor(std::uint64_t bits) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), _mm_set1_epi8('\xFF'), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}
inline __attribute__((always_inline)) int trailing_zeros(std::uint64_t bits) {
  return static_cast<int>(_tzcnt_u64(bits));
}
#include "operators/io/csv/scan.inc"
ScanStop scan(ScanState& state) { return scan_words(state); }
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif  // __x86_64__

}  // namespace

ScanStop scan_portable(ScanState& state) { return portable::scan_words(state); }

#if defined(__x86_64__)
ScanStop scan_sse2(ScanState& state) { return sse2::scan_words(state); }
ScanStop scan_avx2(ScanState& state) { return avx2::scan(state); }
#endif

ScanFunction scan_function(Scan scan) noexcept {
  if (scan == Scan::kRowByRow) return nullptr;
#if defined(__x86_64__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
                        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                        __builtin_cpu_supports("popcnt");
  if (scan == Scan::kPortable) return scan_portable;
  return has_avx2 && scan != Scan::kSse2 ? scan_avx2 : scan_sse2;
#else
  // Without vector masks the loop is slower than going byte by byte; it stays for tests.
  return scan == Scan::kPortable ? scan_portable : nullptr;
#endif
}

}  // namespace penstock::csv
