// SPDX-License-Identifier: MIT
// Mathematical functions. The logarithms, exp and pow are those of the machine's mathematical library; the rest is
// exact or correctly rounded by IEEE 754.
#include <algorithm>
#include <array>
#include <cmath>

#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

template <double (*Function)(double)>
Column map_float(Call& call) {
  return map_total<double, double>(call, [](double a) { return Function(a); });
}

double absolute(double a) { return std::fabs(a); }
double rounded(double a) { return std::round(a); }
double rounded_down(double a) { return std::floor(a); }
double rounded_up(double a) { return std::ceil(a); }
double square_root(double a) { return std::sqrt(a); }
double natural_logarithm(double a) { return std::log(a); }
double logarithm_of_one_more(double a) { return std::log1p(a); }
double decimal_logarithm(double a) { return std::log10(a); }
double exponential(double a) { return std::exp(a); }

Column absolute_integer(Call& call) {
  return map_checked<std::int64_t, std::int64_t>(
      call,
      [](std::int64_t a, std::int64_t& out) {
        out = a;
        return a < 0 && __builtin_sub_overflow(std::int64_t{0}, a, &out);
      },
      [](std::int64_t a) { return fmt::format("abs({}) overflows int64", a); });
}

// The powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double round_to(double value, std::int64_t digits) {
  if (digits >= 0) {
    const double power = kPowersOfTen[static_cast<std::size_t>(std::min<std::int64_t>(digits, 22))];
    const double scaled = value * power;
    // beyond 2^53 there are no digits to round off
    return std::fabs(scaled) < 0x1p53 ? std::round(scaled) / power : value;
  }
  if (digits < -22) return std::isfinite(value) ? 0.0 : value;
  const double power = kPowersOfTen[static_cast<std::size_t>(-digits)];
  return std::round(value / power) * power;
}

Column round_to_digits(Call& call) { return map_total2<double, double, std::int64_t>(call, round_to); }

Column power(Call& call) {
  return map_total2<double, double, double>(call, [](double a, double b) { return std::pow(a, b); });
}

Column is_nan(Call& call) {
  const double* const a = call.argument(0).float64s().data();
  return map_flags(call, [a](std::size_t i) { return std::isnan(a[i]); });
}

struct Least {
  static bool better(std::int64_t a, std::int64_t b) { return a < b; }
  static bool better(std::string_view a, std::string_view b) { return a < b; }
  static bool better(double a, double b) { return a < b || std::isnan(a); }
};
struct Greatest {
  static bool better(std::int64_t a, std::int64_t b) { return a > b; }
  static bool better(std::string_view a, std::string_view b) { return a > b; }
  static bool better(double a, double b) { return a > b || std::isnan(a); }
};

template <class Choice, class T>
Column extreme_number(Call& call) {
  Buffer values = call.allocate(call.rows() * sizeof(T));
  auto* const out = reinterpret_cast<T*>(values.mutable_data());
  for (std::size_t index = 0; index < call.num_arguments(); ++index) {
    const T* const a = values_of<T>(call.argument(index));
    const std::size_t step = call.constant(index) ? 0 : 1;
    if (index == 0) {
      for (std::size_t i = 0; i < call.rows(); ++i) out[i] = a[i * step];
    } else {
      for (std::size_t i = 0; i < call.rows(); ++i) out[i] = Choice::better(a[i * step], out[i]) ? a[i * step] : out[i];
    }
  }
  return call.finish(call.argument(0).type(), std::move(values));
}

template <class Choice>
Column extreme_text(Call& call) {
  return map_texts(call, [&call](std::size_t row, TextWriter& writer) {
    std::string_view best = call.text(0, row);
    for (std::size_t index = 1; index < call.num_arguments(); ++index) {
      if (const std::string_view text = call.text(index, row); Choice::better(text, best)) best = text;
    }
    writer.write(best);
  });
}

template <class Choice>
void add_extreme(OverloadList& table, std::string_view name) {
  for (const ValueType type : {ValueType::kInt64, ValueType::kTimestamp, ValueType::kDuration}) {
    table.push_back({.name = name,
                     .parameters = {type},
                     .result = type,
                     .kernel = extreme_number<Choice, std::int64_t>,
                     .variadic = true});
  }
  table.push_back({.name = name,
                   .parameters = {ValueType::kFloat64},
                   .result = ValueType::kFloat64,
                   .kernel = extreme_number<Choice, double>,
                   .variadic = true});
  table.push_back({.name = name,
                   .parameters = {ValueType::kUtf8},
                   .result = ValueType::kUtf8,
                   .kernel = extreme_text<Choice>,
                   .variadic = true});
}

}  // namespace

void add_mathematics(OverloadList& table) {
  constexpr ValueType kInt = ValueType::kInt64;
  constexpr ValueType kFloat = ValueType::kFloat64;
  table.push_back({"abs", {kInt}, kInt, absolute_integer});
  table.push_back({"abs", {kFloat}, kFloat, map_float<absolute>});
  table.push_back({"round", {kInt}, kInt, same});
  table.push_back({"round", {kFloat}, kFloat, map_float<rounded>});
  table.push_back({"round", {kFloat, kInt}, kFloat, round_to_digits});
  table.push_back({"floor", {kInt}, kInt, same});
  table.push_back({"floor", {kFloat}, kFloat, map_float<rounded_down>});
  table.push_back({"ceil", {kInt}, kInt, same});
  table.push_back({"ceil", {kFloat}, kFloat, map_float<rounded_up>});
  table.push_back({"sqrt", {kFloat}, kFloat, map_float<square_root>});
  table.push_back({"ln", {kFloat}, kFloat, map_float<natural_logarithm>});
  table.push_back({"log1p", {kFloat}, kFloat, map_float<logarithm_of_one_more>});
  table.push_back({"log10", {kFloat}, kFloat, map_float<decimal_logarithm>});
  table.push_back({"exp", {kFloat}, kFloat, map_float<exponential>});
  table.push_back({"pow", {kFloat, kFloat}, kFloat, power});
  table.push_back({"is_nan", {kFloat}, ValueType::kBool, is_nan});
  add_extreme<Least>(table, "least");
  add_extreme<Greatest>(table, "greatest");
}

}  // namespace penstock::expression
