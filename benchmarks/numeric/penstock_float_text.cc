// SPDX-License-Identifier: MIT
// float64 to text and back: amounts with two decimals, and doubles that need all 17 digits.
#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "data/number_text.h"
#include "data/random.h"
#include "workload.h"

namespace penstock::benchmark::numeric {
namespace {

struct Money {
  static double value(std::size_t i) {
    return static_cast<double>(Random(7, 1, i).integer(-2'000'000, 8'000'000)) / 100;
  }
};
struct Long {
  static double value(std::size_t i) { return Random(7, 2, i).normal() * 1000; }
};

template <class Kind>
const std::vector<double>& numbers() {
  static const std::vector<double> values = [] {
    std::vector<double> made(kValues);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = Kind::value(i);
    return made;
  }();
  return values;
}

/// All texts behind one another, as in a file.
struct Texts {
  std::string bytes;
  std::vector<std::uint32_t> ends;
};

template <class Kind>
const Texts& texts() {
  static const Texts texts = [] {
    Texts made;
    for (const double value : numbers<Kind>()) {
      made.bytes += fmt::format("{}", value);
      made.ends.push_back(static_cast<std::uint32_t>(made.bytes.size()));
      made.bytes += ',';
    }
    return made;
  }();
  return texts;
}

void mix(std::uint64_t& hash, double value) {
  hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15;
}

/// Writes all numbers; every 1,024th text is read back into the result.
template <class Kind, class Format>
Outcome written(std::uint64_t records, Format format) {
  std::uint64_t hash = 0;
  over_values(records, [&](std::size_t count) {
    char text[64];
    for (std::size_t i = 0; i < count; ++i) {
      char* end = format(text, numbers<Kind>()[i]);
      if (i % 1024 == 0) {
        *end = '\0';
        mix(hash, std::strtod(text, nullptr));
      }
    }
  });
  return {.result = hash};
}

template <class Kind, class Parse>
Outcome read(std::uint64_t records, Parse parse) {
  std::uint64_t hash = 0;
  over_values(records, [&](std::size_t count) {
    const Texts& all = texts<Kind>();
    std::uint32_t first = 0;
    for (std::size_t i = 0; i < count; ++i) {
      mix(hash, parse(std::string_view(all.bytes).substr(first, all.ends[i] - first)));
      first = all.ends[i] + 1;
    }
  });
  return {.result = hash};
}

template <class Kind>
Outcome write_to_chars(std::uint64_t records) {
  return written<Kind>(records, [](char* out, double value) { return std::to_chars(out, out + 64, value).ptr; });
}
template <class Kind>
Outcome write_fmt(std::uint64_t records) {
  return written<Kind>(records, [](char* out, double value) { return fmt::format_to(out, "{}", value); });
}
template <class Kind>
Outcome write_penstock(std::uint64_t records) {
  return written<Kind>(records, [](char* out, double value) { return format_float64(out, value); });
}

template <class Kind>
Outcome read_from_chars(std::uint64_t records) {
  return read<Kind>(records, [](std::string_view text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  });
}
template <class Kind>
Outcome read_fast_float(std::uint64_t records) {
  return read<Kind>(records, [](std::string_view text) {
    double value = 0;
    fast_float::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  });
}
template <class Kind>
Outcome read_strtod(std::uint64_t records) {
  return read<Kind>(records, [](std::string_view text) { return std::strtod(text.data(), nullptr); });
}
template <class Kind>
Outcome read_penstock(std::uint64_t records) {
  return read<Kind>(records, [](std::string_view text) {
    double value = 0;
    (void)parse_float64(text, value);
    return value;
  });
}

const Register registered({
    {"write two decimals", "std::to_chars", write_to_chars<Money>, true},
    {"write two decimals", "fmt", write_fmt<Money>},
    {"write two decimals", "format_float64", write_penstock<Money>},
    {"write 17 digits", "std::to_chars", write_to_chars<Long>, true},
    {"write 17 digits", "fmt", write_fmt<Long>},
    {"write 17 digits", "format_float64", write_penstock<Long>},
    {"read two decimals", "fast_float", read_fast_float<Money>, true},
    {"read two decimals", "std::from_chars", read_from_chars<Money>},
    {"read two decimals", "strtod", read_strtod<Money>},
    {"read two decimals", "parse_float64", read_penstock<Money>},
    {"read 17 digits", "fast_float", read_fast_float<Long>, true},
    {"read 17 digits", "std::from_chars", read_from_chars<Long>},
    {"read 17 digits", "strtod", read_strtod<Long>},
    {"read 17 digits", "parse_float64", read_penstock<Long>},
});

}  // namespace
}  // namespace penstock::benchmark::numeric
