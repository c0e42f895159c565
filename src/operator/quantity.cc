// SPDX-License-Identifier: MIT
// Bytes and durations as people write them.
#include <fmt/format.h>
#include <penstock/operator.h>

#include <charconv>
#include <cmath>

namespace penstock {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr double kKibi = 1024;
constexpr Unit kByteUnits[] = {
    {"", 1},
    {"b", 1},
    {"k", 1e3},
    {"kb", 1e3},
    {"m", 1e6},
    {"mb", 1e6},
    {"g", 1e9},
    {"gb", 1e9},
    {"t", 1e12},
    {"tb", 1e12},
    {"ki", kKibi},
    {"kib", kKibi},
    {"mi", kKibi* kKibi},
    {"mib", kKibi* kKibi},
    {"gi", kKibi* kKibi* kKibi},
    {"gib", kKibi* kKibi* kKibi},
    {"ti", kKibi* kKibi* kKibi* kKibi},
    {"tib", kKibi* kKibi* kKibi* kKibi},
};
constexpr Unit kTimeUnits[] = {
    {"", 1e6}, {"us", 1}, {"µs", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6},
};

Result<std::int64_t> parse_quantity(std::string_view text, std::span<const Unit> units, const char* what,
                                    const char* example) {
  const auto wrong = [&] {
    return Error(ErrorCode::kInvalidArgument, fmt::format("not {}: \"{}\"", what, text))
        .hint(fmt::format("write it like {}", example));
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return wrong();
  std::string unit;
  for (const char* c = end; c != text.data() + text.size(); ++c) {
    if (*c != ' ') unit += static_cast<char>(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
  }
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    const double value = std::round(number * known.factor);
    if (value >= 9.2e18) return wrong();
    return static_cast<std::int64_t>(value);
  }
  return wrong();
}

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  return parse_quantity(text, kByteUnits, "a number of bytes", "\"512MiB\", \"64k\" or 1000");
}

Result<std::int64_t> parse_duration(std::string_view text) {
  return parse_quantity(text, kTimeUnits, "a duration", "\"250ms\", \"1.5s\", \"5m\" or \"2h\"");
}

}  // namespace penstock
