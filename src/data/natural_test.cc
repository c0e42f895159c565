// SPDX-License-Identifier: MIT
#include "data/natural.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace penstock {
namespace {

constexpr std::uint64_t kSeed = 20'261'101;
using Wide = unsigned __int128;

Natural natural_of(Wide number) {
  Natural a;
  for (; number != 0; number >>= 32) a.push_back(static_cast<std::uint32_t>(number));
  return a;
}

/// Numbers of every length, with runs of zeros and ones.
Wide any_number(std::mt19937_64& random) {
  Wide number = static_cast<Wide>(random()) << 64 | random();
  if (random() % 3 == 0) number |= static_cast<Wide>(~std::uint64_t{0}) << 32;
  if (random() % 3 == 0) number &= ~(static_cast<Wide>(~std::uint64_t{0}) << 32);
  return number >> random() % 128;
}

TEST(Natural, CalculatesAsMachineIntegersDo) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    const Wide a = any_number(random);
    const Wide b = any_number(random);
    const Wide low = a > b ? b : a;
    const Wide high = a > b ? a : b;
    ASSERT_EQ(natural::compare(natural_of(a), natural_of(b)), a < b ? -1 : a > b ? 1 : 0) << "seed " << kSeed;
    Natural difference = natural_of(high);
    natural::subtract(difference, natural_of(low));
    ASSERT_EQ(difference, natural_of(high - low)) << "seed " << kSeed;

    const auto x = static_cast<std::uint64_t>(a);
    const auto y = static_cast<std::uint64_t>(b);
    ASSERT_EQ(natural::multiply(natural_of(x), natural_of(y)), natural_of(static_cast<Wide>(x) * y))
        << "seed " << kSeed;
    Natural product = natural_of(x);
    natural::multiply(product, y);
    ASSERT_EQ(product, natural_of(static_cast<Wide>(x) * y)) << "seed " << kSeed;
    if (y == 0) continue;
    Natural quotient = natural_of(a);
    ASSERT_EQ(natural::divide(quotient, y), a % y != 0) << "seed " << kSeed;
    ASSERT_EQ(quotient, natural_of(a / y)) << "seed " << kSeed;
  }
}

TEST(Natural, RoundsToTheNearestDouble) {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    const Wide a = any_number(random);
    ASSERT_EQ(natural::to_double(natural_of(a), 0), static_cast<double>(a)) << "seed " << kSeed;
    ASSERT_EQ(natural::to_double(natural_of(a), 700), std::ldexp(static_cast<double>(a), 700)) << "seed " << kSeed;
    ASSERT_EQ(natural::to_double(natural_of(a), -900), std::ldexp(static_cast<double>(a), -900)) << "seed " << kSeed;
  }
}

TEST(Natural, RoundsTiesToEvenAndUpWhenMoreFollows) {
  const Wide tie = (Wide{1} << 53) + 1;
  EXPECT_EQ(natural::to_double(natural_of(tie), 0), 0x1p53);
  EXPECT_EQ(natural::to_double(natural_of(tie), 0, true), 0x1p53 + 2);
  EXPECT_EQ(natural::to_double(natural_of(tie + 2), 0), 0x1p53 + 4);
  EXPECT_EQ(natural::to_double(natural_of(1), 0, true), 1.0);
}

TEST(Natural, RoundsOnceBelowTheNormalNumbersAndOverflowsToInfinity) {
  constexpr double kTiniest = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(natural::to_double(natural_of(1), -1075), 0.0);  // a tie: to even
  EXPECT_EQ(natural::to_double(natural_of(1), -1075, true), kTiniest);
  EXPECT_EQ(natural::to_double(natural_of(3), -1075), 2 * kTiniest);
  EXPECT_EQ(natural::to_double(natural_of(1), -1076, true), 0.0);
  EXPECT_EQ(natural::to_double(natural_of(1), -5000), 0.0);
  EXPECT_EQ(natural::to_double(natural_of((Wide{1} << 53) - 1), 971), std::numeric_limits<double>::max());
  EXPECT_EQ(natural::to_double(natural_of((Wide{1} << 54) - 1), 970), std::numeric_limits<double>::infinity());
  EXPECT_EQ(natural::to_double({}, 5), 0.0);
}

}  // namespace
}  // namespace penstock
