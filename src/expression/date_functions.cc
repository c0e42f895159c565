// SPDX-License-Identifier: MIT
// Timestamps and durations. There is no now(): the same input must give the same output in every run.
#include <algorithm>
#include <array>
#include <optional>

#include "base/nearest_name.h"
#include "data/calendar.h"
#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

bool out_of_range(std::int64_t micros) { return micros < kFirstTimestamp || micros > kLastTimestamp; }

struct UnitName {
  std::string_view name;
  DateUnit unit;
};
constexpr std::array<UnitName, 8> kUnits = {{{"second", DateUnit::kSecond},
                                             {"minute", DateUnit::kMinute},
                                             {"hour", DateUnit::kHour},
                                             {"day", DateUnit::kDay},
                                             {"week", DateUnit::kWeek},
                                             {"month", DateUnit::kMonth},
                                             {"quarter", DateUnit::kQuarter},
                                             {"year", DateUnit::kYear}}};

std::string say_moved(std::int64_t, std::int64_t) { return "the timestamp is outside the years 1 to 9999"; }

template <std::int64_t (*Part)(std::int64_t)>
Column part(Call& call) {
  return map_total<std::int64_t, std::int64_t>(call, [](std::int64_t t) { return Part(t); });
}
std::int64_t year(std::int64_t t) { return date_of(t).year; }
std::int64_t month(std::int64_t t) { return date_of(t).month; }
std::int64_t day(std::int64_t t) { return date_of(t).day; }
std::int64_t hour(std::int64_t t) { return hour_of(t); }
std::int64_t minute(std::int64_t t) { return minute_of(t); }
std::int64_t second(std::int64_t t) { return second_of(t); }
std::int64_t weekday(std::int64_t t) { return weekday_of(t); }
std::int64_t year_day(std::int64_t t) { return day_of_year(t); }

// The number of the unit that holds `t`, such that neighbours differ by one.
std::int64_t number_of_unit(std::int64_t t, DateUnit unit) {
  switch (unit) {
    case DateUnit::kSecond: return floor_divide(t, kMicrosPerSecond);
    case DateUnit::kMinute: return floor_divide(t, kMicrosPerMinute);
    case DateUnit::kHour: return floor_divide(t, kMicrosPerHour);
    case DateUnit::kDay: return day_of(t);
    case DateUnit::kWeek: return floor_divide(day_of(t) + 3, 7);  // 1970-01-01 was a Thursday
    case DateUnit::kYear: return date_of(t).year;
    case DateUnit::kQuarter: return date_of(t).year * 4 + (date_of(t).month - 1) / 3;
    case DateUnit::kMonth: break;
  }
  return date_of(t).year * 12 + date_of(t).month;
}

struct ChosenUnit final : CallState {
  explicit ChosenUnit(DateUnit unit) : unit(unit) {}
  DateUnit unit;
};

BadArgument prepare_unit(std::span<const Column> constants, std::shared_ptr<const CallState>& state) {
  std::vector<std::string> names;
  for (const UnitName& known : kUnits) {
    if (known.name == constants[0].text(0)) state = std::make_shared<ChosenUnit>(known.unit);
    names.emplace_back(known.name);
  }
  if (state != nullptr) return {};
  return {0, "this is no unit of time", suggest_name(constants[0].text(0), names)};
}

Column truncate(Call& call) {
  const DateUnit unit = call.state<ChosenUnit>().unit;
  return map_rows<std::int64_t>(
      call,
      [&call, unit](std::size_t row) {
        const std::int64_t t = call.int64(1, row);
        const std::int64_t start = out_of_range(t) ? t : truncate_date(t, unit);
        if (out_of_range(start)) call.fail(row, say_moved(t, 0));
        return start;
      },
      Type::kTimestamp);
}

Column difference_in_units(Call& call) {
  const DateUnit unit = call.state<ChosenUnit>().unit;
  return map_rows<std::int64_t>(call, [&call, unit](std::size_t row) {
    return number_of_unit(call.int64(2, row), unit) - number_of_unit(call.int64(1, row), unit);
  });
}

template <std::int64_t Unit>
Column duration(Call& call) {
  return map_checked<std::int64_t, std::int64_t>(
      call, [](std::int64_t count, std::int64_t& out) { return __builtin_mul_overflow(count, Unit, &out); },
      [](std::int64_t count) { return fmt::format("{} is too long for a duration", count); });
}

