// SPDX-License-Identifier: MIT
// Numbers and booleans from text and to text, as CSV and JSON cells hold them. No locale, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/parse_outcome.h"

namespace penstock {

/// Which texts `parse_float64` takes beside decimal numbers.
struct Float64Text {
  bool nan_and_inf = false;  ///< Also "nan", "inf" and "infinity" in any case, with an optional '-'.
};

/// Reads a decimal integer: an optional '-', then digits only. Leading zeros are allowed; '+', spaces, separators are
/// not. The whole text must be the number. `value` changes only on kOk.
ParseOutcome parse_int64(std::string_view text, std::int64_t& value) noexcept;

/// Reads a decimal number: an optional '-', digits with at most one '.', at least one digit, an optional exponent.
/// Rounds correctly (to nearest, ties to even). Too close to zero is kOk with a zero; too large is kOutOfRange. The
/// whole text must be the number. `value` changes only on kOk.
ParseOutcome parse_float64(std::string_view text, double& value, Float64Text options = {}) noexcept;

/// Reads true/false, t/f, yes/no, y/n, on/off, 1/0 in any case. `value` changes only on kOk.
ParseOutcome parse_bool(std::string_view text, bool& value) noexcept;

/// The most bytes that `format_int64` writes.
inline constexpr std::size_t kMostInt64Text = 20;
/// The most bytes that `format_float64` writes.
inline constexpr std::size_t kMostFloat64Text = 32;

/// Writes `value` in decimal at `out` and returns one past the last byte. No terminating zero. Up to `kMostInt64Text`
/// bytes are overwritten, whatever the length.
char* format_int64(char* out, std::int64_t value) noexcept;

/// Writes the shortest decimal that reads back as the same bits at `out` and returns one past the last byte; among
/// several shortest ones the nearest to `value`. No terminating zero. The style never depends on the value's
/// neighbours:
///
/// - from 1e-6 up to below 1e16: plain, with at least one digit on both sides of the point: "3.0", "0.1", "1234567.25";
/// - otherwise: one digit before the point and an exponent without '+' or padding: "1e300", "1.5e-7", "1e16";
/// - zeros are "0.0" and "-0.0"; the rest is "nan", "inf" and "-inf" (not numbers in JSON: the writer's business).
///
/// A float stays a float when the text is read again with its type guessed. Up to `kMostFloat64Text` bytes are
/// overwritten, whatever the length.
char* format_float64(char* out, double value) noexcept;

/// Writes many floats as `format_float64` does, faster: it looks for the decimals of a block of values at once. Used by
/// one worker.
class Float64Formatter {
 public:
  static constexpr std::size_t kMostValues = 64;

  /// Looks at the next `count` values, at most `kMostValues`.
  void prepare(const double* values, std::size_t count) noexcept;
  /// Writes `value`, which is number `index` of the values that were prepared.
  char* format(char* out, std::size_t index, double value) const noexcept;

 private:
  std::uint8_t way_ = 0;  // how many decimals, as an index
  std::int64_t
      numbers_[kMostValues]{};  // |value| in units of the last decimal; negative: it has another number of them
};

}  // namespace penstock
