// SPDX-License-Identifier: MIT
#include "data/number_text.h"

#include <fast_float/fast_float.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "data/digits.h"
#include "data/shortest_decimal.h"

namespace penstock {
namespace {

using digits::all_digits;
using digits::close_gap;
using digits::find_point;
using digits::kPowers;
using digits::load;
using digits::load_right_aligned;
using digits::to_number;

constexpr std::uint64_t kLargestExact = std::uint64_t{1} << 53;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equals_lower(std::string_view text, std::string_view word) noexcept {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != word[i]) return false;
  }
  return true;
}

/// The long way: any count of digits, with the range check that short texts do not need.
ParseOutcome parse_long_int64(const char* at, const char* end, bool negative, std::int64_t& value) noexcept {
  bool fits = true;
  const std::uint64_t most = negative ? std::uint64_t{1} << 63 : (std::uint64_t{1} << 63) - 1;
  std::uint64_t number = 0;
  for (; at != end; ++at) {
    const auto digit = static_cast<std::uint64_t>(static_cast<unsigned char>(*at)) - '0';
    if (digit > 9) return ParseOutcome::kInvalid;
    if (number > (most - digit) / 10) fits = false;
    number = number * 10 + digit;
  }
  if (!fits) return ParseOutcome::kOutOfRange;
  value = static_cast<std::int64_t>(negative ? 0 - number : number);
  return ParseOutcome::kOk;
}

/// Up to 16 bytes of digits, right-aligned in two words.
struct Words {
  std::uint64_t front;
  std::uint64_t back;
};

/// Plain decimals of up to 16 bytes whose digits make an integer below 2^53: that integer and the power of ten are
/// exact, so one division rounds correctly (Clinger 1990). Returns false for whatever else.
bool parse_plain(const char* at, std::size_t size, bool negative, double& value) noexcept {
  Words words{digits::kZeros, 0};
  std::size_t decimals = 0;
  if (size <= 8) {
    words.back = load_right_aligned(at, size);
    if (const int point = find_point(words.back); point < 8) {
      if (size == 1) return false;
      decimals = static_cast<std::size_t>(7 - point);
      words.back = close_gap(words.back, point, '0');
    }
    if (!all_digits(words.back)) return false;
  } else {
    words = {load_right_aligned(at, size - 8), load<std::uint64_t>(at + size - 8)};
    if (const int point = find_point(words.front); point < 8) {
      decimals = static_cast<std::size_t>(15 - point);
      words.front = close_gap(words.front, point, '0');
    } else if (const int later = find_point(words.back); later < 8) {
      decimals = static_cast<std::size_t>(7 - later);
      words.back = close_gap(words.back, later, words.front >> 56);
      words.front = words.front << 8 | '0';
    }
    if (!all_digits(words.front) || !all_digits(words.back)) return false;
  }
  const std::uint64_t number = to_number(words.back) + (size > 8 ? to_number(words.front) * 100'000'000 : 0);
  if (number > kLargestExact) return false;
  const double magnitude = static_cast<double>(static_cast<std::int64_t>(number)) / kPowers[decimals];
  value = negative ? -magnitude : magnitude;
  return true;
}

ParseOutcome parse_word(std::string_view text, bool negative, double& value) noexcept {
  double found;
  if (equals_lower(text, "nan")) {
    found = std::numeric_limits<double>::quiet_NaN();
  } else if (equals_lower(text, "inf") || equals_lower(text, "infinity")) {
    found = std::numeric_limits<double>::infinity();
  } else {
    return ParseOutcome::kInvalid;
  }
  value = negative ? -found : found;
  return ParseOutcome::kOk;
}

/// Everything with an exponent, or with more digits than the fast way takes.
ParseOutcome parse_any_float64(const char* at, const char* end, bool negative, double& value) noexcept {
  double number = 0;
  const auto answer = fast_float::from_chars(at, end, number);
  if (answer.ptr != end || (answer.ec != std::errc{} && answer.ec != std::errc::result_out_of_range)) {
    return ParseOutcome::kInvalid;
  }
  if (std::isinf(number)) return ParseOutcome::kOutOfRange;
  value = negative ? -number : number;
  return ParseOutcome::kOk;
}

