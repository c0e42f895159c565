// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <cmath>
#include <cstring>
#include <numbers>

#include "image/photo_fixture.h"
#include "image/resize.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::in_batches_of;
using testing::run_operator;

constexpr std::uint32_t kSide = 112;
constexpr image::Size kPhotoSize{96, 128};
using Pixels = std::vector<std::uint8_t>;

struct Picture {
  image::Size size;
  Pixels pixels;
};

Picture photo(unsigned seed) { return {kPhotoSize, image::fixture::photo(kPhotoSize, seed)}; }

Pixels resized(const Picture& picture, image::Size size) {
  Pixels result(std::size_t{3} * size.height * size.width + 16);
  image::Resizer(image::ResizeOptions{size}).resize({picture.pixels.data(), picture.size, 3}, result.data());
  result.resize(std::size_t{3} * size.height * size.width);
  return result;
}

/// Turned by a quarter, clockwise.
Picture quarter_turn(const Picture& picture) {
  Picture turned{{picture.size.width, picture.size.height}, Pixels(picture.pixels.size())};
  for (std::size_t y = 0; y < picture.size.height; ++y) {
    for (std::size_t x = 0; x < picture.size.width; ++x) {
      const std::size_t to = x * turned.size.width + (turned.size.width - 1 - y);
      std::copy_n(picture.pixels.begin() + static_cast<std::ptrdiff_t>(3 * (y * picture.size.width + x)), 3,
                  turned.pixels.begin() + static_cast<std::ptrdiff_t>(3 * to));
    }
  }
  return turned;
}

/// Turned about its middle by some degrees; black where nothing was.
Picture tilted(const Picture& picture, double degrees) {
  Picture turned{picture.size, Pixels(picture.pixels.size())};
  const double c = std::cos(degrees * std::numbers::pi / 180);
  const double s = std::sin(degrees * std::numbers::pi / 180);
  const double middle_x = (picture.size.width - 1) / 2.0;
  const double middle_y = (picture.size.height - 1) / 2.0;
  for (std::size_t y = 0; y < picture.size.height; ++y) {
    for (std::size_t x = 0; x < picture.size.width; ++x) {
      const double dx = static_cast<double>(x) - middle_x;
      const double dy = static_cast<double>(y) - middle_y;
      const long from_x = std::lround(middle_x + c * dx - s * dy);
      const long from_y = std::lround(middle_y + s * dx + c * dy);
      if (from_x < 0 || from_y < 0 || from_x >= picture.size.width || from_y >= picture.size.height) continue;
      std::copy_n(picture.pixels.begin() + 3 * (from_y * picture.size.width + from_x), 3,
                  turned.pixels.begin() + static_cast<std::ptrdiff_t>(3 * (y * picture.size.width + x)));
    }
  }
  return turned;
}

/// Without so many pixels at the left and at the top.
Picture cropped(const Picture& picture, std::uint32_t left, std::uint32_t top) {
  Picture part{{picture.size.height - top, picture.size.width - left}, {}};
  for (std::size_t y = top; y < picture.size.height; ++y) {
    const auto row = picture.pixels.begin() + static_cast<std::ptrdiff_t>(3 * (y * picture.size.width + left));
    part.pixels.insert(part.pixels.end(), row, row + 3 * part.size.width);
  }
  return part;
}

/// What JPEG does to a picture: the cosine transforms of 8 x 8 blocks in steps of `step`.
Picture compressed(const Picture& picture, double step) {
  Picture result = picture;
  std::array<std::array<double, 8>, 8> cosines;
  for (std::size_t k = 0; k < 8; ++k) {
    for (std::size_t x = 0; x < 8; ++x)
      cosines[k][x] = (k == 0 ? std::sqrt(0.125) : 0.5) *
                      std::cos((2.0 * static_cast<double>(x) + 1) * static_cast<double>(k) * std::numbers::pi / 16);
  }
  const auto transformed = [&](const std::array<double, 64>& block, bool back) {
    std::array<double, 64> sums = {};
    for (std::size_t i = 0; i < 64; ++i) {
      for (std::size_t j = 0; j < 64; ++j)
        sums[i] += block[j] * (back ? cosines[j / 8][i / 8] * cosines[j % 8][i % 8]
                                    : cosines[i / 8][j / 8] * cosines[i % 8][j % 8]);
    }
    return sums;
  };
  const auto at = [&](std::size_t y, std::size_t x, std::size_t c) { return 3 * (y * picture.size.width + x) + c; };
  for (std::size_t y = 0; y + 8 <= picture.size.height; y += 8) {
    for (std::size_t x = 0; x + 8 <= picture.size.width; x += 8) {
      for (std::size_t c = 0; c < 3; ++c) {
        std::array<double, 64> block;
        for (std::size_t i = 0; i < 64; ++i) block[i] = picture.pixels[at(y + i / 8, x + i % 8, c)];
        block = transformed(block, false);
        for (double& value : block) value = std::round(value / step) * step;
        block = transformed(block, true);
        for (std::size_t i = 0; i < 64; ++i)
          result.pixels[at(y + i / 8, x + i % 8, c)] =
              static_cast<std::uint8_t>(std::clamp(block[i] + 0.5, 0.0, 255.0));
      }
    }
  }
  return result;
}

