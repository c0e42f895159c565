// SPDX-License-Identifier: MIT
#include "data/number_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "data/padded_number.h"

namespace penstock {
namespace {

constexpr std::uint64_t kSeed = 20'260'822;

std::string text_of(double value) {
  char text[kMostFloat64Text];
  return {text, format_float64(text, value)};
}

std::string text_of_int(std::int64_t value) {
  char text[kMostInt64Text];
  return {text, format_int64(text, value)};
}

/// Copies to the heap at its exact size, so that the address sanitizer sees a read past the end.
ParseOutcome parse_tight(const std::string& text, double& value, Float64Text options = {}) {
  const std::vector<char> bytes(text.begin(), text.end());
  return parse_float64({bytes.data(), bytes.size()}, value, options);
}

double parsed(const std::string& text) {
  double value = -12345;
  EXPECT_EQ(parse_tight(text, value), ParseOutcome::kOk) << text;
  return value;
}

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

/// Only the digits that count: without point, exponent, leading and trailing zeros.
std::string significant(std::string text) {
  text = text.substr(0, text.find('e'));
  std::erase_if(text, [](char c) { return c < '0' || c > '9'; });
  text.erase(0, text.find_first_not_of('0'));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

void expect_shortest_round_trip(double value) {
  const std::string text = text_of(value);
  double back = 0;
  ASSERT_EQ(parse_tight(text, back), ParseOutcome::kOk) << text;
  ASSERT_TRUE(same_bits(back, value)) << text << " seed " << kSeed;
  char expected[32];
  const std::string shortest(expected,
                             std::to_chars(expected, expected + 32, value, std::chars_format::scientific).ptr);
  ASSERT_EQ(significant(text), significant(shortest)) << text << " seed " << kSeed;
  ASSERT_LE(text.size(), kMostFloat64Text);
}

TEST(ParseInt64, ReadsWholeRange) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{7}, std::int64_t{99'999'999}, std::int64_t{100'000'000},
        std::int64_t{9'999'999'999'999'999}, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    std::int64_t back = 1;
    EXPECT_EQ(parse_int64(std::to_string(value), back), ParseOutcome::kOk);
    EXPECT_EQ(back, value);
  }
  std::int64_t value = 0;
  EXPECT_EQ(parse_int64("00000000000000000000000000042", value), ParseOutcome::kOk);
  EXPECT_EQ(value, 42);
}

TEST(ParseInt64, TellsOutOfRangeFromInvalid) {
  std::int64_t value = 5;
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "99999999999999999999999"}) {
    EXPECT_EQ(parse_int64(text, value), ParseOutcome::kOutOfRange) << text;
  }
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "12a45678", "123456789a", "--1", "1-",
                           "99999999999999999999999x", "1/", "1:", "\xB1", "12345678:", "1234567890\xB0"}) {
    EXPECT_EQ(parse_int64(text, value), ParseOutcome::kInvalid) << text;
  }
  EXPECT_EQ(value, 5);
}

TEST(ParseInt64, RejectsEveryByteThatIsNoDigitAtEveryPlace) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        if ((byte >= '0' && byte <= '9') || (byte == '-' && place == 0 && size > 1)) continue;
        std::string text(size, '1');
        text[place] = static_cast<char>(byte);
        std::int64_t value = 0;
        ASSERT_EQ(parse_int64(text, value), ParseOutcome::kInvalid) << size << " " << place << " " << byte;
      }
    }
  }
}

