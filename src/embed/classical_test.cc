// SPDX-License-Identifier: MIT
#include "embed/classical.h"

#include <gtest/gtest.h>

#include <bit>

#include "embed/picture_fixture.h"

namespace penstock::embed {
namespace {

using fixture::blobs;
using fixture::noise;
using fixture::turned;

constexpr std::uint32_t kSide = 224;

std::vector<float> vector_of(const std::vector<std::uint8_t>& pixels, std::uint32_t height = kSide,
                             std::uint32_t width = kSide) {
  ClassicalEmbedder embedder(height, width);
  std::vector<float> vector(embedder.dimension());
  EXPECT_TRUE(embedder.embed(std::as_bytes(std::span(pixels)), vector));
  return vector;
}

double dot(const std::vector<float>& left, const std::vector<float>& right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) sum += double{left[i]} * right[i];
  return sum;
}

TEST(Classical, SaysWhatItTakesAndGives) {
  const ClassicalEmbedder embedder(30, 40);
  EXPECT_EQ(embedder.input().to_text(), "u8 [30, 40, 3]");
  EXPECT_EQ(embedder.dimension(), 404U);
}

TEST(Classical, VectorsHaveLengthOne) {
  for (const auto& [height, width] : {std::pair{1U, 1U}, {3U, 500U}, {224U, 224U}, {57U, 300U}}) {
    const std::vector<float> vector = vector_of(noise(height, width, width), height, width);
    EXPECT_NEAR(dot(vector, vector), 1, 1e-6) << height << " x " << width;
  }
  for (const int value : {0, 128, 255}) {
    const std::vector<float> flat =
        vector_of(std::vector<std::uint8_t>(3 * kSide * kSide, static_cast<std::uint8_t>(value)));
    EXPECT_NEAR(dot(flat, flat), 1, 1e-6) << value;
  }
}

TEST(Classical, QuarterTurnsOfASquareChangeNoBit) {
  for (const std::uint32_t side : {224U, 61U}) {
    std::vector<std::uint8_t> pixels = noise(side, side, side);
    const std::vector<float> upright = vector_of(pixels, side, side);
    for (int turns = 1; turns < 4; ++turns) {
      pixels = turned(pixels, side);
      EXPECT_EQ(vector_of(pixels, side, side), upright) << turns;
    }
  }
}

TEST(Classical, MirroredPicturesAreOthers) {
  const std::vector<std::uint8_t> pixels = blobs(kSide, 5);
  std::vector<std::uint8_t> mirrored(pixels.size());
  for (std::size_t i = 0; i < pixels.size() / 3; ++i) {
    const std::size_t to = i / kSide * kSide + (kSide - 1 - i % kSide);
    std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3,
                mirrored.begin() + static_cast<std::ptrdiff_t>(3 * to));
  }
  EXPECT_LT(dot(vector_of(pixels), vector_of(mirrored)), 0.99);
}

TEST(Classical, AVectorDependsOnItsTensorAlone) {
  std::vector<std::uint8_t> all;
  std::vector<float> expected;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::vector<std::uint8_t> pixels = i == 1 ? noise(kSide, kSide, i) : blobs(kSide, i);
    all.insert(all.end(), pixels.begin(), pixels.end());
    const std::vector<float> vector = vector_of(pixels);
    expected.insert(expected.end(), vector.begin(), vector.end());
  }
  ClassicalEmbedder embedder(kSide, kSide);
  std::vector<float> vectors(expected.size());
  ASSERT_TRUE(embedder.embed(std::as_bytes(std::span(all)), vectors));
  EXPECT_EQ(vectors, expected);
}

// Stores hold such vectors for years: another compiler, processor or version must not make others.
TEST(Classical, HasTheSameBitsEverywhere) {
  std::uint64_t digest = 0xCBF29CE484222325U;  // FNV-1a
  for (const float value : vector_of(blobs(kSide, 7)))
    digest = (digest ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3U;
  EXPECT_EQ(digest, 8722994449084097539U);
}

}  // namespace
}  // namespace penstock::embed
