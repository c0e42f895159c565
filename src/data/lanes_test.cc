// SPDX-License-Identifier: MIT
#include "data/lanes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "data/random.h"

namespace penstock {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Doubles of every kind: special ones, random bits, and ones near what functions treat apart. The seed is fixed.
std::vector<double> awkward_values(std::size_t count, std::uint32_t stream) {
  const std::vector<double> special = {0.0,        -0.0,        1.0,     -1.0,   kInfinity, -kInfinity, kNan,
                                       -kNan,      5e-324,      -5e-324, 1e-17,  -1e-17,    1e308,      -1e308,
                                       0.41421356, -0.29289322, 2.5,     0x1p52, 0x1p53 + 2};
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    Random random(20'261, stream, i);
    const std::uint64_t bits = (static_cast<std::uint64_t>(random.integer(0, 0xFFFFFFFF)) << 32) |
                               static_cast<std::uint64_t>(random.integer(0, 0xFFFFFFFF));
    const auto kind = random.integer(0, 3);
    if (kind == 0) {
      values.push_back(special[bits % special.size()]);
    } else if (kind == 1) {
      values.push_back(std::bit_cast<double>(bits));
    } else {
      const double unit = static_cast<double>(bits >> 11) * 0x1p-53;
      values.push_back(kind == 2 ? 4 * unit - 2 : 1e4 * unit - 5e3);
    }
  }
  return values;
}

std::vector<std::int64_t> awkward_integers(std::size_t count) {
  const std::vector<std::int64_t> special = {
      0, 1, -1, INT64_MIN, INT64_MAX, (1LL << 53) + 1, -(1LL << 53) - 1, (1LL << 62) + 1};
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < count; ++i) {
    Random random(20'261, 7, i);
    const auto bits = (static_cast<std::uint64_t>(random.integer(0, 0xFFFFFFFF)) << 32) |
                      static_cast<std::uint64_t>(random.integer(0, 0xFFFFFFFF));
    const auto shift = static_cast<int>(random.integer(0, 63));
    values.push_back(i % 5 == 0 ? special[bits % special.size()] : static_cast<std::int64_t>(bits) >> shift);
  }
  return values;
}

std::vector<double> map(const LaneKernels& kernels, LaneKernels::Map LaneKernels::* loop, const std::vector<double>& in,
                        double a = 0, double b = 0) {
  std::vector<double> out(in.size());
  (kernels.*loop)(in.data(), out.data(), in.size(), a, b);
  return out;
}

std::vector<double> combine(const LaneKernels& kernels, LaneKernels::Combine LaneKernels::* loop,
                            const std::vector<double>& left, const std::vector<double>& right) {
  std::vector<double> out(left.size());
  (kernels.*loop)(left.data(), right.data(), out.data(), left.size());
  return out;
}

std::vector<std::uint64_t> bits_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

struct NamedMap {
  const char* name;
  LaneKernels::Map LaneKernels::* loop;
  double a = 0;
  double b = 0;
};
const std::vector<NamedMap> kMaps = {{"affine", &LaneKernels::affine, 1.1, -0.3},
                                     {"standardize", &LaneKernels::standardize, 0.7, 3},
                                     {"clamp", &LaneKernels::clamp, -0.0, 0.9},
                                     {"square_root", &LaneKernels::square_root},
                                     {"log1p", &LaneKernels::log1p}};
const std::vector<LaneKernels::Combine LaneKernels::*> kCombines = {&LaneKernels::add,      &LaneKernels::subtract,
                                                                    &LaneKernels::multiply, &LaneKernels::divide,
                                                                    &LaneKernels::smaller,  &LaneKernels::greater};

/// Every target that this processor can run must give the bits of the plain loops, for arrays of any length.
class LaneTargets : public ::testing::Test {
 protected:
  void SetUp() override {
    targets_ = vector_lane_kernels();
    if (targets_.empty()) GTEST_SKIP() << "SKIPPED: this build has no Highway; apt-get install libhwy-dev";
  }
  std::vector<const LaneKernels*> targets_;
  const LaneKernels& plain_ = plain_lane_kernels();
};

TEST_F(LaneTargets, MapToTheSameBits) {
  for (const std::size_t count : {0, 1, 2, 3, 5, 8, 15, 100'003}) {
    const std::vector<double> in = awkward_values(count, static_cast<std::uint32_t>(count));
    for (const NamedMap& map_of : kMaps) {
      const auto expected = bits_of(map(plain_, map_of.loop, in, map_of.a, map_of.b));
      for (const LaneKernels* const target : targets_) {
        EXPECT_TRUE(bits_of(map(*target, map_of.loop, in, map_of.a, map_of.b)) == expected)
            << target->name << " " << map_of.name << " of " << count << " values";
      }
    }
  }
}

TEST_F(LaneTargets, CombineToTheSameBits) {
  for (const std::size_t count : {0, 1, 3, 7, 9, 50'001}) {
    const std::vector<double> left = awkward_values(count, 1);
    const std::vector<double> right = awkward_values(count, 2);
    for (std::size_t loop = 0; loop < kCombines.size(); ++loop) {
      const auto expected = bits_of(combine(plain_, kCombines[loop], left, right));
      for (const LaneKernels* const target : targets_) {
        EXPECT_TRUE(bits_of(combine(*target, kCombines[loop], left, right)) == expected)
            << target->name << " combination " << loop << " of " << count << " values";
      }
    }
  }
}

TEST_F(LaneTargets, ConvertIntegersToTheSameBits) {
  const std::vector<std::int64_t> in = awkward_integers(50'003);
  std::vector<double> expected(in.size());
  plain_.from_int64(in.data(), expected.data(), in.size());
  for (const LaneKernels* const target : targets_) {
    std::vector<double> out(in.size());
    target->from_int64(in.data(), out.data(), in.size());
    EXPECT_TRUE(bits_of(out) == bits_of(expected)) << target->name;
  }
}

TEST_F(LaneTargets, FlagTheSameRows) {
  for (const std::size_t count : {0, 1, 63, 64, 65, 10'007}) {
    const std::vector<double> in = awkward_values(count, 3);
    const std::vector<std::int64_t> integers = awkward_integers(count);
    std::vector<std::uint64_t> expected((count + 63) / 64, ~std::uint64_t{0});
    std::vector<std::uint64_t> words = expected;
    for (const LaneKernels* const target : targets_) {
      plain_.between(in.data(), expected.data(), count, -0.5, 1);
      target->between(in.data(), words.data(), count, -0.5, 1);
      EXPECT_TRUE(words == expected) << target->name << " " << count;
      plain_.between_int64(integers.data(), expected.data(), count, -5, 1LL << 53);
      target->between_int64(integers.data(), words.data(), count, -5, 1LL << 53);
      EXPECT_TRUE(words == expected) << target->name << " " << count;
    }
  }
}

TEST_F(LaneTargets, AreUsedTheBestFirst) {
  EXPECT_STREQ(lane_kernels().name, targets_.front()->name);
  for (std::size_t i = 1; i < targets_.size(); ++i) EXPECT_LE(targets_[i]->lanes, targets_[i - 1]->lanes);
}

/// Units in the last place of the expected value, rounded to double, between it and `found`.
long double ulps_off(double found, long double expected) {
  int exponent = 0;
  std::frexp(static_cast<double>(expected), &exponent);
  return std::fabs(found - expected) / std::ldexp(1.0L, std::max(exponent - 53, -1074));
}

TEST(LaneKernels, Log1pIsWithinOneUnitInTheLastPlaceOfLongDouble) {
  if (std::numeric_limits<long double>::digits < 64)
    GTEST_SKIP() << "SKIPPED: long double is no wider than double here";
  std::vector<double> in;
  const auto add = [&in](double least, double most, bool logarithmic) {
    for (int i = 0; i < 30'000; ++i) {
      const double unit = (i + 0.37) / 30'000;
      in.push_back(logarithmic ? least * std::pow(most / least, unit) : least + (most - least) * unit);
    }
  };
  add(-1, 1, false);
  add(-0.3, -0.28, false);  // where the exponent of 1 + x begins to count
  add(0.27, 0.43, false);
  add(1, 100, false);
  add(1e-300, 1, true);
  add(1, 1e300, true);
  add(-1e-18, -0.99, true);
  for (int bit = 1; bit < 53; ++bit) in.push_back(std::ldexp(1.0, -bit) - 1);
  const std::vector<double> out = map(plain_lane_kernels(), &LaneKernels::log1p, in);
  long double worst = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const long double off = ulps_off(out[i], std::log1p(static_cast<long double>(in[i])));
    worst = std::max(worst, off);
    ASSERT_LT(off, 1) << "log1p(" << in[i] << ") is " << out[i];
  }
  RecordProperty("worst_ulp", std::to_string(static_cast<double>(worst)));
}

TEST(LaneKernels, Log1pKnowsItsBorders) {
  const std::vector<double> in = {0.0, -0.0, 5e-324, -5e-324, -1.0, -1.5, kInfinity, -kInfinity, kNan, 1e-20};
  const auto out = bits_of(map(plain_lane_kernels(), &LaneKernels::log1p, in));
  EXPECT_EQ(out, bits_of({0.0, -0.0, 5e-324, -5e-324, -kInfinity, kNan, kInfinity, kNan, kNan, 1e-20}));
}

TEST(LaneKernels, StoreOneNanWhateverCameIn) {
  const auto nan = std::bit_cast<std::uint64_t>(kNan);
  const double other = std::bit_cast<double>(nan | 0x8000000000000123);
  for (const NamedMap& map_of : kMaps) {
    EXPECT_EQ(bits_of(map(plain_lane_kernels(), map_of.loop, {other}, map_of.a, map_of.b)).at(0), nan) << map_of.name;
  }
  for (const auto loop : kCombines) {
    EXPECT_EQ(bits_of(combine(plain_lane_kernels(), loop, {other, 1.0, kInfinity}, {1.0, other, kNan})),
              (std::vector<std::uint64_t>{nan, nan, nan}));
  }
}

TEST(LaneKernels, RoundAfterEachOperation) {
  const double a = 1 + 0x1p-30;  // a · a has bits that a fused multiply-add would keep
  EXPECT_EQ(map(lane_kernels(), &LaneKernels::affine, {a, a, a, a, a}, a, -1).at(0), (a * a) - 1);
  EXPECT_NE(std::fma(a, a, -1), (a * a) - 1);
}

TEST(LaneKernels, ClampKeepsNanAndInfinitiesWhereItMay) {
  EXPECT_EQ(bits_of(map(lane_kernels(), &LaneKernels::clamp, {-7, 0.5, 7, kNan, kInfinity}, -1, 1)),
            bits_of({-1, 0.5, 1, kNan, 1}));
  EXPECT_EQ(bits_of(map(lane_kernels(), &LaneKernels::clamp, {-7, kInfinity}, 0, kInfinity)), bits_of({0, kInfinity}));
}

TEST(LaneKernels, MayWriteOverTheirInput) {
  std::vector<double> values = awkward_values(1001, 4);
  const auto expected = bits_of(map(lane_kernels(), &LaneKernels::log1p, values));
  lane_kernels().log1p(values.data(), values.data(), values.size(), 0, 0);
  EXPECT_EQ(bits_of(values), expected);
}

}  // namespace
}  // namespace penstock
