// SPDX-License-Identifier: MIT
#include "data/exact_moments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace penstock {
namespace {

constexpr std::uint64_t kSeed = 20'261'003;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kTiniest = std::numeric_limits<double>::denorm_min();

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

ExactMoments moments_of(const std::vector<double>& values) {
  ExactMoments moments;
  moments.add(values.data(), values.size());
  return moments;
}

std::string bytes_of(const ExactMoments& moments) {
  std::string bytes;
  moments.append_bytes(bytes);
  return bytes;
}

/// A thousand values from 53 bits each of Knuth's 64-bit linear congruential generator.
template <class F>
std::vector<double> thousand(F value_of) {
  std::vector<double> values;
  std::uint64_t state = 12345;
  for (int i = 0; i < 1000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    values.push_back(value_of(state >> 11));
  }
  return values;
}

struct Known {
  std::vector<double> values;
  double sum, mean, sample_variance, variance, deviation;
};

/// Computed with Python's fractions.Fraction and statistics.stdev from the same values.
const std::vector<Known>& known() {
  static const std::vector<Known> cases{
      {thousand([](std::uint64_t v) { return static_cast<double>(v) * 0x1p-53; }), 0x1.fedc00a07f59cp+8,
       0x1.058f5c7b227bcp-1, 0x1.5c1d04ca79c14p-4, 0x1.5bc3e6d589815p-4, 0x1.2a86552d2f4bep-2},
      {thousand([](std::uint64_t v) { return 1e9 + static_cast<double>(v) * 0x1p-53; }), 0x1.d1a94a23fdb80p+39,
       0x1.dcd65004163d7p+29, 0x1.5c1d04bb6bd8bp-4, 0x1.5bc3e6c67f736p-4, 0x1.2a865526bad61p-2},
      {thousand([](std::uint64_t v) { return static_cast<double>(v % 1'000'000) * 0.01 - 3000.0; }),
       0x1.e584a3ae147afp+20, 0x1.f12ba9a804967p+10, 0x1.fc0708abf206ap+22, 0x1.fb84fa953ed70p+22,
       0x1.68a1a5e70ee46p+11},
      {thousand([](std::uint64_t v) {
         return std::ldexp(static_cast<double>(v % 4503599627370496) + 1.0, static_cast<int>(v % 401) - 252);
       }),
       0x1.12b88b66eae6ap+201, 0x1.19506dfacbacbp+191, 0x1.d8397929f9643p+389, 0x1.d7c0957573c41p+389,
       0x1.ebb5d1631d087p+194},
  };
  return cases;
}

TEST(ExactMoments, AgreeWithRationalArithmetic) {
  for (const Known& expected : known()) {
    const ExactMoments moments = moments_of(expected.values);
    EXPECT_EQ(moments.count(), 1000u);
    EXPECT_EQ(moments.sum(), expected.sum);
    EXPECT_EQ(moments.mean(), expected.mean);
    EXPECT_EQ(moments.variance(), expected.sample_variance);
    EXPECT_EQ(moments.variance(0), expected.variance);
    EXPECT_LE(std::abs(moments.deviation() / expected.deviation - 1), 0x1p-52);
  }
}

TEST(ExactMoments, CancellationLosesNothing) {
  const ExactMoments moments = moments_of({1e15 + 4, 1e15 + 7, 1e15 + 13, 1e15 + 16});
  EXPECT_EQ(moments.variance(), 30.0);
  EXPECT_EQ(moments.variance(0), 22.5);
  EXPECT_EQ(moments_of({0.1, 0.1, 0.1}).variance(), 0.0);
  EXPECT_EQ(moments_of({1e200, 1e200, 1e200}).deviation(), 0.0);
}

TEST(ExactMoments, NothingAndTooFewAreNan) {
  EXPECT_TRUE(std::isnan(ExactMoments().mean()));
  EXPECT_TRUE(std::isnan(ExactMoments().variance(0)));
  EXPECT_TRUE(std::isnan(moments_of({5}).variance()));
  EXPECT_EQ(moments_of({5}).variance(0), 0.0);
  EXPECT_EQ(moments_of({5}).mean(), 5.0);
  EXPECT_EQ(moments_of({0.0, -0.0}).deviation(), 0.0);
}

TEST(ExactMoments, SquaresNeitherOverflowNorVanish) {
  EXPECT_EQ(moments_of({kMax, -kMax}).mean(), 0.0);
  EXPECT_EQ(moments_of({kMax, -kMax}).variance(0), kInfinity);
  EXPECT_EQ(moments_of({kMax, -kMax}).deviation(0), kMax);
  EXPECT_EQ(moments_of({kMax, kMax, kMax}).mean(), kMax);
  EXPECT_EQ(moments_of({kTiniest, 3 * kTiniest}).variance(0), 0.0);  // 2^-2148 is no double
  EXPECT_EQ(moments_of({kTiniest, 3 * kTiniest}).deviation(0), kTiniest);
  EXPECT_EQ(moments_of({kTiniest, 3 * kTiniest}).mean(), 2 * kTiniest);
  EXPECT_EQ(moments_of({1e300, 1.0, -1e300, 3.0}).mean(), 1.0);
}

TEST(ExactMoments, NanAndInfinitiesAreAsInSums) {
  EXPECT_EQ(moments_of({1.0, kInfinity}).mean(), kInfinity);
  EXPECT_TRUE(std::isnan(moments_of({1.0, kInfinity}).variance()));
  EXPECT_TRUE(std::isnan(moments_of({-kInfinity, kInfinity}).mean()));
  EXPECT_EQ(moments_of({1.0, kInfinity}).count(), 2u);
  EXPECT_EQ(bytes_of(moments_of({1.0, kInfinity})), bytes_of(moments_of({kInfinity, 77.0})));
}

TEST(ExactMoments, OrderAndSplitsChangeNothing) {
  std::mt19937_64 random(kSeed);
  for (const Known& expected : known()) {
    std::vector<double> values = expected.values;
    values.push_back(std::ldexp(1.0, static_cast<int>(random() % 2000) - 1000));
    const std::string bytes = bytes_of(moments_of(values));
    const double deviation = moments_of(values).deviation();
    for (int round = 0; round < 10; ++round) {
      std::shuffle(values.begin(), values.end(), random);
      std::vector<ExactMoments> parts(1 + random() % 7);
      for (const double value : values) parts[random() % parts.size()].add(value);
      ExactMoments merged;
      for (const ExactMoments& part : parts) merged.merge(part);
      ASSERT_EQ(bytes_of(merged), bytes) << "seed " << kSeed;
      ASSERT_EQ(bits(merged.deviation()), bits(deviation)) << "seed " << kSeed;
    }
  }
}

TEST(ExactMoments, BytesComeBackAsTheSameMoments) {
  for (const Known& expected : known()) {
    const ExactMoments moments = moments_of(expected.values);
    const std::string bytes = bytes_of(moments);
    const std::string more = bytes + "!";
    std::string_view left = more;
    const Result<ExactMoments> back = ExactMoments::take_bytes(left);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(left, "!");
    EXPECT_TRUE(*back == moments);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      std::string_view cut = std::string_view(bytes).substr(0, size);
      EXPECT_FALSE(ExactMoments::take_bytes(cut).has_value()) << size;
    }
  }
}

TEST(ExactMoments, StaySmallForValuesOfLikeSize) {
  EXPECT_EQ(moments_of(known()[0].values).heap_bytes(), 0u);
  EXPECT_EQ(moments_of(known()[2].values).heap_bytes(), 0u);
  EXPECT_GT(moments_of(known()[3].values).heap_bytes(), 0u);
}

}  // namespace
}  // namespace penstock
