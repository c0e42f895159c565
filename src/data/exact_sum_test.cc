// SPDX-License-Identifier: MIT
#include "data/exact_sum.h"

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

constexpr std::uint64_t kSeed = 20'260'911;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kTiniest = std::numeric_limits<double>::denorm_min();

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

ExactSum summed(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) sum.add(value);
  return sum;
}

double sum_of(const std::vector<double>& values) { return summed(values).to_double(); }

std::string bytes_of(const ExactSum& sum) {
  std::string bytes;
  sum.append_bytes(bytes);
  return bytes;
}

/// Finite doubles of every size: random bits.
std::vector<double> any_doubles(std::mt19937_64& random, std::size_t count) {
  std::vector<double> values;
  while (values.size() < count) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

/// Shewchuk's expansions ("Adaptive precision floating-point arithmetic", 1997), rounded as Python's math.fsum does:
/// another way to the same sum. Only where nothing overflows.
double expansion_sum(const std::vector<double>& values) {
  std::vector<double> parts;
  for (double x : values) {
    std::size_t kept = 0;
    for (double y : parts) {
      if (std::abs(x) < std::abs(y)) std::swap(x, y);
      const double high = x + y;
      const double low = y - (high - x);
      if (low != 0) parts[kept++] = low;
      x = high;
    }
    parts.resize(kept);
    parts.push_back(x);
  }
  if (parts.empty()) return 0.0;
  std::size_t n = parts.size();
  double high = parts[--n];
  double low = 0;
  while (n > 0) {
    const double x = high;
    const double y = parts[--n];
    high = x + y;
    low = y - (high - x);
    if (low != 0) break;
  }
  if (n > 0 && ((low < 0 && parts[n - 1] < 0) || (low > 0 && parts[n - 1] > 0))) {  // halfway by rounding only
    const double twice = 2 * low;
    const double up = high + twice;
    if (twice == up - high) high = up;
  }
  return high;
}

TEST(ExactSum, NothingSumsToPositiveZero) {
  EXPECT_EQ(bits(ExactSum().to_double()), bits(0.0));
  EXPECT_EQ(bits(sum_of({-0.0, -0.0})), bits(0.0));
  EXPECT_EQ(bits(sum_of({1.5, -1.5})), bits(0.0));
}

TEST(ExactSum, OneValueIsItself) {
  for (const double value :
       {1.0, -1.0, 0.1, 1e300, -1e-300, kMax, -kMax, kTiniest, -kTiniest, 0x1p-1022, 0x1.fffffffffffffp-1023}) {
    EXPECT_EQ(bits(sum_of({value})), bits(value)) << value;
  }
  std::mt19937_64 random(kSeed);
  for (const double value : any_doubles(random, 20'000)) ASSERT_EQ(bits(sum_of({value})), bits(value)) << value;
}

TEST(ExactSum, RoundsTheTrueSumOnce) {
  EXPECT_EQ(sum_of(std::vector<double>(10, 0.1)), 1.0);
  EXPECT_EQ(sum_of({1e100, 1.0, -1e100}), 1.0);
  EXPECT_EQ(sum_of({1e16, 1.0, 1e-16}), 10000000000000002.0);  // above the tie only through the last value
  EXPECT_EQ(sum_of({1e16, 1.0}), 1e16);                        // the tie goes to even
  EXPECT_EQ(sum_of({1e16, 3.0}), 10000000000000004.0);
  EXPECT_EQ(sum_of({0x1p53, 1.0, -kTiniest}), 0x1p53);
  EXPECT_EQ(sum_of({0x1p53, 1.0, kTiniest}), 0x1p53 + 2);
  EXPECT_EQ(sum_of({1e308, 1.0, -1e308, 1e-308}), 1.0);
}

TEST(ExactSum, AgreesWithExpansions) {
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> values;
    const int spread = std::vector{0, 1, 10, 60, 300, 900}[static_cast<std::size_t>(round % 6)];
    std::uniform_int_distribution<int> exponent(-spread, spread);
    for (int i = 0; i < 1 + round * 3; ++i) {
      const double mantissa = static_cast<double>(static_cast<std::int64_t>(random())) * 0x1p-63;
      values.push_back(std::ldexp(mantissa, exponent(random)));
      if (round % 2 == 1 && i % 3 == 1) values.push_back(-values[values.size() / 2]);  // cancellation
    }
    ASSERT_EQ(bits(sum_of(values)), bits(expansion_sum(values))) << "round " << round << " seed " << kSeed;
  }
}

TEST(ExactSum, PartsMayPassTheLargestDouble) {
  EXPECT_EQ(sum_of({kMax, kMax, -kMax}), kMax);
  EXPECT_EQ(sum_of({kMax, kMax, kMax, -kMax, -kMax, 1.0, -kMax}), 1.0);
  EXPECT_EQ(sum_of({kMax, kMax}), kInfinity);
  EXPECT_EQ(sum_of({-kMax, -kMax}), -kInfinity);
  EXPECT_EQ(sum_of({kMax, 0x1p969}), kMax);       // less than half a unit more
  EXPECT_EQ(sum_of({kMax, 0x1p970}), kInfinity);  // exactly half: ties to even, which is beyond
  EXPECT_EQ(sum_of({kMax, 0x1p970, -kTiniest}), kMax);
  ExactSum sum;
  for (int i = 0; i < 100'000; ++i) sum.add(kMax);
  for (int i = 0; i < 99'999; ++i) sum.add(-kMax);
  EXPECT_EQ(sum.to_double(), kMax);
}

TEST(ExactSum, SubnormalsAreExact) {
  EXPECT_EQ(sum_of({kTiniest, kTiniest, kTiniest}), 3 * kTiniest);
  EXPECT_EQ(sum_of({0x1p-1022, -kTiniest}), 0x1p-1022 - kTiniest);
  EXPECT_EQ(sum_of({1.0, kTiniest, -1.0}), kTiniest);
}

TEST(ExactSum, NanAndInfinitiesFollowRulesWithoutOrder) {
  EXPECT_EQ(sum_of({1.0, kInfinity, -kMax}), kInfinity);
  EXPECT_EQ(sum_of({-kInfinity, kMax, kMax}), -kInfinity);
  EXPECT_TRUE(std::isnan(sum_of({kInfinity, -kInfinity})));
  EXPECT_EQ(bits(sum_of({-kNan, 1.0})), bits(kNan));
  EXPECT_EQ(bits(sum_of({kInfinity, 1.0, -kInfinity})), bits(sum_of({-kNan, kInfinity})));
  EXPECT_EQ(bytes_of(summed({kInfinity, 1.0})), bytes_of(summed({2.0, 3.0, kInfinity})));
  EXPECT_EQ(bytes_of(summed({kNan})), bytes_of(summed({-kInfinity, 7.0, kInfinity})));
}

TEST(ExactSum, ManyEqualValuesCarryThroughEveryLimb) {
  for (const double value : {1.0, -0.1, 0x1.fffffffffffffp+500, -0x1.fffffffffffffp+31, 3 * kTiniest}) {
    ExactSum sum;
    for (int i = 0; i < 1 << 16; ++i) sum.add(value);
    EXPECT_EQ(bits(sum.to_double()), bits(value * 65536)) << value;  // a power of two: exact
  }
}

TEST(ExactSum, DoublingFarPastTheInlineLimbsStaysExact) {
  ExactSum sum = summed({1.0});
  for (int i = 0; i < 400; ++i) {
    const ExactSum copy = sum;
    sum.merge(copy);
  }
  EXPECT_EQ(sum.to_double(), 0x1p400);
  sum.merge(summed({-0x1p400, 0.25}));
  EXPECT_EQ(sum.to_double(), 0.25);
}

TEST(ExactSum, OrderAndSplitsChangeNothing) {
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 60; ++round) {
    std::vector<double> values = any_doubles(random, 200);
    if (round % 2 == 0) {
      int unused = 0;
      for (double& value : values) value = std::ldexp(std::frexp(value, &unused), round);
    }
    const ExactSum expected = summed(values);
    for (int shuffle = 0; shuffle < 5; ++shuffle) {
      std::shuffle(values.begin(), values.end(), random);
      const std::size_t parts = 1 + random() % 9;
      std::vector<ExactSum> sums(parts);
      for (const double value : values) sums[random() % parts].add(value);
      std::shuffle(sums.begin(), sums.end(), random);
      ExactSum merged;
      for (const ExactSum& sum : sums) merged.merge(sum);
      ASSERT_EQ(bits(merged.to_double()), bits(expected.to_double())) << "seed " << kSeed;
      ASSERT_EQ(bytes_of(merged), bytes_of(expected)) << "seed " << kSeed;
      ASSERT_TRUE(merged == expected);
    }
  }
}

TEST(ExactSum, ABlockIsTheSameAsItsValues) {
  std::mt19937_64 random(kSeed);
  for (const std::size_t count : {0, 1, 2, 3, 7, 64, 511, 512, 513, 5'000}) {
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(static_cast<double>(static_cast<std::int64_t>(random())) * 1e-9);
    if (count > 100) {
      values[count / 2] = 1e200;
      values[count / 3] = 0.0;
      values[count / 4] = kTiniest;
    }
    ExactSum block;
    block.add(values.data(), values.size());
    EXPECT_EQ(bytes_of(block), bytes_of(summed(values))) << count;
    block.add(values.data(), values.size());
    EXPECT_EQ(bits(block.to_double()), bits(2 * sum_of(values))) << count;
  }
  const std::vector<double> unusual{1.0, kInfinity, 2.0};
  ExactSum block;
  block.add(unusual.data(), unusual.size());
  EXPECT_EQ(block.to_double(), kInfinity);
}

TEST(ExactSum, ScatteredValuesReachTheirGroups) {
  std::mt19937_64 random(kSeed);
  for (const std::size_t count : {0, 1, 16, 17, 1'000}) {
    const std::vector<double> values = any_doubles(random, count);
    std::vector<std::uint32_t> groups(count);
    for (std::uint32_t& group : groups) group = static_cast<std::uint32_t>(random() % 7);
    std::vector<ExactSum> sums(7);
    ExactSum::add_scattered(sums.data(), groups.data(), values.data(), count);
    std::vector<ExactSum> expected(7);
    for (std::size_t i = 0; i < count; ++i) expected[groups[i]].add(values[i]);
    EXPECT_TRUE(sums == expected) << count;
  }
}

TEST(ExactSum, BytesComeBackAsTheSameSum) {
  std::mt19937_64 random(kSeed);
  for (const std::vector<double>& values : {std::vector<double>{},
                                            {1.0},
                                            {-0.1, 1e300, kTiniest},
                                            {kMax, kMax, kMax},
                                            {-kMax, -kMax},
                                            {kInfinity},
                                            {-kInfinity},
                                            {kNan},
                                            any_doubles(random, 500)}) {
    const ExactSum sum = summed(values);
    std::string bytes = bytes_of(sum) + "rest";
    std::string_view left = bytes;
    Result<ExactSum> back = ExactSum::take_bytes(left);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(left, "rest");
    EXPECT_TRUE(*back == sum);
    back->add(1.5);
    ExactSum more = sum;
    more.add(1.5);
    EXPECT_EQ(bytes_of(*back), bytes_of(more));
  }
}

TEST(ExactSum, RefusesBytesThatAreNoSum) {
  const std::string good = bytes_of(summed({0.1, 1e40}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    std::string_view cut = std::string_view(good).substr(0, size);
    EXPECT_FALSE(ExactSum::take_bytes(cut).has_value()) << size;
    EXPECT_EQ(cut.size(), size);
  }
  for (const std::string& bad : {std::string("\4\0\0\0", 4), std::string("\0\2\0\0", 4), std::string("\0\0\5\0", 4),
                                 std::string("\0\0\103\1\0\0\0\0", 8), std::string("\0\0\0\1\0\0\0\0", 8)}) {
    std::string_view view = bad;
    const Result<ExactSum> sum = ExactSum::take_bytes(view);
    ASSERT_FALSE(sum.has_value());
    EXPECT_EQ(sum.error().code(), ErrorCode::kDataLoss);
  }
}

TEST(ExactSum, StaysSmallForValuesOfLikeSize) {
  std::mt19937_64 random(kSeed);
  ExactSum sum;
  for (int i = 0; i < 100'000; ++i) sum.add(static_cast<double>(random() % 1'000'000'000) * 0.01 - 4e6);
  EXPECT_EQ(sum.heap_bytes(), 0u);
  EXPECT_LE(sizeof sum, 64u);
  sum.add(1e200);
  EXPECT_GT(sum.heap_bytes(), 0u);
}

TEST(ExactSum, MovesAndCopiesKeepTheValue) {
  ExactSum wide = summed({1e300, 1.0, -1e300});
  const ExactSum copy = wide;
  ExactSum moved = std::move(wide);
  EXPECT_EQ(copy.to_double(), 1.0);
  moved.add(1.0);
  EXPECT_EQ(moved.to_double(), 2.0);
  EXPECT_EQ(copy.to_double(), 1.0);
}

TEST(ExactIntegerSum, PassesTheEndsOfInt64AndComesBack) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const std::vector<std::int64_t> values{kMost, kMost, kMost, kLeast, kLeast, kLeast};
  ExactIntegerSum sum;
  sum.add(values.data(), values.size());
  ASSERT_TRUE(sum.to_int64().has_value());
  EXPECT_EQ(*sum.to_int64(), -3);
}

TEST(ExactIntegerSum, SaysWhenTheResultDoesNotFit) {
  ExactIntegerSum sum;
  sum.add(std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(sum.fits_int64());
  sum.add(1);
  ASSERT_FALSE(sum.to_int64().has_value());
  EXPECT_EQ(sum.to_int64().error().message(), "integer sum is too large for int64: 9.2233720368547758e+18");
  EXPECT_EQ(sum.to_double(), 0x1p63);
  ExactIntegerSum other;
  other.add(-1);
  sum.merge(other);
  EXPECT_TRUE(sum.fits_int64());
}

TEST(ExactIntegerSum, BytesComeBackAsTheSameSum) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    ExactIntegerSum sum;
    for (int i = 0; i < 3; ++i) sum.add(value);
    std::string bytes;
    sum.append_bytes(bytes);
    std::string_view left = bytes;
    EXPECT_EQ(ExactIntegerSum::take_bytes(left)->to_double(), 3.0 * static_cast<double>(value));
    EXPECT_TRUE(left.empty());
    EXPECT_FALSE(ExactIntegerSum::take_bytes(left).has_value());
  }
}

}  // namespace
}  // namespace penstock
