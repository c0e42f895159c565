// SPDX-License-Identifier: MIT
#include "image/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "data/half.h"
#include "image/normalize.h"
#include "image/photo_fixture.h"

namespace penstock::image {
namespace {

using fixture::photo;
using fixture::psnr;
using Bytes = std::vector<std::uint8_t>;

constexpr Filter kFilters[] = {Filter::kBilinear, Filter::kBicubic, Filter::kLanczos, Filter::kArea};

std::string to_text(Filter filter) {
  const char* const names[] = {"bilinear", "bicubic", "lanczos", "area"};
  return names[static_cast<std::size_t>(filter)];
}

/// What exact arithmetic gives, without any rounding in between; limited to what a byte holds, as every result is.
std::vector<double> reference(const Bytes& pixels, Size size, std::uint32_t channels, const ResizeOptions& options) {
  const Placement placed = placement(whole(size), options.target, options.mode);
  std::vector<double> columns(std::size_t{size.height} * placed.region.width * channels);
  for (std::size_t x = 0; x < placed.region.width; ++x) {
    const ExactWeights weights =
        exact_weights(options.filter, size.width, placed.taken.columns, placed.region.width, x);
    for (std::size_t y = 0; y < size.height; ++y) {
      for (std::size_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (std::size_t k = 0; k < weights.values.size(); ++k)
          sum += weights.values[k] * pixels[(y * size.width + weights.first + k) * channels + c];
        columns[(y * placed.region.width + x) * channels + c] = sum;
      }
    }
  }
  const std::size_t row = std::size_t{placed.region.width} * channels;
  std::vector<double> result(placed.region.height * row);
  for (std::size_t y = 0; y < placed.region.height; ++y) {
    const ExactWeights weights = exact_weights(options.filter, size.height, placed.taken.rows, placed.region.height, y);
    for (std::size_t i = 0; i < row; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < weights.values.size(); ++k)
        sum += weights.values[k] * columns[(weights.first + k) * row + i];
      result[y * row + i] = std::clamp(sum, 0.0, 255.0);
    }
  }
  return result;
}

Bytes resized(const Bytes& pixels, Size size, std::uint32_t channels, const ResizeOptions& options,
              const PixelKernels& kernels = pixel_kernels()) {
  Resizer resizer(options, kernels);
  const Size out = resizer.size_of({pixels.data(), size, channels});
  Bytes result(std::size_t{out.height} * out.width * channels);
  resizer.resize({pixels.data(), size, channels}, result.data());
  return result;
}

/// A photograph of another number of channels.
Bytes photo_of(Size size, std::uint32_t channels) {
  const Bytes rgb = photo(size, 7);
  Bytes pixels(std::size_t{size.height} * size.width * channels);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t pixel = i / channels;
    pixels[i] = i % channels < 3 ? rgb[3 * pixel + i % channels] : static_cast<std::uint8_t>(pixel * 7);
  }
  return pixels;
}

TEST(Resize, IsExactButForOneRounding) {
  const Size size{480, 640};
  const Bytes pixels = photo(size, 1);
  for (const Filter filter : kFilters) {
    for (const Size target : {Size{224, 224}, Size{37, 600}, Size{479, 641}, Size{700, 900}, Size{1, 1}, Size{8, 8}}) {
      const ResizeOptions options{target, filter};
      EXPECT_GE(psnr(resized(pixels, size, 3, options), reference(pixels, size, 3, options)),
                target.height == 1 ? 54 : 58)
          << to_text(filter) << " to " << target.height << " x " << target.width;
    }
  }
}

TEST(Resize, IsExactForEveryNumberOfChannelsAndEveryMode) {
  const Size size{61, 97};
  for (const std::uint32_t channels : {1U, 3U, 4U}) {
    const Bytes pixels = photo_of(size, channels);
    for (const Mode mode : {Mode::kStretch, Mode::kFit, Mode::kFill}) {
      const ResizeOptions options{{32, 32}, Filter::kBicubic, mode};
      EXPECT_GE(psnr(resized(pixels, size, channels, options), reference(pixels, size, channels, options)), 57.5)
          << channels << " channels, mode " << static_cast<int>(mode);
    }
  }
}