Column later(Call& call) {
  return map_checked2<std::int64_t, std::int64_t, std::int64_t>(
      call,
      [](std::int64_t a, std::int64_t b, std::int64_t& out) {
        return __builtin_add_overflow(a, b, &out) || out_of_range(out);
      },
      say_moved, Type::kTimestamp);
}
Column earlier(Call& call) {
  return map_checked2<std::int64_t, std::int64_t, std::int64_t>(
      call,
      [](std::int64_t a, std::int64_t b, std::int64_t& out) {
        return __builtin_sub_overflow(a, b, &out) || out_of_range(out);
      },
      say_moved, Type::kTimestamp);
}

std::string say_too_long(std::int64_t, std::int64_t) { return "the result is too long for a duration"; }

Column add_durations(Call& call) {
  return map_checked2<std::int64_t, std::int64_t, std::int64_t>(
      call, [](std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_add_overflow(a, b, &out); },
      say_too_long);
}
Column subtract_durations(Call& call) {
  return map_checked2<std::int64_t, std::int64_t, std::int64_t>(
      call, [](std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_sub_overflow(a, b, &out); },
      say_too_long);
}

// The same day of another month, or that month's last day.
std::optional<std::int64_t> add_months(std::int64_t t, std::int64_t months) {
  constexpr std::int64_t kMostMonths = 9998 * 12 + 11;
  if (months < -kMostMonths || months > kMostMonths || out_of_range(t)) return std::nullopt;
  const CivilDate date = date_of(t);
  const std::int64_t number = date.year * 12 + date.month - 1 + months;
  CivilDate moved{floor_divide(number, 12), 1, 1};
  moved.month = static_cast<int>(number - moved.year * 12) + 1;
  if (moved.year < 1 || moved.year > 9999) return std::nullopt;
  moved.day = std::min(date.day, days_in_month(moved.year, moved.month));
  return days_from_civil(moved) * kMicrosPerDay + micros_of_day(t);
}

Column months_later(Call& call) {
  return map_rows<std::int64_t>(
      call,
      [&call](std::size_t row) -> std::int64_t {
        if (const auto moved = add_months(call.int64(0, row), call.int64(1, row))) return *moved;
        call.fail(row, "the timestamp is outside the years 1 to 9999");
        return 0;
      },
      Type::kTimestamp);
}

}  // namespace

void add_dates(OverloadList& table) {
  constexpr ValueType kInt = ValueType::kInt64;
  constexpr ValueType kText = ValueType::kUtf8;
  constexpr ValueType kTime = ValueType::kTimestamp;
  constexpr ValueType kSpan = ValueType::kDuration;
  table.push_back({"year", {kTime}, kInt, part<year>});
  table.push_back({"month", {kTime}, kInt, part<month>});
  table.push_back({"day", {kTime}, kInt, part<day>});
  table.push_back({"hour", {kTime}, kInt, part<hour>});
  table.push_back({"minute", {kTime}, kInt, part<minute>});
  table.push_back({"second", {kTime}, kInt, part<second>});
  table.push_back({"weekday", {kTime}, kInt, part<weekday>});
  table.push_back({"day_of_year", {kTime}, kInt, part<year_day>});
  table.push_back({"date_trunc", {kText, kTime}, kTime, truncate, 0b1, prepare_unit});
  table.push_back({"date_diff", {kText, kTime, kTime}, kInt, difference_in_units, 0b1, prepare_unit});
  table.push_back({"add_months", {kTime, kInt}, kTime, months_later});
  table.push_back({"weeks", {kInt}, kSpan, duration<7 * kMicrosPerDay>});
  table.push_back({"days", {kInt}, kSpan, duration<kMicrosPerDay>});
  table.push_back({"hours", {kInt}, kSpan, duration<kMicrosPerHour>});
  table.push_back({"minutes", {kInt}, kSpan, duration<kMicrosPerMinute>});
  table.push_back({"seconds", {kInt}, kSpan, duration<kMicrosPerSecond>});
  table.push_back({"+", {kTime, kSpan}, kTime, later});
  table.push_back({"+", {kSpan, kTime}, kTime, later});
  table.push_back({"-", {kTime, kSpan}, kTime, earlier});
  table.push_back({"-", {kTime, kTime}, kSpan, subtract_durations});
  table.push_back({"+", {kSpan, kSpan}, kSpan, add_durations});
  table.push_back({"-", {kSpan, kSpan}, kSpan, subtract_durations});
}

}  // namespace penstock::expression
