// SPDX-License-Identifier: MIT
// Timestamps, microseconds since 1970 in UTC, from text and to text as in ISO 8601 and RFC 3339.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/parse_outcome.h"

namespace penstock {

/// Reads a timestamp: "2024-01-31", "2024-01-31T10:20" or "2024-01-31T10:20:30", the last with a fraction of 1 to 9
/// digits after '.' or ','. Between date and time stands 'T', 't' or one space. The time may be followed by 'Z', 'z' or
/// an offset
/// "+hh:mm", "+hhmm" or "+hh" (or '-'); without one it is UTC. Digits of the fraction after the sixth are cut off (the
/// time is rounded down). The whole text must be the timestamp. kInvalid: another form. kOutOfRange: the form is right,
/// but there is no such day or time (February 30th, 24:00, second 60, an offset beyond 23:59), or it is, in UTC,
/// outside the years 0001 to 9999. `micros` changes only on kOk.
ParseOutcome parse_timestamp(std::string_view text, std::int64_t& micros) noexcept;

/// Reads many timestamps as `parse_timestamp` does. Those of the same day as the one before, as in most logs, cost
/// less. Used by one worker.
class TimestampParser {
 public:
  ParseOutcome parse(std::string_view text, std::int64_t& micros) noexcept;

 private:
  std::uint64_t month_ = 0;  // "2024-01-" of the last text that was read, and
  std::uint16_t day_ = 0;    // "31"; zeros, which are no text, as long as there is none
  std::int64_t midnight_ = 0;
};

/// The most bytes that `format_timestamp` writes: "2024-01-31T10:20:30.123456Z".
inline constexpr std::size_t kMostTimestampText = 27;

/// Writes "2024-01-31T10:20:30Z", with ".fff" or ".ffffff" when there are milliseconds or microseconds, at `out` and
/// returns one past the last byte; it reads back as the same timestamp. Requires a timestamp from `kFirstTimestamp` to
/// `kLastTimestamp` (data/calendar.h).
char* format_timestamp(char* out, std::int64_t micros) noexcept;

/// Writes many timestamps as `format_timestamp` does. Those of the same day as the one before cost less. Used by one
/// worker.
class TimestampFormatter {
 public:
  char* format(char* out, std::int64_t micros) noexcept;

 private:
  std::int64_t midnight_ = 1;  // of the last one; 1 is none
  char date_[11] = {};         // "2024-01-31T"
};

}  // namespace penstock
