// SPDX-License-Identifier: MIT
// The hand-written program's readers and writers of single cells, fast for what the orders file mostly holds.
#pragma once

#include <fast_float/fast_float.h>
#include <smmintrin.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::benchmark::csv_job {

inline bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }

/// Digits with an optional '-'; the whole text.
inline bool parse_integer(std::string_view text, std::int64_t& value) noexcept {
  if (text.size() - 1 < 18) {
    std::int64_t number = 0;
    bool all_digits = true;
    for (const char c : text) {
      all_digits &= is_digit(c);
      number = 10 * number + (c - '0');
    }
    if (all_digits) return value = number, true;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Sixteen digits as a number.
inline std::uint64_t sixteen_digits(__m128i digits) noexcept {
  const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));  // 10 · even + odd
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));  // 100 and 1
  const __m128i packed = _mm_packus_epi32(fours, fours);
  const __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710));  // 10000 and 1
  const auto both = static_cast<std::uint64_t>(_mm_cvtsi128_si64(eights));
  return (both & 0xFFFFFFFFu) * 100'000'000 + (both >> 32);
}

/// A finite decimal. Up to 16 bytes of digits with a point among them are an exact integer over an exact power of ten,
/// so one division rounds correctly (W. Clinger, "How to read floating point numbers accurately", PLDI 1990); the rest
/// goes to fast_float. Reads the 16 bytes before the text's end: they must be readable.
inline bool parse_decimal(std::string_view text, double& value) noexcept {
  static constexpr double kTens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  alignas(16) static constexpr char kKeep[32] = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
                                                 -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  const char* const end = text.data() + text.size();
  if (text.size() - 1 < 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
    const __m128i keep = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kKeep + text.size()));
    const __m128i all = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    const auto mask = [&](__m128i lanes) {
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(lanes, keep)));
    };
    const unsigned cell = mask(_mm_set1_epi8(-1));
    const unsigned digits = mask(_mm_cmpeq_epi8(_mm_min_epu8(all, _mm_set1_epi8(9)), all));
    const unsigned point = mask(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
    if ((digits | point) == cell && digits != 0 && (point & (point - 1)) == 0) {
      __m128i kept = _mm_and_si128(all, keep);
      int places = 0;
      if (point != 0) {  // the digits before the point move one byte up, over it
        const int at = std::countr_zero(point);
        places = 15 - at;
        const __m128i lane = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m128i before = _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(at + 1)), lane);
        kept = _mm_shuffle_epi8(kept, _mm_add_epi8(lane, before));
      }
      if (const std::uint64_t number = sixteen_digits(kept); number <= std::uint64_t{1} << 53) {
        value = static_cast<double>(number) / kTens[places];
        return true;
      }
    }
  }
  const auto [stop, error] = fast_float::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end && std::isfinite(value);
}

/// "YYYY-MM-DDThh:mm:ss.mmmZ" with a day and a time that exist.
inline bool is_timestamp(std::string_view text) noexcept {
  if (text.size() != 24) return false;
  const auto fits = [&](std::size_t at) {  // 16 bytes: digits where the form has '0', the same byte elsewhere
    const __m128i form = _mm_loadu_si128(reinterpret_cast<const __m128i*>("0000-00-00T00:00:00.000Z" + at));
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i digits = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    const __m128i want_digit = _mm_cmpeq_epi8(form, _mm_set1_epi8('0'));
    return _mm_movemask_epi8(_mm_blendv_epi8(_mm_cmpeq_epi8(bytes, form), is_digit, want_digit)) == 0xFFFF;
  };
  if (!fits(0) || !fits(8)) return false;
  const auto two = [&](std::size_t at) { return 10 * (text[at] - '0') + (text[at + 1] - '0'); };
  const int year = 100 * two(0) + two(2);
  const int month = two(5);
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  static constexpr int kDays[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || year < 1) return false;
  return two(8) >= 1 && two(8) <= kDays[month] + (month == 2 && leap ? 1 : 0) && two(11) < 24 && two(14) < 60 &&
         two(17) < 60;
}

/// Writes the shortest text that reads back as `value`, in [0, 1e12). Two decimals, mostly: if they read back, no other
/// text of up to 15 digits does, so without trailing zeros they are the shortest.
inline char* write_amount(char* out, double value) noexcept {
  const auto hundredths = static_cast<std::uint64_t>(value * 100 + 0.5);
  if (static_cast<double>(hundredths) / 100 != value) return std::to_chars(out, out + 32, value).ptr;
  out = std::to_chars(out, out + 24, hundredths / 100).ptr;
  const std::uint64_t rest = hundredths % 100;
  *out++ = '.';
  *out++ = static_cast<char>('0' + rest / 10);
  if (rest % 10 != 0) *out++ = static_cast<char>('0' + rest % 10);
  return out;
}

/// Writes lower(trim(cell)) as a cell: spaces at both ends go, ASCII letters become small. A quoted cell stays quoted.
inline char* write_normalised(char* out, std::string_view cell) noexcept {
  const bool quoted = cell.size() >= 2 && cell.front() == '"';
  if (quoted) cell = cell.substr(1, cell.size() - 2);
  while (!cell.empty() && cell.front() == ' ') cell.remove_prefix(1);
  while (!cell.empty() && cell.back() == ' ') cell.remove_suffix(1);
  if (quoted) *out++ = '"';
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const auto c = static_cast<unsigned char>(cell[i]);
    out[i] = static_cast<char>(c | (static_cast<unsigned char>(c - 'A') < 26 ? 0x20 : 0));
  }
  out += cell.size();
  if (quoted) *out++ = '"';
  return out;
}

}  // namespace penstock::benchmark::csv_job
