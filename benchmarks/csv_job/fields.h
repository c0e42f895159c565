// SPDX-License-Identifier: MIT
// The hand-written program's readers and writers of single cells, fast for what the orders file mostly holds.
#pragma once

#include <fast_float/fast_float.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::benchmark::csv_job {

inline bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }

/// Digits with an optional '-'; the whole text.
inline bool parse_integer(std::string_view text, std::int64_t& value) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// A finite decimal. Up to 15 digits without an exponent are exact integers over exact powers of ten, so one division
/// rounds correctly (W. Clinger, "How to read floating point numbers accurately", PLDI 1990); the rest goes to
/// fast_float.
inline bool parse_decimal(std::string_view text, double& value) noexcept {
  static constexpr double kTens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (text.size() <= 16) {
    std::uint64_t digits = 0;
    std::size_t point = text.size();
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
      if (is_digit(text[i])) {
        digits = 10 * digits + static_cast<std::uint64_t>(text[i] - '0');
      } else if (text[i] == '.' && point == text.size()) {
        point = i;
      } else {
        break;
      }
    }
    const std::size_t places = point == text.size() ? 0 : text.size() - point - 1;
    const bool enough = text.size() > (point == text.size() ? 0u : 1u);
    if (i == text.size() && enough && text.size() - (point < text.size() ? 1 : 0) <= 15) {
      value = static_cast<double>(digits) / kTens[places];
      return true;
    }
  }
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

/// "YYYY-MM-DDThh:mm:ss.mmmZ" with a day and a time that exist.
inline bool is_timestamp(std::string_view text) noexcept {
  static constexpr char kForm[] = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != 24) return false;
  for (std::size_t i = 0; i < 24; ++i) {
    if (kForm[i] == 'd' ? !is_digit(text[i]) : text[i] != kForm[i]) return false;
  }
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
