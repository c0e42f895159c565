// SPDX-License-Identifier: MIT
// Timestamps, microseconds since 1970 in UTC, from text and to text as in ISO 8601 and RFC 3339.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/parse_outcome.h"

namespace penstock {

/// Reads a timestamp: "2024-01-31", "2024-01-31T10:20" or "2024-01-31T10:20:30", the last with a fraction of 1 to 9 digits
/// after '.' or ','. Between date and time stands 'T', 't' or one space. The time may be followed by 'Z', 'z' or an offset
/// "+hh:mm", "+hhmm" or "+hh" (or '-'); without one it is UTC. Digits of the fraction after the sixth are cut off (the time
/// is rounded down). The whole text must be the timestamp.
/// kInvalid: another form. kOutOfRange: the form is right, but there is no such day or time (February 30th, 24:00, second
/// 60, an offset beyond 23:59), or it is, in UTC, outside the years 0001 to 9999. `micros` changes only on kOk.
ParseOutcome parse_timestamp(std::string_view text, std::int64_t& micros) noexcept;

/// The most bytes that `format_timestamp` writes: "2024-01-31T10:20:30.123456Z".
inline constexpr std::size_t kMostTimestampText = 27;

/// Writes "2024-01-31T10:20:30Z", with ".fff" or ".ffffff" when there are milliseconds or microseconds, at `out` and returns
/// one past the last byte; it reads back as the same timestamp.
/// Requires a timestamp from `kFirstTimestamp` to `kLastTimestamp` (data/calendar.h).
char* format_timestamp(char* out, std::int64_t micros) noexcept;

}  // namespace penstock
