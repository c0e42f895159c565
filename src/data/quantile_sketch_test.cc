// SPDX-License-Identifier: MIT
#include "data/quantile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace penstock {
namespace {

constexpr std::uint64_t kSeed = 20'261'017;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kTiniest = std::numeric_limits<double>::denorm_min();

QuantileSketch sketch_of(const std::vector<double>& values, double accuracy = QuantileSketch::kDefaultAccuracy) {
  QuantileSketch sketch(accuracy);
  sketch.add(values.data(), values.size());
  return sketch;
}

std::string bytes_of(const QuantileSketch& sketch) {
  std::string bytes;
  sketch.append_bytes(bytes);
  return bytes;
}

/// Normal numbers with uniform exponents in ±`spread`, both signs, and some zeros.
std::vector<double> spread_values(std::mt19937_64& random, std::size_t count, int spread) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double mantissa = 1 + static_cast<double>(random() >> 12) * 0x1p-52;
    const int exponent = static_cast<int>(random() % (2u * static_cast<unsigned>(spread) + 1)) - spread;
    values.push_back(i % 50 == 0 ? 0.0 : std::ldexp(i % 3 == 0 ? -mantissa : mantissa, exponent));
  }
  return values;
}

TEST(QuantileSketch, EveryQuantileIsWithinTheAccuracy) {
  std::mt19937_64 random(kSeed);
  for (const double accuracy : {1e-4, 0.001, 0.01, 0.05, 0.5}) {
    for (const int spread : {0, 3, 40, 1000}) {
      std::vector<double> values = spread_values(random, 3'000, spread);
      const QuantileSketch sketch = sketch_of(values, accuracy);
      std::sort(values.begin(), values.end());
      for (std::size_t rank = 0; rank < values.size(); rank += 7) {
        const double q = (static_cast<double>(rank) + 0.5) / static_cast<double>(values.size() - 1);
        if (q > 1) break;
        const double error = std::abs(sketch.quantile(q) - values[rank]);
        ASSERT_LE(error, accuracy * (1 + 1e-9) * std::abs(values[rank]))
            << accuracy << " " << rank << " seed " << kSeed;
      }
    }
  }
}

TEST(QuantileSketch, SmallestAndLargestAreExact) {
  const QuantileSketch sketch = sketch_of({0.1, -7.3, 12.7, 3.0});
  EXPECT_EQ(sketch.quantile(0), -7.3);
  EXPECT_EQ(sketch.quantile(1), 12.7);
  EXPECT_EQ(sketch.min(), -7.3);
  EXPECT_EQ(sketch.max(), 12.7);
  EXPECT_EQ(sketch_of({42.5}).quantile(0.5), 42.5);
  EXPECT_EQ(sketch_of({42.5, 42.5, 42.5}).quantile(0.5), 42.5);
}

TEST(QuantileSketch, TheEndsOfTheRangeHaveBuckets) {
  const QuantileSketch sketch = sketch_of({kTiniest, kTiniest * 1000, 1.0, kMax / 1.5, kMax});
  EXPECT_NEAR(sketch.quantile(0.25), kTiniest * 1000, kTiniest * 11);
  EXPECT_NEAR(sketch.quantile(0.75), kMax / 1.5, kMax / 150);
  EXPECT_EQ(sketch.quantile(1), kMax);
}

TEST(QuantileSketch, NothingHasNoQuantile) {
  EXPECT_TRUE(std::isnan(QuantileSketch().quantile(0.5)));
  EXPECT_TRUE(std::isnan(QuantileSketch().min()));
  EXPECT_EQ(QuantileSketch().count(), 0u);
}

TEST(QuantileSketch, ZerosAndInfinitiesAreValues) {
  const QuantileSketch sketch =
      sketch_of({-kInfinity, -kInfinity, -1.0, -0.0, 0.0, 1.0, kInfinity, kInfinity, kInfinity});
  EXPECT_EQ(sketch.quantile(0.125), -kInfinity);
  EXPECT_NEAR(sketch.quantile(0.25), -1.0, 0.01);
  EXPECT_FALSE(std::signbit(sketch.quantile(0.375)));
  EXPECT_EQ(sketch.quantile(0.5), 0.0);
  EXPECT_NEAR(sketch.quantile(0.625), 1.0, 0.01);
  EXPECT_EQ(sketch.quantile(0.75), kInfinity);
  EXPECT_EQ(sketch.count(), 9u);
}

TEST(QuantileSketch, ANanMakesEveryQuantileNan) {
  const QuantileSketch sketch = sketch_of({1.0, kNan, 2.0});
  EXPECT_TRUE(std::isnan(sketch.quantile(0)));
  EXPECT_TRUE(std::isnan(sketch.quantile(0.5)));
  EXPECT_TRUE(std::isnan(sketch.max()));
  EXPECT_EQ(sketch.count(), 3u);
}

TEST(QuantileSketch, OrderAndSplitsChangeNothing) {
  std::mt19937_64 random(kSeed);
  for (const int spread : {0, 5, 900}) {
    std::vector<double> values = spread_values(random, 2'000, spread);
    values.insert(values.end(), {kInfinity, -0.0, kTiniest, -kMax});
    const std::string expected = bytes_of(sketch_of(values));
    for (int round = 0; round < 10; ++round) {
      std::shuffle(values.begin(), values.end(), random);
      std::vector<QuantileSketch> parts(1 + random() % 8);
      for (const double value : values) parts[random() % parts.size()].add(value);
      QuantileSketch merged;
      for (const QuantileSketch& part : parts) ASSERT_TRUE(merged.merge(part).has_value());
      ASSERT_EQ(bytes_of(merged), expected) << "seed " << kSeed;
    }
  }
}

TEST(QuantileSketch, RefusesToMergeAnotherAccuracy) {
  QuantileSketch sketch = sketch_of({1.0});
  const Status status = sketch.merge(sketch_of({2.0}, 0.02));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(), "cannot merge quantile sketches of different accuracy: 0.01 and 0.02");
  EXPECT_EQ(sketch.count(), 1u);
}

TEST(QuantileSketch, BytesComeBackAsTheSameSketch) {
  std::mt19937_64 random(kSeed);
  for (const auto& values : {std::vector<double>{}, {1.0}, {kNan, 0.0, -kInfinity}, spread_values(random, 500, 20)}) {
    const std::string bytes = bytes_of(sketch_of(values));
    const std::string more = bytes + "!";
    std::string_view left = more;
    const Result<QuantileSketch> back = QuantileSketch::take_bytes(left);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(left, "!");
    EXPECT_EQ(bytes_of(*back), bytes);
    EXPECT_EQ(back->count(), values.size());
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 100) {
      std::string_view cut = std::string_view(bytes).substr(0, size);
      EXPECT_FALSE(QuantileSketch::take_bytes(cut).has_value()) << size;
    }
  }
}