constexpr std::uint64_t power_of_ten(int exponent) {
  std::uint64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

/// Writes number / 10^kDecimals plainly, without trailing zeros but for one after the point, for a number of at most
/// eight digits. Where the text begins and ends is computed, not branched on: it differs from value to value.
template <int kDecimals>
char* write_short_fixed(char* out, std::uint32_t number) noexcept {
  constexpr int kWhole = 8 - kDecimals;
  constexpr std::uint64_t kUnits = std::uint64_t{1}
                                   << 8 * (kWhole - 1);  // stays, also when it is zero; so does the next one
  const std::uint64_t values = digits::digits_of(number);
  const std::uint64_t text = values | digits::kZeros;
  const int front_zeros = std::countr_zero(values | kUnits) >> 3;
  const int back_zeros = std::countl_zero(values | kUnits << 8) >> 3;
  const std::uint64_t whole = text >> 8 * front_zeros;
  const std::uint64_t decimals = text >> 8 * kWhole;
  std::memcpy(out, &whole, sizeof whole);
  out += kWhole - front_zeros;
  *out = '.';
  std::memcpy(out + 1, &decimals, sizeof decimals);
  return out + 1 + kDecimals - back_zeros;
}

/// The same for a number below 10^15.
template <int kDecimals>
char* write_fixed(char* out, std::uint64_t number) noexcept {
  constexpr std::uint64_t kScale = power_of_ten(kDecimals);
  if constexpr (kDecimals < 8) {
    if (number < 100'000'000) [[likely]]
      return write_short_fixed<kDecimals>(out, static_cast<std::uint32_t>(number));
  }
  out = digits::write_number(out, number / kScale);
  *out++ = '.';
  auto rest = static_cast<std::uint32_t>(number % kScale);
  constexpr int kBehind = kDecimals < 8 ? kDecimals : 8;
  std::uint64_t least = std::uint64_t{1} << 8 * (8 - kBehind);  // the first decimal stays, also when it is zero
  if constexpr (kDecimals == 9) {
    *out++ = static_cast<char>('0' + rest / 100'000'000);
    rest %= 100'000'000;
    least = 0;  // it was that one
  }
  const std::uint64_t decimals = digits::digits_of(rest);
  const std::uint64_t text = (decimals | digits::kZeros) >> 8 * (8 - kBehind);
  std::memcpy(out, &text, sizeof text);
  return out + kBehind - (std::countl_zero(decimals | least) >> 3);
}

/// Writes `value` and returns the end if it is the double nearest to number / 10^kDecimals for a number of at most 15
/// digits, null otherwise. At most one decimal of up to 15 digits rounds to a given normal double, so that one, without
/// its trailing zeros, is the shortest. The product only guesses the number (its error is under 2^-52 of it); the
/// division proves it.
template <int kDecimals>
inline char* try_fixed(char* out, double value) noexcept {
  constexpr double kScale = static_cast<double>(power_of_ten(kDecimals));
  const double product = value * kScale;
  if (!(product < 1e15)) return nullptr;
  const auto number = static_cast<std::int64_t>(product + 0.5);
  const auto guess = static_cast<double>(number);
  if (std::fabs(product - guess) > product * 0x1p-51 || guess / kScale != value) return nullptr;
  return write_fixed<kDecimals>(out, static_cast<std::uint64_t>(number));
}

/// For each of the values the number whose quotient by 10^kDecimals it is, as `try_fixed` finds it, or -1. Returns how
/// many have none. Without a branch, so that the latencies of the values overlap.
template <int kDecimals>
std::size_t find_numbers(const double* values, std::size_t count, std::int64_t* numbers) noexcept {
  constexpr double kScale = static_cast<double>(power_of_ten(kDecimals));
  std::size_t misses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = std::fabs(values[i]);
    const double product = value * kScale;
    const bool fits = product < 1e15;
    const auto number = static_cast<std::int64_t>((fits ? product : 0.0) + 0.5);
    const bool equal = static_cast<double>(number) / kScale == value;
    const bool found = fits & equal & ((value >= 1e-6) | (value == 0));
    numbers[i] = found ? number : -1;
    misses += found ? 0 : 1;
  }
  return misses;
}

using FindNumbers = std::size_t (*)(const double*, std::size_t, std::int64_t*) noexcept;
constexpr std::array<FindNumbers, 3> kWays = {find_numbers<2>, find_numbers<6>, find_numbers<9>};

/// Lays out `count` digits, the first of which counts for 10^exponent, in the style that the header states.
char* lay_out(char* out, const char* first, int count, int exponent) noexcept {
  const auto put = [&out](const char* from, int size) {
    std::memcpy(out, from, static_cast<std::size_t>(size));
    out += size;
  };
  if (exponent < -6 || exponent >= 16) {
    *out++ = first[0];
    if (count > 1) {
      *out++ = '.';
      put(first + 1, count - 1);
    }
    *out++ = 'e';
    return format_int64(out, exponent);
  }
  if (exponent < 0) {
    put("0.00000", 1 - exponent);
    put(first, count);
    return out;
  }
  const int whole = exponent + 1;
  put(first, count < whole ? count : whole);
  for (int i = count; i < whole; ++i) *out++ = '0';
  *out++ = '.';
  if (count > whole) {
    put(first + whole, count - whole);
  } else {
    *out++ = '0';
  }
  return out;
}

/// The way for more digits: 16 or 17 mostly.
char* format_long_decimal(char* out, double value) noexcept {
  ShortDecimal decimal = shortest_decimal(value);
  for (; decimal.digits % 10 == 0; decimal.digits /= 10) ++decimal.exponent;
  char text[24];
  const auto count = static_cast<int>(digits::write_number(text, decimal.digits) - text);
  return lay_out(out, text, count, decimal.exponent + count - 1);
}

