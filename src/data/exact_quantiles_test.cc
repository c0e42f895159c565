// SPDX-License-Identifier: MIT
#include "data/exact_quantiles.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace penstock {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();

double quantile_of(const std::vector<double>& values, double q) {
  ExactQuantiles quantiles;
  quantiles.add(values.data(), values.size());
  return quantiles.quantile(q);
}

TEST(ExactQuantiles, InterpolateLinearlyBetweenRanks) {
  const std::vector<double> values{3, 1, 4, 1, 5, 9, 2, 6};
  EXPECT_EQ(quantile_of(values, 0), 1.0);
  EXPECT_EQ(quantile_of(values, 0.25), 1.75);
  EXPECT_EQ(quantile_of(values, 0.5), 3.5);
  EXPECT_EQ(quantile_of(values, 0.75), 5.25);
  EXPECT_EQ(quantile_of(values, 1), 9.0);
  EXPECT_EQ(quantile_of({7}, 0.3), 7.0);
  EXPECT_EQ(quantile_of({10, 20}, 0.25), 12.5);
}

TEST(ExactQuantiles, StayBetweenTheirNeighbours) {
  EXPECT_EQ(quantile_of({0.1, 0.1, 0.1}, 0.37), 0.1);
  EXPECT_EQ(quantile_of({-kMax, kMax}, 0.5), 0.0);
  EXPECT_EQ(quantile_of({-kMax, kMax}, 1), kMax);
  EXPECT_EQ(quantile_of({1, kInfinity}, 0.1), kInfinity);
  EXPECT_EQ(quantile_of({1, kInfinity}, 0), 1.0);
  EXPECT_EQ(quantile_of({kInfinity, kInfinity}, 0.1), kInfinity);
  EXPECT_TRUE(std::isnan(quantile_of({-kInfinity, kInfinity}, 0.1)));
}

TEST(ExactQuantiles, NothingOrNanGivesNan) {
  EXPECT_TRUE(std::isnan(quantile_of({}, 0.5)));
  EXPECT_TRUE(std::isnan(quantile_of({1, std::nan(""), 2}, 0.5)));
}

TEST(ExactQuantiles, MergingAndOrderChangeNothing) {
  ExactQuantiles a;
  a.add(-0.0);
  a.add(3);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a.quantile(0)), 0u);
  ExactQuantiles b;
  b.add(1);
  b.merge(a);
  EXPECT_EQ(b.count(), 3u);
  EXPECT_EQ(b.quantile(0.5), 1.0);
  b.merge(b);
  EXPECT_EQ(b.count(), 6u);
  EXPECT_EQ(b.quantile(0.5), 1.0);
}

}  // namespace
}  // namespace penstock