TEST(QuantileSketch, MemoryFollowsTheSpreadNotTheNumber) {
  EXPECT_LE(sketch_of({1.0}).heap_bytes(), 16u);
  EXPECT_LE(sketch_of({1.0, 1e9, 1e-9, 1e300}).heap_bytes(), 64u);
  std::mt19937_64 random(kSeed);
  QuantileSketch sketch;
  for (int i = 0; i < 1'000'000; ++i)
    sketch.add(1.0 + static_cast<double>(random() % 1'000'000) * 1e-3);  // ten doublings
  EXPECT_LE(sketch.heap_bytes(), 2u * 35 * 10 * 8);
}

TEST(QuantileSketch, AddsScatteredValuesAsOneByOne) {
  std::mt19937_64 random(kSeed);
  std::vector<double> values = spread_values(random, 5'000, 40);
  values.insert(values.end(), {kInfinity, -kInfinity, kMax, kTiniest, -0.0, kNan});
  std::vector<std::uint32_t> groups;
  std::vector<QuantileSketch> expected(5);
  for (const double value : values) {
    groups.push_back(static_cast<std::uint32_t>(random() % expected.size()));
    expected[groups.back()].add(value);
  }
  std::vector<QuantileSketch> sketches(expected.size());
  QuantileSketch::add_scattered(sketches.data(), groups.data(), values.data(), values.size());
  for (std::size_t i = 0; i < sketches.size(); ++i) EXPECT_EQ(bytes_of(sketches[i]), bytes_of(expected[i])) << kSeed;
}

}  // namespace
}  // namespace penstock
