// SPDX-License-Identifier: MIT
#include "data/portable_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "data/random.h"

namespace penstock {
namespace {

constexpr std::uint64_t kSeed = 43;

/// Units in the last place between two numbers of the same sign.
std::uint64_t units_apart(double a, double b) {
  const auto x = std::bit_cast<std::uint64_t>(a);
  const auto y = std::bit_cast<std::uint64_t>(b);
  return x < y ? y - x : x - y;
}

TEST(PortableMath, LogAndExpAreWithinTwoUnitsOfTheCLibrary) {
  Random random(kSeed, 4, 0);
  for (int i = 0; i < 200'000; ++i) {
    const double exponent = random.uniform(-700, 700);
    ASSERT_LE(units_apart(portable::exp(exponent), std::exp(exponent)), 2u) << exponent;
    const double x = std::exp(exponent);
    ASSERT_LE(units_apart(portable::log(x), std::log(x)), 2u) << x;
    const double near_one = random.uniform(0.5, 2);
    ASSERT_LE(units_apart(portable::log(near_one), std::log(near_one)), 2u) << near_one;
    const double small = random.uniform(-1, 1);
    ASSERT_LE(units_apart(portable::exp(small), std::exp(small)), 2u) << small;
  }
  EXPECT_EQ(portable::log(1), 0.0);
  EXPECT_EQ(portable::exp(0), 1.0);
  EXPECT_EQ(portable::exp(1000), std::numeric_limits<double>::infinity());
  EXPECT_EQ(portable::exp(-1000), 0.0);
  EXPECT_NEAR(portable::log(std::numeric_limits<double>::denorm_min()), -744.4400719213812, 1e-12);
}

/// Values of Python's statistics.NormalDist().inv_cdf.
TEST(PortableMath, NormalQuantilesAreTheKnownOnes) {
  EXPECT_NEAR(portable::normal_quantile(0.975), 1.9599639845400536, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(0.1), -1.2815515655446008, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(0.6), 0.2533471031357998, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(0.999), 3.090232306167813, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(1e-05), -4.2648907939228256, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(1e-12), -7.034483825301132, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(1e-15), -7.941345326170995, 1e-14);
  EXPECT_NEAR(portable::normal_quantile(1.1102230246251565e-16), -8.209536151601386, 1e-14);
  EXPECT_EQ(portable::normal_quantile(0.5), 0.0);
  EXPECT_EQ(portable::normal_quantile(0.25), -portable::normal_quantile(0.75));
}

}  // namespace
}  // namespace penstock
