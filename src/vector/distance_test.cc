// SPDX-License-Identifier: MIT
#include "vector/distance.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "data/random.h"

namespace penstock {
namespace {

std::vector<float> numbers(std::size_t count, std::uint32_t stream) {
  std::vector<float> all(count);
  for (std::size_t i = 0; i < count; ++i)
    all[i] = static_cast<float>(Random(7, stream, i).normal() * std::exp(Random(8, stream, i).normal(0, 3)));
  return all;
}

TEST(Distance, HasTheSameBitsOnEveryProcessor) {
  const DistanceKernels& here = distance_kernels();
  const DistanceKernels& plain = plain_distance_kernels();
  for (std::size_t dimension = 0; dimension < 300; ++dimension) {
    // One value behind the beginning, so that nothing is aligned.
    const std::vector<float> left = numbers(dimension + 1, 1);
    const std::vector<float> right = numbers(dimension + 1, 2);
    const auto bits = [&](DistanceKernels::Pair pair) {
      return std::bit_cast<std::uint32_t>(pair(left.data() + 1, right.data() + 1, dimension));
    };
    EXPECT_EQ(bits(here.dot), bits(plain.dot)) << here.name << ", " << dimension;
    EXPECT_EQ(bits(here.minus_dot), bits(plain.minus_dot)) << here.name << ", " << dimension;
    EXPECT_EQ(bits(here.squared_distance), bits(plain.squared_distance)) << here.name << ", " << dimension;
  }
}

TEST(Distance, IsNearWhatLongerNumbersGive) {
  const std::size_t dimension = 777;
  const std::vector<float> left = numbers(dimension, 3);
  const std::vector<float> right = numbers(dimension, 4);
  double dot = 0;
  double squares = 0;
  double size = 0;
  for (std::size_t i = 0; i < dimension; ++i) {
    const double a = left[i];
    const double b = right[i];
    dot += a * b;
    size += std::abs(a * b);
    squares += (a - b) * (a - b);
  }
  EXPECT_NEAR(distance_kernels().dot(left.data(), right.data(), dimension), dot, size * 1e-5);
  EXPECT_EQ(distance_kernels().minus_dot(left.data(), right.data(), dimension),
            -distance_kernels().dot(left.data(), right.data(), dimension));
  EXPECT_NEAR(distance_kernels().squared_distance(left.data(), right.data(), dimension), squares, squares * 1e-5);
}

TEST(Distance, OfNothingIsZero) {
  EXPECT_EQ(distance_kernels().dot(nullptr, nullptr, 0), 0);
  EXPECT_EQ(distance_kernels().squared_distance(nullptr, nullptr, 0), 0);
}

}  // namespace
}  // namespace penstock
