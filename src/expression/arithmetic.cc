// SPDX-License-Identifier: MIT
// The operators + - * / // % and the signs, on numbers. Those on timestamps are in date_functions.cc.
#include <cmath>
#include <limits>

#include "expression/function_table.h"
#include "expression/kernel_loops.h"

namespace penstock::expression {
namespace {

constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();

struct Add {
  static constexpr const char* kSymbol = "+";
  static bool run(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_add_overflow(a, b, &out); }
  static double run(double a, double b) { return a + b; }
};
struct Subtract {
  static constexpr const char* kSymbol = "-";
  static bool run(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_sub_overflow(a, b, &out); }
  static double run(double a, double b) { return a - b; }
};
struct Multiply {
  static constexpr const char* kSymbol = "*";
  static bool run(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_mul_overflow(a, b, &out); }
  static double run(double a, double b) { return a * b; }
};
// Rounds down; % has the sign of the divisor, so that a = (a // b) * b + a % b.
struct FloorDivide {
  static constexpr const char* kSymbol = "//";
  static bool run(std::int64_t a, std::int64_t b, std::int64_t& out) {
    const bool bad = b == 0 || (b == -1 && a == kSmallest);
    const std::int64_t divisor = bad ? 1 : b;
    const std::int64_t quotient = a / divisor;
    out = quotient - (quotient * divisor != a && (a < 0) != (divisor < 0) ? 1 : 0);
    return bad;
  }
  static double run(double a, double b) { return std::floor(a / b); }
};
struct Modulo {
  static constexpr const char* kSymbol = "%";
  static bool run(std::int64_t a, std::int64_t b, std::int64_t& out) {
    const std::int64_t divisor = b == 0 || b == -1 ? 1 : b;  // the remainder by -1 is 0, as by 1
    const std::int64_t remainder = a % divisor;
    out = remainder != 0 && (remainder < 0) != (divisor < 0) ? remainder + divisor : remainder;
    return b == 0;
  }
  static double run(double a, double b) {
    const double remainder = std::fmod(a, b);
    return remainder != 0 && std::isfinite(b) && (remainder < 0) != (b < 0) ? remainder + b : remainder;
  }
};

template <class Op>
std::string say(std::int64_t a, std::int64_t b) {
  const bool by_zero = b == 0 && (Op::kSymbol[0] == '/' || Op::kSymbol[0] == '%');
  return fmt::format("{} {} {} {}", a, Op::kSymbol, b, by_zero ? "divides by zero" : "overflows int64");
}

template <class Op>
Column integers(Call& call) {
  return map_checked2<std::int64_t, std::int64_t, std::int64_t>(
      call, [](std::int64_t a, std::int64_t b, std::int64_t& out) { return Op::run(a, b, out); }, say<Op>);
}
template <class Op>
Column floats(Call& call) {
  return map_total2<double, double, double>(call, [](double a, double b) { return Op::run(a, b); });
}

struct Ratio {
  static constexpr const char* kSymbol = "/";
};
Column ratio_of_integers(Call& call) {
  return map_checked2<double, std::int64_t, std::int64_t>(
      call,
      [](std::int64_t a, std::int64_t b, double& out) {
        out = static_cast<double>(a) / static_cast<double>(b);
        return b == 0;
      },
      say<Ratio>);
}
Column ratio_of_floats(Call& call) {
  return map_total2<double, double, double>(call, [](double a, double b) { return a / b; });
}

Column negate_integers(Call& call) {
  return map_checked<std::int64_t, std::int64_t>(
      call, [](std::int64_t a, std::int64_t& out) { return __builtin_sub_overflow(std::int64_t{0}, a, &out); },
      [](std::int64_t a) { return fmt::format("-({}) overflows int64", a); });
}
Column negate_floats(Call& call) {
  return map_total<double, double>(call, [](double a) { return -a; });
}

template <class Op>
void add_operator(OverloadList& table) {
  constexpr ValueType kInt = ValueType::kInt64;
  constexpr ValueType kFloat = ValueType::kFloat64;
  table.push_back({Op::kSymbol, {kInt, kInt}, kInt, integers<Op>});
  table.push_back({Op::kSymbol, {kFloat, kFloat}, kFloat, floats<Op>});
}

}  // namespace

void add_arithmetic(OverloadList& table) {
  constexpr ValueType kInt = ValueType::kInt64;
  constexpr ValueType kFloat = ValueType::kFloat64;
  add_operator<Add>(table);
  add_operator<Subtract>(table);
  add_operator<Multiply>(table);
  add_operator<FloorDivide>(table);
  add_operator<Modulo>(table);
  table.push_back({"/", {kInt, kInt}, kFloat, ratio_of_integers});
  table.push_back({"/", {kFloat, kFloat}, kFloat, ratio_of_floats});
  table.push_back({"unary -", {kInt}, kInt, negate_integers});
  table.push_back({"unary -", {kFloat}, kFloat, negate_floats});
  table.push_back({"unary -", {ValueType::kDuration}, ValueType::kDuration, negate_integers});
  table.push_back({"unary +", {kInt}, kInt, same});
  table.push_back({"unary +", {kFloat}, kFloat, same});
}

}  // namespace penstock::expression
