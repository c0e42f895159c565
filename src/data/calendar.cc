// SPDX-License-Identifier: MIT
#include "data/calendar.h"

namespace penstock {

std::int64_t truncate_date(std::int64_t micros, DateUnit unit) noexcept {
  const CivilDate date = date_of(micros);
  switch (unit) {
    case DateUnit::kSecond: return floor_divide(micros, kMicrosPerSecond) * kMicrosPerSecond;
    case DateUnit::kMinute: return floor_divide(micros, kMicrosPerMinute) * kMicrosPerMinute;
    case DateUnit::kHour: return floor_divide(micros, kMicrosPerHour) * kMicrosPerHour;
    case DateUnit::kDay: return day_of(micros) * kMicrosPerDay;
    case DateUnit::kWeek: return (day_of(micros) - (weekday_of(micros) - 1)) * kMicrosPerDay;
    case DateUnit::kMonth: return days_from_civil({date.year, date.month, 1}) * kMicrosPerDay;
    case DateUnit::kQuarter: return days_from_civil({date.year, (date.month - 1) / 3 * 3 + 1, 1}) * kMicrosPerDay;
    case DateUnit::kYear: return days_from_civil({date.year, 1, 1}) * kMicrosPerDay;
  }
  return micros;
}

}  // namespace penstock