TEST(Resize, GivesTheSameBitsWithAllVectorInstructions) {
  if (vector_pixel_kernels().empty()) GTEST_SKIP() << "a build without Highway: apt-get install libhwy-dev";
  for (const Size size : {Size{480, 640}, Size{7, 5}, Size{1, 1}, Size{3, 2000}, Size{333, 17}}) {
    for (const std::uint32_t channels : {1U, 3U, 4U}) {
      const Bytes pixels = photo_of(size, channels);
      for (const Filter filter : kFilters) {
        for (const Mode mode : {Mode::kStretch, Mode::kFill, Mode::kLetterbox}) {
          const ResizeOptions options{{50, 67}, filter, mode, {1, 2, 3, 4}};
          const Bytes plain = resized(pixels, size, channels, options, plain_pixel_kernels());
          for (const PixelKernels* const kernels : vector_pixel_kernels())
            ASSERT_EQ(resized(pixels, size, channels, options, *kernels), plain)
                << kernels->name << ", " << to_text(filter) << ", " << size.height << " x " << size.width << " x "
                << channels;
        }
      }
    }
  }
}

TEST(Resize, LeavesAPictureOfTheRightSizeAsItIs) {
  const Size size{61, 97};
  const Bytes pixels = photo(size, 3);
  for (const Filter filter : kFilters) EXPECT_EQ(resized(pixels, size, 3, {size, filter}), pixels) << to_text(filter);
}

