// SPDX-License-Identifier: MIT
#include "data/timestamp_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "data/calendar.h"

namespace penstock {
namespace {

constexpr std::uint64_t kSeed = 20'260'823;

ParseOutcome parse_tight(const std::string& text, std::int64_t& micros) {
  const std::vector<char> bytes(text.begin(), text.end());
  return parse_timestamp({bytes.data(), bytes.size()}, micros);
}

std::int64_t parsed(const std::string& text) {
  std::int64_t micros = -12345;
  EXPECT_EQ(parse_tight(text, micros), ParseOutcome::kOk) << text;
  return micros;
}

std::string text_of(std::int64_t micros) {
  char text[kMostTimestampText];
  return {text, format_timestamp(text, micros)};
}

constexpr std::int64_t kExample = 1'706'696'430 * kMicrosPerSecond;  // 2024-01-31T10:20:30Z

TEST(ParseTimestamp, ReadsEveryForm) {
  EXPECT_EQ(parsed("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parsed("2024-01-31T10:20:30Z"), kExample);
  EXPECT_EQ(parsed("2024-01-31T10:20:30"), kExample);
  EXPECT_EQ(parsed("2024-01-31 10:20:30"), kExample);
  EXPECT_EQ(parsed("2024-01-31t10:20:30z"), kExample);
  EXPECT_EQ(parsed("2024-01-31T10:20"), kExample - 30 * kMicrosPerSecond);
  EXPECT_EQ(parsed("2024-01-31T10:20Z"), kExample - 30 * kMicrosPerSecond);
  EXPECT_EQ(parsed("2024-01-31"), truncate_date(kExample, DateUnit::kDay));
  EXPECT_EQ(parsed("2024-01-31T10:20:30.5Z"), kExample + 500'000);
  EXPECT_EQ(parsed("2024-01-31T10:20:30,5Z"), kExample + 500'000);
  EXPECT_EQ(parsed("2024-01-31T10:20:30.123Z"), kExample + 123'000);
  EXPECT_EQ(parsed("2024-01-31 10:20:30.123Z"), kExample + 123'000);
  EXPECT_EQ(parsed("2024-01-31T10:20:30.000001Z"), kExample + 1);
}

TEST(ParseTimestamp, CutsDigitsAfterTheSixth) {
  EXPECT_EQ(parsed("2024-01-31T10:20:30.1234569Z"), kExample + 123'456);
  EXPECT_EQ(parsed("2024-01-31T10:20:30.123456999Z"), kExample + 123'456);
  EXPECT_EQ(parsed("1969-12-31T23:59:59.9999999Z"), -1);
}

TEST(ParseTimestamp, AppliesOffsets) {
  EXPECT_EQ(parsed("2024-01-31T12:20:30+02:00"), kExample);
  EXPECT_EQ(parsed("2024-01-31T12:20:30+0200"), kExample);
  EXPECT_EQ(parsed("2024-01-31T12:20:30+02"), kExample);
  EXPECT_EQ(parsed("2024-01-31T04:50:30.000-05:30"), kExample);
  EXPECT_EQ(parsed("2024-01-31T10:20:30-00:00"), kExample);
  EXPECT_EQ(parsed("2024-03-01T00:30:00+01:00"), parsed("2024-02-29T23:30:00Z"));
}

TEST(ParseTimestamp, RejectsOtherForms) {
  std::int64_t micros = 7;
  for (const char* text : {"",
                           "2024",
                           "2024-01",
                           "2024-1-31",
                           "20240131",
                           "2024/01/31",
                           "2024-01-31T",
                           "2024-01-31Z",
                           "2024-01-31T10",
                           "2024-01-31T1:20:30Z",
                           "2024-01-31T10:20:3Z",
                           "2024-01-31T10:20:30.Z",
                           "2024-01-31T10:20:30.1234567890Z",
                           "2024-01-31T10:20:30ZZ",
                           "2024-01-31T10:20:30Z ",
                           " 2024-01-31",
                           "2024-01-31  10:20:30",
                           "2024-01-31X10:20:30Z",
                           "2024-01-31T10:20:30+2",
                           "2024-01-31T10:20:30+02:",
                           "2024-01-31T10:20:30+02:0",
                           "2024-01-31T10:20:30+020",
                           "+2024-01-31",
                           "-2024-01-31",
                           "12024-01-31",
                           "2024-01-31T10-20-30Z",
                           "2024-01-31T10:20:30.12aZ",
                           "2024-01-31T10:20:3:Z",
                           "2024-01-3/T10:20:30Z",
                           "2O24-01-31T10:20:30.123Z",
                           "2024-01-31T10:20:30.123z1",
                           "2024-01-31T10:20:30.1\xB9"
                           "3Z"}) {
    EXPECT_EQ(parse_tight(text, micros), ParseOutcome::kInvalid) << text;
  }
  EXPECT_EQ(parse_tight(std::string("2024-01-31T10:20:30\0", 20), micros), ParseOutcome::kInvalid);
  EXPECT_EQ(micros, 7);
}

TEST(ParseTimestamp, RejectsDaysAndTimesThatDoNotExist) {
  std::int64_t micros = 7;
  for (const char* text : {"2023-02-29", "2024-02-30", "1900-02-29", "2024-04-31", "2024-00-10", "2024-13-10",
                           "2024-01-00", "2024-01-32", "0000-01-01", "2024-01-31T24:00:00Z", "2024-01-31T10:60:00Z",
                           "2024-01-31T10:20:60Z", "2024-01-31T10:20:99.000Z", "2024-01-31T10:20:30+24:00",
                           "2024-01-31T10:20:30+01:60", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"}) {
    EXPECT_EQ(parse_tight(text, micros), ParseOutcome::kOutOfRange) << text;
  }
  EXPECT_EQ(micros, 7);
  EXPECT_EQ(parsed("2000-02-29"), days_from_civil({2000, 2, 29}) * kMicrosPerDay);
}

TEST(ParseTimestamp, RejectsEveryWrongByteInTheUsualForms) {
  for (const std::string usual : {"2024-01-11T10:10:11.123Z", "2024-01-11T10:10:11Z"}) {
    for (std::size_t place = 0; place < usual.size(); ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool is_digit = c >= '0' && c <= '9';
        if (usual[place] >= '0' && usual[place] <= '9' ? is_digit : c == usual[place]) continue;
        if (place == 10 && (c == ' ' || c == 't')) continue;
        if (place == 19 && usual[place] == '.' && c == ',') continue;
        if (place + 1 == usual.size() && (c == 'z' || (usual.size() == 24 && is_digit))) continue;
        std::string text = usual;
        text[place] = c;
        std::int64_t micros = 0;
        ASSERT_EQ(parse_tight(text, micros), ParseOutcome::kInvalid) << text << " place " << place << " byte " << byte;
      }
    }
  }
}

TEST(FormatTimestamp, WritesTheShortestOfThreeForms) {
  EXPECT_EQ(text_of(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(text_of(kExample), "2024-01-31T10:20:30Z");
  EXPECT_EQ(text_of(kExample + 120'000), "2024-01-31T10:20:30.120Z");
  EXPECT_EQ(text_of(kExample + 120'001), "2024-01-31T10:20:30.120001Z");
  EXPECT_EQ(text_of(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(text_of(kFirstTimestamp), "0001-01-01T00:00:00Z");
  EXPECT_EQ(text_of(kLastTimestamp), "9999-12-31T23:59:59.999999Z");
}

TEST(FormatTimestamp, ReadsBackAsTheSame) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 200'000; ++i) {
    std::int64_t micros =
        kFirstTimestamp + static_cast<std::int64_t>(random() % (kLastTimestamp - kFirstTimestamp + 1ULL));
    if (i % 3 == 1) micros = floor_divide(micros, 1000) * 1000;
    if (i % 3 == 2) micros = floor_divide(micros, kMicrosPerSecond) * kMicrosPerSecond;
    if (micros < kFirstTimestamp) continue;
    ASSERT_EQ(parsed(text_of(micros)), micros) << "seed " << kSeed;
  }
}

TEST(TimestampParser, ReadsWhatParseTimestampReads) {
  std::mt19937_64 random(kSeed);
  TimestampParser parser;
  std::int64_t last = kExample;
  for (int i = 0; i < 200'000; ++i) {
    if (random() % 50 == 0) {
      last = kFirstTimestamp +
             static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kLastTimestamp - kFirstTimestamp));
    }
    last = std::min(last + static_cast<std::int64_t>(random() % 3'600) * kMicrosPerSecond, kLastTimestamp);
    std::string text = text_of(last - last % 1000);
    if (random() % 5 == 0) text[random() % text.size()] = "0123456789-:.TZ +x"[random() % 18];
    if (random() % 9 == 0) text.back() = "Zz0+"[random() % 4];
    std::int64_t micros[2] = {-1, -1};
    ASSERT_EQ(parser.parse(text, micros[0]), parse_timestamp(text, micros[1])) << text << " seed " << kSeed;
    ASSERT_EQ(micros[0], micros[1]) << text << " seed " << kSeed;
  }
}

TEST(TimestampFormatter, WritesWhatFormatTimestampWrites) {
  std::mt19937_64 random(kSeed);
  TimestampFormatter formatter;
  const std::int64_t edges[] = {kFirstTimestamp,   kLastTimestamp, 0, -1, 1, kMicrosPerDay,
                                kMicrosPerDay - 1, -kMicrosPerDay};
  for (int i = 0; i < 100'000; ++i) {
    const auto range = static_cast<std::uint64_t>(kLastTimestamp - kFirstTimestamp);
    const std::int64_t any = kFirstTimestamp + static_cast<std::int64_t>(random() % range);
    const std::int64_t near = kExample + static_cast<std::int64_t>(random() % (2 * kMicrosPerDay));
    const std::int64_t micros = random() % 4 == 0 ? edges[random() % std::size(edges)] : random() % 4 == 0 ? any : near;
    char text[kMostTimestampText];
    ASSERT_EQ(std::string(text, formatter.format(text, micros)), text_of(micros)) << micros;
  }
}

}  // namespace
}  // namespace penstock
