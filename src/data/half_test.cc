// SPDX-License-Identifier: MIT
#include "data/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace penstock {
namespace {

TEST(Half, EveryOneComesBack) {
  for (std::uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = float_of_half(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(float_of_half(half_of_float(value)))) << bits;
    } else {
      EXPECT_EQ(half_of_float(value), half) << bits;
    }
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(float_of_half(0x3C00), 1.0F);
  EXPECT_EQ(float_of_half(0xC000), -2.0F);
  EXPECT_EQ(float_of_half(0x7BFF), 65504.0F);
  EXPECT_EQ(float_of_half(0x0001), 0x1p-24F);
  EXPECT_EQ(float_of_half(0x7C00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(float_of_half(0x8000)));
}

TEST(Half, RoundsToTheNearestAndInTheMiddleToTheEven) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = float_of_half(half);
    const float high = float_of_half(static_cast<std::uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;
    EXPECT_EQ(half_of_float(middle), half + (half & 1)) << half;
    EXPECT_EQ(half_of_float(std::nextafter(middle, 0.0F)), half);
    EXPECT_EQ(half_of_float(std::nextafter(middle, 1e9F)), half + 1);
    EXPECT_EQ(half_of_float(-middle), 0x8000 + half + (half & 1));
  }
  EXPECT_EQ(half_of_float(65519.99F), 0x7BFF);
  EXPECT_EQ(half_of_float(65520.0F), 0x7C00);
}

}  // namespace
}  // namespace penstock
