// SPDX-License-Identifier: MIT
// Short numbers from text that has readable bytes in front, without a branch on their length.
#pragma once

#include "data/digits.h"
#include "data/number_text.h"

namespace penstock {

/// Reads as `parse_int64` does. The seven bytes before `text` must be readable; they mean nothing.
inline ParseOutcome parse_padded_int64(std::string_view text, std::int64_t& value) noexcept {
  if (text.size() - 1 < 8) [[likely]] {
    const std::uint64_t word = digits::load_right_aligned_padded(text.data(), text.size());
    if (digits::all_digits(word)) [[likely]] {
      value = static_cast<std::int64_t>(digits::to_number(word));
      return ParseOutcome::kOk;
    }
  }
  return parse_int64(text, value);
}

/// Reads as `parse_float64` does. The seven bytes before `text` must be readable; they mean nothing.
inline ParseOutcome parse_padded_float64(std::string_view text, double& value) noexcept {
  if (text.size() - 1 < 8) [[likely]] {
    const std::uint64_t word = digits::load_right_aligned_padded(text.data(), text.size());
    const int point = digits::find_point(word);
    const std::uint64_t number = point < 8 ? digits::close_gap(word, point, '0') : word;
    if (digits::all_digits(number) && (point == 8 || text.size() > 1)) [[likely]] {
      // Both are exact, so one division rounds correctly (Clinger 1990).
      value = static_cast<double>(static_cast<std::int64_t>(digits::to_number(number))) /
              digits::kPowers[static_cast<std::size_t>(point < 8 ? 7 - point : 0)];
      return ParseOutcome::kOk;
    }
  }
  return parse_float64(text, value);
}

}  // namespace penstock