TEST(FormatInt64, EqualsStandardLibrary) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 200'000; ++i) {
    const auto value = static_cast<std::int64_t>(random()) >> (random() % 64);
    ASSERT_EQ(text_of_int(value), std::to_string(value));
  }
  for (std::int64_t power = 1; power < std::numeric_limits<std::int64_t>::max() / 10; power *= 10) {
    for (const std::int64_t value : {power - 1, power, power + 1, -power})
      EXPECT_EQ(text_of_int(value), std::to_string(value));
  }
  EXPECT_EQ(text_of_int(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(ParseFloat64, ReadsPlainDecimals) {
  EXPECT_EQ(parsed("19.99"), 19.99);
  EXPECT_EQ(parsed("5."), 5.0);
  EXPECT_EQ(parsed(".5"), 0.5);
  EXPECT_EQ(parsed("1234567.5"), 1234567.5);
  EXPECT_EQ(parsed("12345678.25"), 12345678.25);
  EXPECT_EQ(parsed("0.00000000000001"), 1e-14);
  EXPECT_EQ(parsed("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(parsed("9999999999999999"), 1e16);
  EXPECT_TRUE(same_bits(parsed("-0"), -0.0));
  EXPECT_TRUE(same_bits(parsed("-0.00"), -0.0));
}

TEST(ParseFloat64, ReadsExponents) {
  EXPECT_EQ(parsed("1e3"), 1000.0);
  EXPECT_EQ(parsed("-1.5E-7"), -1.5e-7);
  EXPECT_EQ(parsed("1e+300"), 1e300);
  EXPECT_EQ(parsed("4.9e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parsed("1e-400"), 0.0);
}

TEST(ParseFloat64, RejectsWhatIsNotANumber) {
  double value = 7;
  for (const char* text : {"",       "-",    ".",     "-.",       "+1",          " 1",
                           "1 ",     "1,5",  "1.2.3", "1..2",     "12345678.1.", "1.2345678.",
                           "nan",    "inf",  "-inf",  "Infinity", "e5",          "1e",
                           "1e+",    "0x10", "1_000", "12a",      "--1",         "nan(1)",
                           "1.e",    "1/2",  "1:2",   ".1.",      "..",          "123456789012345678x",
                           "1.5\xA0"}) {
    EXPECT_EQ(parse_tight(text, value), ParseOutcome::kInvalid) << text;
  }
  EXPECT_EQ(parse_tight("1e400", value), ParseOutcome::kOutOfRange);
  EXPECT_EQ(parse_tight("-1" + std::string(310, '0'), value), ParseOutcome::kOutOfRange);
  EXPECT_EQ(value, 7);
}

TEST(ParseFloat64, ReadsNanAndInfWhenAsked) {
  double value = 0;
  const Float64Text options{.nan_and_inf = true};
  EXPECT_EQ(parse_tight("NaN", value, options), ParseOutcome::kOk);
  EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(parse_tight("-Infinity", value, options), ParseOutcome::kOk);
  EXPECT_EQ(value, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_tight("INF", value, options), ParseOutcome::kOk);
  EXPECT_EQ(value, std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_tight("nan(1)", value, options), ParseOutcome::kInvalid);
  EXPECT_EQ(parse_tight("infi", value, options), ParseOutcome::kInvalid);
}

TEST(ParseFloat64, EqualsStrtodOnRandomDecimals) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 400'000; ++i) {
    std::string text(1 + random() % 19, '0');
    for (char& c : text) c = static_cast<char>('0' + random() % 10);
    if (random() % 4 != 0) text.insert(random() % (text.size() + 1), ".");
    if (random() % 3 == 0) text.insert(0, "-");
    ASSERT_TRUE(same_bits(parsed(text), std::strtod(text.c_str(), nullptr))) << text << " seed " << kSeed;
  }
}

TEST(FormatFloat64, FollowsItsStyle) {
  EXPECT_EQ(text_of(3.0), "3.0");
  EXPECT_EQ(text_of(-3.0), "-3.0");
  EXPECT_EQ(text_of(0.1), "0.1");
  EXPECT_EQ(text_of(19.99), "19.99");
  EXPECT_EQ(text_of(1234567.25), "1234567.25");
  EXPECT_EQ(text_of(1e-6), "0.000001");
  EXPECT_EQ(text_of(1.5e-6), "0.0000015");
  EXPECT_EQ(text_of(9.999999e-7), "9.999999e-7");
  EXPECT_EQ(text_of(1e-7), "1e-7");
  EXPECT_EQ(text_of(1e15), "1000000000000000.0");
  EXPECT_EQ(text_of(9007199254740993.0), "9007199254740992.0");
  EXPECT_EQ(text_of(1e16), "1e16");
  EXPECT_EQ(text_of(1.2345678901234567e+20), "1.2345678901234567e20");
  EXPECT_EQ(text_of(1e300), "1e300");
  EXPECT_EQ(text_of(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(text_of(5e-324), "5e-324");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::max()), "-1.7976931348623157e308");
  EXPECT_EQ(text_of(0.0), "0.0");
  EXPECT_EQ(text_of(-0.0), "-0.0");
  EXPECT_EQ(text_of(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::quiet_NaN()), "nan");
}

TEST(FormatFloat64, IsShortestAndReadsBackForRandomBits) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 300'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) expect_shortest_round_trip(value);
  }
}

TEST(FormatFloat64, IsShortestAndReadsBackForDecimals) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 300'000; ++i) {
    const auto number = static_cast<double>(random() >> (random() % 56 + 8));
    const double value = number / std::pow(10.0, static_cast<double>(random() % 18));
    expect_shortest_round_trip(value);
    expect_shortest_round_trip(std::nextafter(value, 0.0));
    expect_shortest_round_trip(std::nextafter(value, 1e300));
  }
}