/// The way for all sizes: shortest digits from the standard library, our own layout.
char* format_shortest(char* out, double value) noexcept {
  char text[32];
  const char* const end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* mark = text;  // "d.dddde-xx": digits, then the exponent
  while (*mark != 'e') ++mark;
  int exponent = 0;
  const char* number = mark[1] == '+' ? mark + 2 : mark + 1;
  std::from_chars(number, end, exponent);
  const int count = mark - text > 1 ? static_cast<int>(mark - text) - 1 : 1;
  if (count > 1) text[1] = text[0];
  return lay_out(out, count > 1 ? text + 1 : text, count, exponent);
}

char* put_text(char* out, std::string_view text) noexcept {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// Any value without a sign.
char* format_any(char* out, double value) noexcept {
  if (value >= 1e-6 && value < 1e15) [[likely]]
    return format_long_decimal(out, value);
  if (value == 0) return put_text(out, "0.0");
  if (std::isnan(value)) return put_text(out, "nan");
  if (std::isinf(value)) return put_text(out, "inf");
  return format_shortest(out, value);
}

}  // namespace

ParseOutcome parse_int64(std::string_view text, std::int64_t& value) noexcept {
  const char* at = text.data();
  std::size_t size = text.size();
  const bool negative = size > 0 && *at == '-';
  at += negative;
  size -= negative;
  if (size == 0) return ParseOutcome::kInvalid;
  if (size > 16) return parse_long_int64(at, at + size, negative, value);
  const std::uint64_t back = size > 8 ? load<std::uint64_t>(at + size - 8) : load_right_aligned(at, size);
  if (!all_digits(back)) return ParseOutcome::kInvalid;
  std::uint64_t number = to_number(back);
  if (size > 8) {
    const std::uint64_t front = load_right_aligned(at, size - 8);
    if (!all_digits(front)) return ParseOutcome::kInvalid;
    number += to_number(front) * 100'000'000;
  }
  value = static_cast<std::int64_t>(negative ? 0 - number : number);
  return ParseOutcome::kOk;
}

ParseOutcome parse_float64(std::string_view text, double& value, Float64Text options) noexcept {
  const char* at = text.data();
  std::size_t size = text.size();
  const bool negative = size > 0 && *at == '-';
  at += negative;
  size -= negative;
  if (size == 0) return ParseOutcome::kInvalid;
  if (size <= 16 && parse_plain(at, size, negative, value)) return ParseOutcome::kOk;
  if (*at == '.' || (*at >= '0' && *at <= '9')) return parse_any_float64(at, at + size, negative, value);
  if (options.nan_and_inf) return parse_word({at, size}, negative, value);
  return ParseOutcome::kInvalid;
}

ParseOutcome parse_bool(std::string_view text, bool& value) noexcept {
  for (const std::string_view word : {"true", "t", "yes", "y", "on", "1"}) {
    if (equals_lower(text, word)) return value = true, ParseOutcome::kOk;
  }
  for (const std::string_view word : {"false", "f", "no", "n", "off", "0"}) {
    if (equals_lower(text, word)) return value = false, ParseOutcome::kOk;
  }
  return ParseOutcome::kInvalid;
}

char* format_int64(char* out, std::int64_t value) noexcept {
  auto number = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    number = 0 - number;
  }
  return digits::write_number(out, number);
}

char* format_float64(char* out, double value) noexcept {
  if (std::signbit(value) && !std::isnan(value)) {
    *out++ = '-';
    value = -value;
  }
  if (value >= 1e-6 && value < 1e15) [[likely]] {
    if (char* const end = try_fixed<2>(out, value)) return end;
    if (char* const end = try_fixed<6>(out, value)) return end;
    if (char* const end = try_fixed<9>(out, value)) return end;
  }
  return format_any(out, value);
}

// A column's values mostly have the same number of decimals, and those that have fewer are found with more of them,
// too: the text is the same.
void Float64Formatter::prepare(const double* values, std::size_t count) noexcept {
  std::size_t fewest = kWays[way_](values, count, numbers_);
  if (2 * fewest <= count) return;
  std::uint8_t best = way_;
  for (std::uint8_t way = 0; way < kWays.size(); ++way) {
    const std::size_t misses = kWays[way](values, count, numbers_);
    if (misses >= fewest) continue;
    fewest = misses;
    best = way;
  }
  way_ = best;
  kWays[way_](values, count, numbers_);
}

char* Float64Formatter::format(char* out, std::size_t index, double value) const noexcept {
  *out = '-';
  out += std::signbit(value) && !std::isnan(value) ? 1 : 0;
  const std::int64_t number = numbers_[index];
  if (number < 0) [[unlikely]]
    return format_any(out, std::fabs(value));
  if (way_ == 0) return write_fixed<2>(out, static_cast<std::uint64_t>(number));
  return way_ == 1 ? write_fixed<6>(out, static_cast<std::uint64_t>(number))
                   : write_fixed<9>(out, static_cast<std::uint64_t>(number));
}

}  // namespace penstock
