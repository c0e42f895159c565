// SPDX-License-Identifier: MIT
#include "data/calendar.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

std::int64_t at(CivilDate date, int hour = 0, int minute = 0, int second = 0, int micro = 0) {
  return days_from_civil(date) * kMicrosPerDay + hour * kMicrosPerHour + minute * kMicrosPerMinute +
         second * kMicrosPerSecond + micro;
}

TEST(Calendar, CountsDaysOneByOneThroughEveryDateFromYear1To9999) {
  std::int64_t day = days_from_civil({1, 1, 1});
  EXPECT_EQ(day * kMicrosPerDay, kFirstTimestamp);
  for (std::int64_t year = 1; year <= 9999; ++year) {
    for (int month = 1; month <= 12; ++month) {
      const int days = days_in_month(year, month);
      for (int d = 1; d <= days; ++d, ++day) {
        ASSERT_EQ(days_from_civil({year, month, d}), day);
        ASSERT_EQ(civil_from_days(day), (CivilDate{year, month, d}));
      }
    }
  }
  EXPECT_EQ(day * kMicrosPerDay - 1, kLastTimestamp);
}

TEST(Calendar, KnowsKnownDays) {
  EXPECT_EQ(days_from_civil({1970, 1, 1}), 0);
  EXPECT_EQ(days_from_civil({2000, 3, 1}), 11'017);
  EXPECT_EQ(days_from_civil({1969, 12, 31}), -1);
  EXPECT_TRUE(is_leap_year(2000));
  EXPECT_FALSE(is_leap_year(1900));
  EXPECT_EQ(days_in_month(2024, 2), 29);
  EXPECT_EQ(days_in_month(2023, 2), 28);
  EXPECT_EQ(days_in_month(2023, 7) + days_in_month(2023, 8), 62);
}

TEST(Calendar, TakesATimestampApart) {
  const std::int64_t micros = at({2024, 2, 29}, 23, 58, 57, 123'456);
  EXPECT_EQ(date_of(micros), (CivilDate{2024, 2, 29}));
  EXPECT_EQ(hour_of(micros), 23);
  EXPECT_EQ(minute_of(micros), 58);
  EXPECT_EQ(second_of(micros), 57);
  EXPECT_EQ(weekday_of(micros), 4);  // Thursday
  EXPECT_EQ(day_of_year(micros), 60);
}

TEST(Calendar, RoundsDownBefore1970) {
  EXPECT_EQ(date_of(-1), (CivilDate{1969, 12, 31}));
  EXPECT_EQ(hour_of(-1), 23);
  EXPECT_EQ(minute_of(-1), 59);
  EXPECT_EQ(second_of(-1), 59);
  EXPECT_EQ(weekday_of(-1), 3);
  EXPECT_EQ(weekday_of(-4 * kMicrosPerDay), 7);
  EXPECT_EQ(day_of_year(-1), 365);
}

TEST(Calendar, TruncatesToEachUnit) {
  const std::int64_t micros = at({2024, 5, 16}, 13, 14, 15, 16);  // a Thursday
  EXPECT_EQ(truncate_date(micros, DateUnit::kSecond), at({2024, 5, 16}, 13, 14, 15));
  EXPECT_EQ(truncate_date(micros, DateUnit::kMinute), at({2024, 5, 16}, 13, 14));
  EXPECT_EQ(truncate_date(micros, DateUnit::kHour), at({2024, 5, 16}, 13));
  EXPECT_EQ(truncate_date(micros, DateUnit::kDay), at({2024, 5, 16}));
  EXPECT_EQ(truncate_date(micros, DateUnit::kWeek), at({2024, 5, 13}));
  EXPECT_EQ(truncate_date(micros, DateUnit::kMonth), at({2024, 5, 1}));
  EXPECT_EQ(truncate_date(micros, DateUnit::kQuarter), at({2024, 4, 1}));
  EXPECT_EQ(truncate_date(micros, DateUnit::kYear), at({2024, 1, 1}));
  EXPECT_EQ(truncate_date(-1, DateUnit::kSecond), -kMicrosPerSecond);
  EXPECT_EQ(truncate_date(-1, DateUnit::kMonth), at({1969, 12, 1}));
}

}  // namespace
}  // namespace penstock