/// One column of tensors u8 [side, side, 3], as image.normalize makes them; a picture without pixels is null.
RecordBatch tensors(const std::vector<Picture>& pictures) {
  const Field field{"tensor", Type::kTensor, {TensorElement::kU8, {kSide, kSide, 3}}};
  RecordBatchBuilder builder(*make_schema({field}), BufferPool::shared());
  for (const Picture& picture : pictures) {
    if (picture.pixels.empty()) {
      builder.column(0).append_null();
      continue;
    }
    const Pixels pixels = resized(picture, {kSide, kSide});
    std::memcpy(builder.column(0).append_tensor().data(), pixels.data(), pixels.size());
  }
  return builder.finish();
}

std::vector<float> vectors_of(const std::vector<Picture>& pictures) {
  const HarnessResult result = run_operator("embed.classical", {}, tensors(pictures));
  EXPECT_EQ(result.error(), "");
  const std::span<const float> all = result.batches.at(0).record_batch().column(1).elements<float>();
  return {all.begin(), all.end()};
}

TEST(EmbedClassical, AddsAVectorAndLeavesNullsNull) {
  const RecordBatch input = tensors({photo(1), {}, photo(2)});
  for (const std::size_t size : {1U, 2U, 3U}) {
    const HarnessResult result = run_operator("embed.classical", {{"as", "v"}}, in_batches_of(input, size));
    ASSERT_EQ(result.error(), "");
    EXPECT_EQ(result.type.schema->to_text(), "tensor: tensor u8 [112, 112, 3], v: tensor f32 [404]");
    ASSERT_EQ(result.num_rows(), 3U);
    const std::vector<float> expected = vectors_of({photo(2)});
    const RecordBatch& last = result.batches.back().record_batch();
    EXPECT_EQ(std::memcmp(last.column(1).tensor(last.num_rows() - 1).data(), expected.data(), 404 * sizeof(float)), 0);
    EXPECT_EQ(std::count_if(result.batches.begin(), result.batches.end(),
                            [](const Batch& batch) { return batch.record_batch().column(1).null_count() == 1; }),
              1);
  }
}

TEST(EmbedClassical, SaysWhichTensorsItTakes) {
  const RecordBatch input = testing::table({{"a", Type::kInt64}}, {{std::int64_t{1}}});
  EXPECT_THAT(run_operator("embed.classical", {{"column", "a"}}, input).error(),
              HasSubstr("column \"a\" is int64, a tensor was expected"));
  EXPECT_THAT(run_operator("embed.classical", {}, input).error(), HasSubstr("tensor"));
  RecordBatchBuilder floats(*make_schema({{"tensor", Type::kTensor, {TensorElement::kF32, {3, 8, 8}}}}),
                            BufferPool::shared());
  const std::string error = run_operator("embed.classical", {}, floats.finish()).error();
  EXPECT_THAT(error, HasSubstr("takes tensors u8 [height, width, 3], not f32 [3, 8, 8]"));
  EXPECT_THAT(error, HasSubstr("element = \"u8\" and layout = \"nhwc\""));
}

/// How many of the copies have their own picture as the nearest of all.
std::size_t found_first(const std::vector<float>& pictures, const std::vector<float>& copies) {
  const std::size_t dimension = 404;
  const auto dot = [&](std::size_t copy, std::size_t picture) {
    double sum = 0;
    for (std::size_t i = 0; i < dimension; ++i)
      sum += double{copies[copy * dimension + i]} * pictures[picture * dimension + i];
    return sum;
  };
  std::size_t found = 0;
  for (std::size_t copy = 0; copy < copies.size() / dimension; ++copy) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < pictures.size() / dimension; ++i) best = dot(copy, i) > dot(copy, best) ? i : best;
    found += best == copy;
  }
  return found;
}

TEST(EmbedClassical, FindsCopiesFirst) {
  constexpr unsigned kPictures = 40;
  std::vector<Picture> pictures;
  for (unsigned i = 0; i < kPictures; ++i) pictures.push_back(photo(i));
  const std::vector<float> vectors = vectors_of(pictures);
  const auto found = [&](auto change) {
    std::vector<Picture> copies;
    for (const Picture& picture : pictures) copies.push_back(change(picture));
    return found_first(vectors, vectors_of(copies));
  };
  EXPECT_EQ(found(quarter_turn), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return quarter_turn(quarter_turn(of)); }), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return quarter_turn(quarter_turn(quarter_turn(of))); }), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return Picture{{48, 64}, resized(of, {48, 64})}; }), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return compressed(of, 40); }), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return tilted(of, 5); }), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return cropped(of, 4, 2); }), kPictures);
  EXPECT_EQ(found([](const Picture& of) { return compressed(cropped(quarter_turn(of), 4, 2), 25); }), kPictures);
}

}  // namespace
}  // namespace penstock