TEST(Resize, LeavesOneColourAsItIs) {
  for (const Size size : {Size{1, 1}, Size{1, 65'535}, Size{65'535, 1}, Size{4'000, 31}}) {
    for (const int value : {0, 1, 127, 254, 255}) {
      const Bytes pixels(std::size_t{3} * size.height * size.width, static_cast<std::uint8_t>(value));
      for (const Filter filter : kFilters) {
        EXPECT_THAT(resized(pixels, size, 3, {{17, 23}, filter}), testing::Each(value))
            << to_text(filter) << ", " << size.height << " x " << size.width;
      }
    }
  }
}

TEST(Resize, MayGoFarBeyondByteAtAnEdge) {
  Bytes pixels;
  for (std::size_t i = 0; i < 3 * 64 * 64; ++i) pixels.push_back(i / 96 % 2 == 0 ? 0 : 255);
  const ResizeOptions options{{50, 50}, Filter::kLanczos};
  EXPECT_GE(psnr(resized(pixels, {64, 64}, 3, options), reference(pixels, {64, 64}, 3, options)), 57);
}

TEST(Resize, OneResizerTakesPicturesOfAllSizes) {
  Resizer resizer(ResizeOptions{{20, 30}});
  for (const Size size : {Size{100, 80}, Size{100, 80}, Size{5, 7}, Size{300, 20}, Size{100, 80}}) {
    const Bytes pixels = photo(size, size.width);
    Bytes out(20 * 30 * 3);
    resizer.resize({pixels.data(), size, 3}, out.data());
    EXPECT_EQ(out, resized(pixels, size, 3, {{20, 30}}));
  }
}

TEST(ResizeModes, StretchTakesAllAndFillsAll) {
  const Placement placed = placement(whole({480, 640}), {224, 224}, Mode::kStretch);
  EXPECT_EQ(placed.canvas, (Size{224, 224}));
  EXPECT_EQ(placed.region, (Size{224, 224}));
  EXPECT_EQ(placed.taken.columns.end, 640);
}

TEST(ResizeModes, FitKeepsTheRatioWithinTheTarget) {
  EXPECT_EQ(placement(whole({480, 640}), {224, 224}, Mode::kFit).canvas, (Size{168, 224}));
  EXPECT_EQ(placement(whole({640, 480}), {224, 224}, Mode::kFit).canvas, (Size{224, 168}));
  EXPECT_EQ(placement(whole({1, 65'535}), {224, 224}, Mode::kFit).canvas, (Size{1, 224}));
}

TEST(ResizeModes, FillCutsOffTwoSidesEvenly) {
  const Placement placed = placement(whole({480, 640}), {224, 224}, Mode::kFill);
  EXPECT_EQ(placed.canvas, (Size{224, 224}));
  EXPECT_DOUBLE_EQ(placed.taken.columns.begin, 80);
  EXPECT_DOUBLE_EQ(placed.taken.columns.end, 560);
  EXPECT_DOUBLE_EQ(placed.taken.rows.begin, 0);
  EXPECT_DOUBLE_EQ(placed.taken.rows.end, 480);
}

TEST(ResizeModes, LetterboxPutsThePictureInTheMiddleOfTheBackground) {
  const Size size{10, 40};
  const Bytes white(3 * 10 * 40, 255);
  const Bytes out = resized(white, size, 3, {{16, 16}, Filter::kBilinear, Mode::kLetterbox, {9, 8, 7, 0}});
  const Bytes background = {9, 8, 7};
  for (std::size_t y = 0; y < 16; ++y) {
    const bool inside = y >= 6 && y < 10;
    const Bytes pixel(out.begin() + static_cast<std::ptrdiff_t>(3 * (16 * y + 5)),
                      out.begin() + static_cast<std::ptrdiff_t>(3 * (16 * y + 6)));
    EXPECT_EQ(pixel, inside ? Bytes({255, 255, 255}) : background) << "row " << y;
  }
  const Bytes tall = resized(white, {40, 10}, 3, {{16, 16}, Filter::kBilinear, Mode::kLetterbox, {9, 8, 7, 0}});
  for (std::size_t x = 0; x < 16; ++x) EXPECT_EQ(tall[3 * (16 * 15 + x)], x >= 6 && x < 10 ? 255 : 9) << "column " << x;
}

TEST(ResizeModes, OnlyWhatAPictureCoversIsTaken) {
  const Cover cover = {{0, 2.5}, {0.5, 4}};  // 5 rows and 7 columns, reduced by 2 and mirrored
  EXPECT_EQ(placement(cover, {8, 8}, Mode::kStretch).taken, cover);
  EXPECT_EQ(placement(cover, {70, 70}, Mode::kFit).canvas, (Size{50, 70}));
  const Placement filled = placement(cover, {10, 10}, Mode::kFill);
  EXPECT_EQ(filled.taken.rows, cover.rows);
  EXPECT_EQ(filled.taken.columns, (Interval{1, 3.5}));
}

TEST(FilterWeights, SumToOneExactly) {
  for (const Filter filter : kFilters) {
    for (const std::size_t in : {1U, 2U, 7U, 640U, 65'535U}) {
      for (const std::size_t out : {1U, 3U, 224U, 1'000U}) {
        const FilterWeights weights = filter_weights(filter, in, {0, static_cast<double>(in)}, out, 15);
        for (std::size_t at = 0; at < out; ++at) {
          std::int64_t sum = 0;
          for (std::size_t k = 0; k < weights.taps; ++k) sum += weights.of(at)[k];
          ASSERT_EQ(sum, std::int64_t{1} << weights.precision) << to_text(filter) << " " << in << " to " << out;
        }
      }
    }
  }
}

TEST(FilterWeights, AreaCountsPartsOfPixels) {
  const ExactWeights weights = exact_weights(Filter::kArea, 5, {0, 5}, 2, 0);  // two and a half pixels each
  EXPECT_EQ(weights.first, 0U);
  EXPECT_THAT(weights.values,
              testing::ElementsAre(testing::DoubleEq(0.4), testing::DoubleEq(0.4), testing::DoubleEq(0.2)));
}

TEST(Half, RoundsToTheNearestAndToEven) {
  EXPECT_EQ(half_of_float(0.0F), 0x0000);
  EXPECT_EQ(half_of_float(-0.0F), 0x8000);
  EXPECT_EQ(half_of_float(1.0F), 0x3C00);
  EXPECT_EQ(half_of_float(-2.0F), 0xC000);
  EXPECT_EQ(half_of_float(65504.0F), 0x7BFF);
  EXPECT_EQ(half_of_float(65519.996F), 0x7BFF);
  EXPECT_EQ(half_of_float(65520.0F), 0x7C00);
  EXPECT_EQ(half_of_float(1 + 0x1p-11F), 0x3C00);      // half-way: to even
  EXPECT_EQ(half_of_float(1 + 3 * 0x1p-11F), 0x3C02);  // half-way: to even
  EXPECT_EQ(half_of_float(1 + 0x1p-11F + 0x1p-20F), 0x3C01);
  EXPECT_EQ(half_of_float(0x1p-24F), 0x0001);
  EXPECT_EQ(half_of_float(0x1p-25F), 0x0000);  // half-way: to even
  EXPECT_EQ(half_of_float(3 * 0x1p-25F), 0x0002);
  EXPECT_EQ(half_of_float(0x1p-14F - 0x1p-26F), 0x0400);  // rounds up into the normal ones
  EXPECT_EQ(half_of_float(0x1p-14F), 0x0400);
}

std::vector<float> floats_of(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(Normalize, SubtractsTheMeanAndDividesByTheDeviation) {
  const Bytes pixels = {0, 128, 255, 10, 20, 30};
  const Normalizer normalizer(NormalizeOptions{});
  std::vector<std::byte> out(normalizer.bytes({1, 2}));
  normalizer.normalize({pixels.data(), {1, 2}, 3}, out.data());
  const auto normal = [](double value, int c) {
    return testing::FloatNear(static_cast<float>((value / 255 - kImagenetMean[c]) / kImagenetDeviation[c]), 1e-6F);
  };
  EXPECT_THAT(floats_of(out), testing::ElementsAre(normal(0, 0), normal(10, 0), normal(128, 1), normal(20, 1),
                                                   normal(255, 2), normal(30, 2)));
}

TEST(Normalize, PutsChannelsBesideOneAnotherInNhwc) {
  const Bytes pixels = {0, 128, 255, 10, 20, 30};
  NormalizeOptions options{{0, 0, 0}, {1, 1, 1}};
  options.layout = Layout::kNhwc;
  const Normalizer normalizer(options);
  std::vector<std::byte> out(normalizer.bytes({1, 2}));
  normalizer.normalize({pixels.data(), {1, 2}, 3}, out.data());
  EXPECT_THAT(floats_of(out),
              testing::Pointwise(testing::FloatNear(1e-6F),
                                 std::vector<float>{0, 128 / 255.F, 1, 10 / 255.F, 20 / 255.F, 30 / 255.F}));
}

TEST(Normalize, U8TakesPixelsAsTheyAre) {
  const Bytes pixels = {0, 128, 255, 10, 20, 30};
  NormalizeOptions options;
  options.element = Element::kU8;
  std::vector<std::byte> out(6);
  Normalizer(options).normalize({pixels.data(), {1, 2}, 3}, out.data());
  const Bytes values(reinterpret_cast<std::uint8_t*>(out.data()), reinterpret_cast<std::uint8_t*>(out.data()) + 6);
  EXPECT_THAT(values, testing::ElementsAre(0, 10, 128, 20, 255, 30));
}

TEST(Normalize, F16IsTheNearestToTheF32) {
  Bytes pixels;
  for (int v = 0; v < 256; ++v) pixels.insert(pixels.end(), 3, static_cast<std::uint8_t>(v));
  const Size size{16, 16};
  NormalizeOptions options;
  std::vector<std::byte> f32(3 * 256 * 4);
  Normalizer(options).normalize({pixels.data(), size, 3}, f32.data());
  options.element = Element::kF16;
  std::vector<std::byte> f16(3 * 256 * 2);
  Normalizer(options).normalize({pixels.data(), size, 3}, f16.data());
  const std::vector<float> expected = floats_of(f32);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    std::uint16_t found = 0;
    std::memcpy(&found, f16.data() + 2 * i, 2);
    ASSERT_EQ(found, half_of_float(expected[i])) << i;
  }
}

TEST(Normalize, GivesTheSameBitsWithAllVectorInstructions) {
  if (vector_pixel_kernels().empty()) GTEST_SKIP() << "a build without Highway: apt-get install libhwy-dev";
  const Size size{5, 77};
  const Bytes pixels = photo(size, 5);
  std::vector<std::byte> plain(4 * pixels.size());
  Normalizer(NormalizeOptions{}, plain_pixel_kernels()).normalize({pixels.data(), size, 3}, plain.data());
  for (const PixelKernels* const kernels : vector_pixel_kernels()) {
    std::vector<std::byte> found(4 * pixels.size());
    Normalizer(NormalizeOptions{}, *kernels).normalize({pixels.data(), size, 3}, found.data());
    EXPECT_EQ(found, plain) << kernels->name;
  }
}

TEST(Normalize, OnePassWithResizingGivesWhatTwoGive) {
  const Size size{99, 140};
  const Bytes pixels = photo(size, 6);
  for (const Mode mode : {Mode::kStretch, Mode::kFill, Mode::kLetterbox}) {
    const ResizeOptions resize{{33, 47}, Filter::kBilinear, mode};
    for (const Element element : {Element::kF32, Element::kF16, Element::kU8}) {
      for (const Layout layout : {Layout::kNchw, Layout::kNhwc}) {
        NormalizeOptions options;
        options.element = element;
        options.layout = layout;
        const Normalizer normalizer(options);
        std::vector<std::byte> one(normalizer.bytes(resize.target));
        std::vector<std::byte> two(one.size());
        Resizer resizer(resize);
        resize_and_normalize(resizer, normalizer, {pixels.data(), size, 3}, one.data());
        const Bytes small = resized(pixels, size, 3, resize);
        normalizer.normalize({small.data(), resize.target, 3}, two.data());
        EXPECT_EQ(one, two);
      }
    }
  }
}

}  // namespace
}  // namespace penstock::image