TEST(Float64Formatter, WritesWhatFormatFloat64Writes) {
  std::mt19937_64 random(kSeed);
  const double unusual[] = {0.0,
                            -0.0,
                            1e-6,
                            9.9e-7,
                            5e-7,
                            1e15,
                            1e16,
                            1e300,
                            5e-324,
                            999999.99,
                            1e8,
                            -1.0,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN(),
                            -std::numeric_limits<double>::quiet_NaN()};
  Float64Formatter formatter;
  for (int block = 0; block < 4'000; ++block) {
    std::vector<double> values(1 + random() % Float64Formatter::kMostValues);
    const double scale = std::pow(10.0, static_cast<double>(random() % 12));
    for (double& value : values) {
      value = static_cast<double>(random() >> (random() % 40 + 24)) / scale;
      if (random() % 3 == 0) value = -value;
      if (random() % 8 == 0) value = unusual[random() % std::size(unusual)];
      if (random() % 16 == 0) value = std::nextafter(value, 1e300);
    }
    formatter.prepare(values.data(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      char text[kMostFloat64Text];
      ASSERT_EQ(std::string(text, formatter.format(text, i, values[i])), text_of(values[i])) << "seed " << kSeed;
    }
  }
}

TEST(PaddedNumbers, AreReadAsOthers) {
  std::mt19937_64 random(kSeed);
  const std::string_view bytes = "0123456789012345678901234567890123456789.-+e x\x80";
  for (int i = 0; i < 400'000; ++i) {
    std::string text(7, bytes[random() % bytes.size()]);
    for (std::size_t size = random() % 12; size > 0; --size) text += bytes[random() % bytes.size()];
    const std::string_view number = std::string_view(text).substr(7);
    std::int64_t integers[2] = {};
    EXPECT_EQ(parse_padded_int64(number, integers[0]), parse_int64(number, integers[1])) << number;
    ASSERT_EQ(integers[0], integers[1]) << number;
    double floats[2] = {};
    EXPECT_EQ(parse_padded_float64(number, floats[0]), parse_float64(number, floats[1])) << number;
    ASSERT_TRUE(same_bits(floats[0], floats[1])) << number;
  }
}

TEST(ParseBool, ReadsTheUsualWords) {
  bool value = false;
  for (const char* text : {"true", "TRUE", "True", "t", "yes", "Y", "on", "1"}) {
    value = false;
    EXPECT_EQ(parse_bool(text, value), ParseOutcome::kOk) << text;
    EXPECT_TRUE(value) << text;
  }
  for (const char* text : {"false", "F", "no", "n", "OFF", "0"}) {
    value = true;
    EXPECT_EQ(parse_bool(text, value), ParseOutcome::kOk) << text;
    EXPECT_FALSE(value) << text;
  }
  for (const char* text : {"", "tru", "truee", "2", "01", " true"}) {
    EXPECT_EQ(parse_bool(text, value), ParseOutcome::kInvalid) << text;
  }
}

}  // namespace
}  // namespace penstock
