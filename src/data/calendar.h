// SPDX-License-Identifier: MIT
// The proleptic Gregorian calendar in UTC, on microseconds since 1970-01-01T00:00:00Z. No leap seconds, no time zones.
// Algorithms: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).
#pragma once

#include <cstdint>

namespace penstock {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr std::int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr std::int64_t kMicrosPerDay = 24 * kMicrosPerHour;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: the timestamps that have a text.
inline constexpr std::int64_t kFirstTimestamp = -62'135'596'800 * kMicrosPerSecond;
inline constexpr std::int64_t kLastTimestamp = 253'402'300'800 * kMicrosPerSecond - 1;

/// A day by its parts.
struct CivilDate {
  std::int64_t year = 1970;  ///< Year 0 is 1 BC.
  int month = 1;             ///< 1 to 12.
  int day = 1;               ///< 1 to 31.

  bool operator==(const CivilDate&) const = default;
};

/// Returns the quotient rounded down, also for negative dividends. Requires `divisor > 0`.
constexpr std::int64_t floor_divide(std::int64_t dividend, std::int64_t divisor) noexcept {
  return dividend / divisor - (dividend % divisor < 0 ? 1 : 0);
}

constexpr bool is_leap_year(std::int64_t year) noexcept {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/// Returns 28 to 31. Requires `month` in [1, 12].
constexpr int days_in_month(std::int64_t year, int month) noexcept {
  return month == 2 ? (is_leap_year(year) ? 29 : 28) : 30 + ((month + (month >> 3)) & 1);
}

/// Returns days since 1970-01-01. Requires a date that exists and a year within +-292,000.
constexpr std::int64_t days_from_civil(CivilDate date) noexcept {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = floor_divide(year, 400);
  const auto year_of_era = static_cast<std::uint32_t>(year - era * 400);
  const auto month_from_march = static_cast<std::uint32_t>(date.month > 2 ? date.month - 3 : date.month + 9);
  const std::uint32_t day_of_year = (153 * month_from_march + 2) / 5 + static_cast<std::uint32_t>(date.day) - 1;
  const std::uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

/// Returns the date of a day since 1970-01-01; the inverse of `days_from_civil`.
constexpr CivilDate civil_from_days(std::int64_t days) noexcept {
  days += 719'468;
  const std::int64_t era = floor_divide(days, 146'097);
  const auto day_of_era = static_cast<std::uint32_t>(days - era * 146'097);
  const std::uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

/// Returns the day since 1970-01-01 that holds the timestamp.
constexpr std::int64_t day_of(std::int64_t micros) noexcept { return floor_divide(micros, kMicrosPerDay); }

/// Returns the date that holds the timestamp.
constexpr CivilDate date_of(std::int64_t micros) noexcept { return civil_from_days(day_of(micros)); }

/// Returns microseconds since midnight, 0 to `kMicrosPerDay - 1`.
constexpr std::int64_t micros_of_day(std::int64_t micros) noexcept { return micros - day_of(micros) * kMicrosPerDay; }

/// Returns 0 to 23.
constexpr int hour_of(std::int64_t micros) noexcept { return static_cast<int>(micros_of_day(micros) / kMicrosPerHour); }

/// Returns 0 to 59.
constexpr int minute_of(std::int64_t micros) noexcept {
  return static_cast<int>(micros_of_day(micros) % kMicrosPerHour / kMicrosPerMinute);
}

/// Returns 0 to 59.
constexpr int second_of(std::int64_t micros) noexcept {
  return static_cast<int>(micros_of_day(micros) % kMicrosPerMinute / kMicrosPerSecond);
}

/// Returns the day of the week as ISO 8601 counts it: Monday 1 to Sunday 7.
constexpr int weekday_of(std::int64_t micros) noexcept {
  const std::int64_t from_monday = day_of(micros) + 3;  // 1970-01-01 was a Thursday
  return static_cast<int>(from_monday - floor_divide(from_monday, 7) * 7) + 1;
}

/// Returns 1 to 366.
constexpr int day_of_year(std::int64_t micros) noexcept {
  return static_cast<int>(day_of(micros) - days_from_civil({date_of(micros).year, 1, 1})) + 1;
}

/// What a timestamp can be cut down to.
enum class DateUnit : std::uint8_t { kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear };

/// Returns the first microsecond of the unit that holds `micros`; a week begins on Monday. Requires a timestamp from
/// `kFirstTimestamp` to `kLastTimestamp`.
std::int64_t truncate_date(std::int64_t micros, DateUnit unit) noexcept;

}  // namespace penstock
