// SPDX-License-Identifier: MIT
#include "data/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace penstock {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kSeed = 42;

template <class F>
std::vector<double> many(int count, F draw) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    Random random(kSeed, 0, static_cast<std::uint64_t>(i));
    values.push_back(draw(random));
  }
  return values;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  const double middle = mean(values);
  return std::sqrt(sum / static_cast<double>(values.size()) - middle * middle);
}

/// The known answers that the authors publish with Random123.
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_THAT(philox({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(Random, DependsOnlyOnSeedStreamAndIndex) {
  Random first(1, 2, 3);
  Random again(1, 2, 3);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(first.bits(), again.bits());
  const std::uint64_t bits = Random(1, 2, 3).bits();
  EXPECT_NE(bits, Random(2, 2, 3).bits());
  EXPECT_NE(bits, Random(1, 3, 3).bits());
  EXPECT_NE(bits, Random(1, 2, 4).bits());
  EXPECT_NE(bits, Random(1 + (std::uint64_t{1} << 40), 2, 3).bits());
  EXPECT_NE(bits, Random(1, 2, 3 + (std::uint64_t{1} << 40)).bits());
}

TEST(Random, DrawsOfOneRecordAreTheBlocksOfItsCounter) {
  Random random(0x299f31d0a4093822, 0x13198a2e, 0x85a308d3243f6a88);
  const auto block = philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 1}, {0xa4093822, 0x299f31d0});
  random.bits();
  random.bits();
  EXPECT_EQ(random.bits(), block[0] | std::uint64_t{block[1]} << 32);
  EXPECT_EQ(random.bits(), block[2] | std::uint64_t{block[3]} << 32);
}

TEST(Random, UniformFillsTheUnitInterval) {
  const std::vector<double> values = many(100'000, [](Random& random) { return random.uniform(); });
  std::vector<int> tenths(10);
  for (const double value : values) {
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++tenths[static_cast<std::size_t>(value * 10)];
  }
  for (const int count : tenths) EXPECT_NEAR(count, 10'000, 500);  // five standard deviations
  EXPECT_NEAR(mean(many(100'000, [](Random& random) { return random.uniform(-3, 5); })), 1.0, 0.05);
}

TEST(Random, IntegersCoverTheirRangeEvenly) {
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) {
    Random random(kSeed, 1, static_cast<std::uint64_t>(i));
    ++counts[static_cast<std::size_t>(random.integer(-3, 3) + 3)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  Random random(kSeed, 2, 0);
  EXPECT_EQ(random.integer(5, 5), 5);
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  bool negative = false;
  bool positive = false;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t value = random.integer(kLeast, kMost);
    negative |= value < 0;
    positive |= value > 0;
    EXPECT_LE(random.integer(kLeast, kLeast + (kMost / 2)), kLeast + kMost / 2);
  }
  EXPECT_TRUE(negative && positive);
}

TEST(Random, NormalHasMeanZeroAndDeviationOne) {
  const std::vector<double> values = many(200'000, [](Random& random) { return random.normal(); });
  EXPECT_NEAR(mean(values), 0, 0.012);
  EXPECT_NEAR(deviation(values), 1, 0.01);
  int within_one = 0;
  for (const double value : values) within_one += std::abs(value) < 1;
  EXPECT_NEAR(within_one / 200'000.0, 0.682689, 0.006);
  EXPECT_NEAR(mean(many(50'000, [](Random& random) { return random.normal(100, 5); })), 100, 0.12);
}

TEST(Random, ExponentialAndLogNormalHaveTheirMoments) {
  const std::vector<double> waits = many(200'000, [](Random& random) { return random.exponential(2.5); });
  EXPECT_NEAR(mean(waits), 2.5, 0.03);
  EXPECT_NEAR(deviation(waits), 2.5, 0.08);
  EXPECT_GT(*std::min_element(waits.begin(), waits.end()), 0.0);
  const std::vector<double> sizes = many(200'000, [](Random& random) { return random.log_normal(1, 0.5); });
  EXPECT_NEAR(mean(sizes), std::exp(1 + 0.125), 0.03);
}

/// The first numbers as they are: they must never change, for records made with an old version must come again.
TEST(Random, NumbersAreTheSameInEveryVersionAndOnEveryMachine) {
  Random random(kSeed, 7, 1'000'000);
  EXPECT_EQ(random.bits(), 106147010013351830u);
  EXPECT_EQ(random.uniform(), 0x1.7ee15308f873cp-1);
  EXPECT_EQ(random.normal(), 0x1.f260c2098385dp+0);
  EXPECT_EQ(random.exponential(1), 0x1.6ac48c3f72b26p+0);
  EXPECT_EQ(random.log_normal(0, 1), 0x1.4a265abffc7fbp-2);
  EXPECT_EQ(random.integer(1, 1'000'000), 234801);
}

TEST(Categories, AreDrawnByWeight) {
  const Result<Categories> categories = Categories::of({1, 0, 3, 6, 0});
  ASSERT_TRUE(categories.has_value());
  EXPECT_EQ(categories->size(), 5u);
  std::vector<int> counts(5);
  for (int i = 0; i < 100'000; ++i) {
    Random random(kSeed, 3, static_cast<std::uint64_t>(i));
    ++counts[categories->draw(random)];
  }
  EXPECT_NEAR(counts[0], 10'000, 500);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 30'000, 750);
  EXPECT_NEAR(counts[3], 60'000, 800);
  EXPECT_EQ(counts[4], 0);
}

TEST(Categories, RefuseWeightsThatMakeNoChoice) {
  for (const std::vector<double>& weights :
       {std::vector<double>{}, {0, 0}, {1, -1}, {1, std::nan("")}, {1, std::numeric_limits<double>::infinity()}}) {
    const Result<Categories> categories = Categories::of(weights);
    ASSERT_FALSE(categories.has_value());
    EXPECT_EQ(categories.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(Categories::of({1, -2}).error().message(), "weight is not a number from 0 up: -2 (position 1)");
}

}  // namespace
}  // namespace penstock
