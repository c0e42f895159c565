// SPDX-License-Identifier: MIT
// int64(x), float64(x), utf8(x), bool(x), timestamp(x). A value that has no counterpart fails its row.
#include <cmath>

#include "data/calendar.h"
#include "data/number_text.h"
#include "data/timestamp_text.h"
#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", snippet(text, {0, text.size()})); }

// Toward zero. The limits are doubles: the largest int64 is not, and rounds up to 2^63.
Column float_to_int(Call& call) {
  return map_checked<std::int64_t, double>(
      call,
      [](double a, std::int64_t& out) {
        const bool fits = a >= -0x1p63 && a < 0x1p63;
        out = fits ? static_cast<std::int64_t>(a) : 0;
        return !fits;
      },
      [](double a) {
        char text[kMostFloat64Text];
        return fmt::format("{} does not fit into an int64", std::string_view(text, format_float64(text, a) - text));
      });
}

Column int_to_float(Call& call) {
  return map_total<double, std::int64_t>(call, [](std::int64_t a) { return static_cast<double>(a); });
}

template <class Out>
Column bool_to_number(Call& call) {
  return map_rows<Out>(call, [&call](std::size_t row) { return call.boolean(0, row) ? Out{1} : Out{0}; });
}

// `parse(text, value)` returns a ParseOutcome.
template <class Out, class Parse>
Column parse_texts(Call& call, Parse parse, std::string_view kind, Type type) {
  return map_rows<Out>(
      call,
      [&](std::size_t row) {
        Out value{};
        const std::string_view text = call.text(0, row);
        const ParseOutcome outcome = parse(text, value);
        if (outcome == ParseOutcome::kInvalid) call.fail(row, fmt::format("{} is no {}", quoted(text), kind));
        if (outcome == ParseOutcome::kOutOfRange)
          call.fail(row, fmt::format("{} is out of the range of {}", quoted(text), kind));
        return value;
      },
      type);
}

Column text_to_int(Call& call) { return parse_texts<std::int64_t>(call, parse_int64, "int64", Type::kInt64); }
Column text_to_float(Call& call) {
  const auto parse = [](std::string_view text, double& value) {
    return parse_float64(text, value, {.nan_and_inf = true});
  };
  return parse_texts<double>(call, parse, "float64", Type::kFloat64);
}
Column text_to_timestamp(Call& call) {
  return parse_texts<std::int64_t>(call, parse_timestamp, "timestamp", Type::kTimestamp);
}

Column text_to_bool(Call& call) {
  return map_flags(call, [&call](std::size_t row) {
    bool value = false;
    const std::string_view text = call.text(0, row);
    if (parse_bool(text, value) != ParseOutcome::kOk) call.fail(row, fmt::format("{} is no bool", quoted(text)));
    return value;
  });
}

Column int_to_bool(Call& call) {
  const std::int64_t* const a = call.argument(0).int64s().data();
  return map_flags(call, [a](std::size_t i) { return a[i] != 0; });
}

Column timestamp_to_int(Call& call) {
  return map_total<std::int64_t, std::int64_t>(call, [](std::int64_t a) { return a; });
}

Column int_to_timestamp(Call& call) {
  return map_checked<std::int64_t, std::int64_t>(
      call,
      [](std::int64_t a, std::int64_t& out) {
        out = a;
        return a < kFirstTimestamp || a > kLastTimestamp;
      },
      [](std::int64_t a) { return fmt::format("{} microseconds are outside the years 1 to 9999", a); },
      Type::kTimestamp);
}

// `format(to, row)` returns one past the last byte.
template <std::size_t MostBytes, class Format>
Column format_values(Call& call, Format format) {
  return map_texts(call, [&](std::size_t row, TextWriter& writer) {
    char* const to = writer.begin(MostBytes);
    if (to != nullptr) writer.end(static_cast<std::size_t>(format(to, row) - to));
  });
}

Column int_to_text(Call& call) {
  return format_values<kMostInt64Text>(call,
                                       [&](char* to, std::size_t row) { return format_int64(to, call.int64(0, row)); });
}
Column float_to_text(Call& call) {
  return format_values<kMostFloat64Text>(
      call, [&](char* to, std::size_t row) { return format_float64(to, call.float64(0, row)); });
}
Column timestamp_to_text(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    const std::int64_t t = call.int64(0, row);
    if (t < kFirstTimestamp || t > kLastTimestamp) return writer.fail("the timestamp is outside the years 1 to 9999");
    if (char* const to = writer.begin(kMostTimestampText))
      writer.end(static_cast<std::size_t>(format_timestamp(to, t) - to));
  });
}
Column bool_to_text(Call& call) {
  return map_texts(call,
                   [&](std::size_t row, TextWriter& writer) { writer.write(call.boolean(0, row) ? "true" : "false"); });
}

}  // namespace

void add_casts(OverloadList& table) {
  constexpr ValueType kInt = ValueType::kInt64;
  constexpr ValueType kFloat = ValueType::kFloat64;
  constexpr ValueType kText = ValueType::kUtf8;
  constexpr ValueType kBool = ValueType::kBool;
  constexpr ValueType kTime = ValueType::kTimestamp;
  table.push_back({"int64", {kInt}, kInt, same});
  table.push_back({"int64", {kFloat}, kInt, float_to_int});
  table.push_back({"int64", {kText}, kInt, text_to_int});
  table.push_back({"int64", {kBool}, kInt, bool_to_number<std::int64_t>});
  table.push_back({"int64", {kTime}, kInt, timestamp_to_int});
  table.push_back({"float64", {kFloat}, kFloat, same});
  table.push_back({"float64", {kInt}, kFloat, int_to_float});
  table.push_back({"float64", {kText}, kFloat, text_to_float});
  table.push_back({"float64", {kBool}, kFloat, bool_to_number<double>});
  table.push_back({"utf8", {kText}, kText, same});
  table.push_back({"utf8", {kInt}, kText, int_to_text});
  table.push_back({"utf8", {kFloat}, kText, float_to_text});
  table.push_back({"utf8", {kBool}, kText, bool_to_text});
  table.push_back({"utf8", {kTime}, kText, timestamp_to_text});
  table.push_back({"bool", {kBool}, kBool, same});
  table.push_back({"bool", {kInt}, kBool, int_to_bool});
  table.push_back({"bool", {kText}, kBool, text_to_bool});
  table.push_back({"timestamp", {kTime}, kTime, same});
  table.push_back({"timestamp", {kText}, kTime, text_to_timestamp});
  table.push_back({"timestamp", {kInt}, kTime, int_to_timestamp});
}

}  // namespace penstock::expression
