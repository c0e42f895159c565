// SPDX-License-Identifier: MIT
// What each format decodes to. The files are made here with the real libraries.
#include "image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "image/file_fixture.h"
#include "image/photo_fixture.h"

namespace penstock::image {
namespace {

using fixture::File;
using fixture::photo;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;
using Bytes = std::vector<std::uint8_t>;

struct Picture {
  Size size;
  Bytes pixels;
  std::string damage;
};

Result<Picture> decoded(const File& file, const DecodeOptions& options = {}) {
  Picture picture;
  auto result = decode(file, options, [&](Size size) -> Result<std::uint8_t*> {
    picture.size = size;
    picture.pixels.assign(std::size_t{3} * size.height * size.width, 77);
    return picture.pixels.data();
  });
  if (!result) return std::move(result).error();
  EXPECT_EQ(result->size, picture.size);
  picture.damage = result->damage;
  return picture;
}

double psnr(const Bytes& a, const Bytes& b) {
  return a.size() == b.size() ? fixture::psnr(a, std::vector<double>(b.begin(), b.end())) : 0;
}

/// The pixel in a row and a column.
Bytes at(const Picture& picture, std::uint32_t row, std::uint32_t column) {
  const auto first = picture.pixels.begin() + 3 * (std::ptrdiff_t{row} * picture.size.width + column);
  return {first, first + 3};
}

/// Quarters in red and green above, in blue and white below.
Bytes corners(Size size) {
  Bytes pixels;
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) {
      const bool bottom = y >= size.height / 2;
      const bool right = x >= size.width / 2;
      for (const bool on : {bottom == right, right, bottom}) pixels.push_back(on ? 255 : 0);
    }
  }
  return pixels;
}

TEST(Sniff, GoesByTheFirstBytesAndNoName) {
  EXPECT_EQ(sniff(fixture::bmp({0, 0, 0, 0}, {1, 1}, 24)), Format::kBmp);
  EXPECT_EQ(sniff(File{0xFF, 0xD8, 0xFF, 0xE0}), Format::kJpeg);
  EXPECT_EQ(sniff(File{0xFF, 0xD8}), std::nullopt);
  File text;
  fixture::append(text, "<html>no picture</html>");
  EXPECT_EQ(sniff(text), std::nullopt);
  EXPECT_EQ(sniff({}), std::nullopt);
}

TEST(Orientation, EachOfTheEightPutsTheTopLeftWhereItBelongs) {
  // stored rows: 1 2 3 / 4 5 6
  const Bytes stored = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6};
  const std::vector<Bytes> upright = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
                                      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (Orientation orientation = 1; orientation <= 8; ++orientation) {
    Bytes out(18);
    set_upright(stored.data(), {2, 3}, orientation, out.data());
    Bytes values;
    for (std::size_t i = 0; i < 6; ++i) values.push_back(out[3 * i]);
    EXPECT_EQ(values, upright[orientation - 1U]) << "orientation " << int{orientation};
  }
  EXPECT_EQ(upright_size({2, 3}, 6), (Size{3, 2}));
  EXPECT_EQ(upright_size({2, 3}, 4), (Size{2, 3}));
}

TEST(Orientation, WhatIsCoveredTurnsWithThePicture) {
  const Cover cover = {{0, 1.5}, {0, 2.75}};  // of 2 x 3 pixels
  const Interval rows_back = {0.5, 2};
  const Interval columns_back = {0.25, 3};
  EXPECT_EQ(upright_cover(cover, {2, 3}, 1), cover);
  EXPECT_EQ(upright_cover(cover, {2, 3}, 2), (Cover{cover.rows, columns_back}));
  EXPECT_EQ(upright_cover(cover, {2, 3}, 3), (Cover{rows_back, columns_back}));
  EXPECT_EQ(upright_cover(cover, {2, 3}, 4), (Cover{rows_back, cover.columns}));
  EXPECT_EQ(upright_cover(cover, {2, 3}, 5), (Cover{cover.columns, cover.rows}));
  EXPECT_EQ(upright_cover(cover, {2, 3}, 6), (Cover{cover.columns, rows_back}));
  EXPECT_EQ(upright_cover(cover, {2, 3}, 7), (Cover{columns_back, rows_back}));
  EXPECT_EQ(upright_cover(cover, {2, 3}, 8), (Cover{columns_back, cover.rows}));
}

TEST(Exif, ReadsTheOrientationInBothOrdersOfBytes) {
  for (std::uint32_t orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(fixture::exif(orientation, false)), orientation);
    EXPECT_EQ(exif_orientation(fixture::exif(orientation, true)), orientation);
  }
}

TEST(Exif, TakesWhatIsDamagedForUpright) {
  EXPECT_EQ(exif_orientation({}), 1);
  EXPECT_EQ(exif_orientation(fixture::exif(0)), 1);
  EXPECT_EQ(exif_orientation(fixture::exif(9)), 1);
  EXPECT_EQ(exif_orientation(fixture::exif(0xFFFF)), 1);
  const File good = fixture::exif(6);
  for (std::size_t length = 0; length + 6 < good.size();
       ++length) {  // the value's last two bytes and the next directory
    EXPECT_EQ(exif_orientation(std::span(good).first(length)), length < 26 ? 1 : exif_orientation(good)) << length;
  }
  File far_away = good;
  for (std::size_t i = 10; i < 14; ++i) far_away[i] = 0xFF;  // a directory beyond the end
  EXPECT_EQ(exif_orientation(far_away), 1);
  File many = good;
  many[14] = many[15] = 0xFF;  // 65,535 entries
  EXPECT_EQ(exif_orientation(many), 6);
}

#ifdef PENSTOCK_JPEG
TEST(DecodeJpeg, GivesRgb) {
  const Size size{120, 161};
  const Bytes pixels = photo(size, 1);
  const auto picture = decoded(fixture::jpeg(pixels, size, {.quality = 95}));
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_EQ(picture->size, size);
  EXPECT_GE(psnr(picture->pixels, pixels), 30);
}

TEST(DecodeJpeg, ReadsProgressiveAndArithmeticCodedOnesAlike) {
  const Size size{64, 80};
  const Bytes pixels = photo(size, 2);
  const auto baseline = decoded(fixture::jpeg(pixels, size));
  for (const bool arithmetic : {false, true}) {
    for (const bool progressive : {false, true}) {
      const auto other = decoded(fixture::jpeg(pixels, size, {.progressive = progressive, .arithmetic = arithmetic}));
      ASSERT_TRUE(other) << other.error().to_text();
      EXPECT_EQ(other->pixels, baseline->pixels);
    }
  }
}

TEST(DecodeJpeg, MakesThreeEqualValuesOfGrey) {
  const Bytes grey(8 * 8, 100);
  const auto picture = decoded(fixture::jpeg(grey, {8, 8}, {.in = JCS_GRAYSCALE}));
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_THAT(picture->pixels, Each(100));
}

// Cyan 0, magenta 128, yellow 255, black 0: red 255, green 127, blue 0. Adobe stores it inverted.
TEST(DecodeJpeg, MakesRgbOfCmykAndOfYcckInvertedOrNot) {
  Bytes cmyk;
  for (int i = 0; i < 64; ++i) cmyk.insert(cmyk.end(), {0, 128, 255, 0});
  Bytes inverted;
  for (const std::uint8_t value : cmyk) inverted.push_back(static_cast<std::uint8_t>(255 - value));
  for (const J_COLOR_SPACE stored : {JCS_CMYK, JCS_YCCK}) {
    const auto adobe = decoded(fixture::jpeg(inverted, {8, 8}, {.quality = 100, .in = JCS_CMYK, .stored = stored}));
    ASSERT_TRUE(adobe) << adobe.error().to_text();
    EXPECT_THAT(at(*adobe, 3, 3), ElementsAre(Ge(252), AllOf(Ge(124), Le(130)), Le(3)));
  }
  const auto plain =
      decoded(fixture::jpeg(cmyk, {8, 8}, {.quality = 100, .in = JCS_CMYK, .stored = JCS_CMYK, .adobe = false}));
  ASSERT_TRUE(plain) << plain.error().to_text();
  EXPECT_THAT(at(*plain, 3, 3), ElementsAre(Ge(252), AllOf(Ge(124), Le(130)), Le(3)));
}

TEST(DecodeJpeg, TurnsAsExifSays) {
  const Size size{16, 32};
  const Bytes pixels = corners(size);  // red green / blue white
  const File turned = fixture::jpeg(pixels, size, {.quality = 100, .exif = fixture::exif(6)});
  const auto header = read_header(turned);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->stored, size);
  EXPECT_EQ(header->orientation, 6);
  const auto picture = decoded(turned);
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_EQ(picture->size, (Size{32, 16}));
  EXPECT_THAT(at(*picture, 2, 2), ElementsAre(Le(9), Le(9), Ge(246)));    // top left: blue
  EXPECT_THAT(at(*picture, 2, 13), ElementsAre(Ge(246), Le(9), Le(9)));   // top right: red
  EXPECT_THAT(at(*picture, 29, 13), ElementsAre(Le(9), Ge(246), Le(9)));  // bottom right: green
  const auto as_stored = decoded(turned, {.apply_orientation = false});
  ASSERT_TRUE(as_stored);
  EXPECT_EQ(as_stored->size, size);
}

TEST(DecodeJpeg, ReducesWhileDecodingAsFarAsTheTargetAllows) {
  const Size size{480, 640};
  const File file = fixture::jpeg(photo(size, 3), size);
  const auto size_with = [&](Quality quality, Size target) {
    return decoded(file, {.quality = quality, .reduce_to = target})->size;
  };
  EXPECT_EQ(size_with(Quality::kExact, {10, 10}), size);
  EXPECT_EQ(size_with(Quality::kHigh, {0, 0}), size);
  EXPECT_EQ(size_with(Quality::kHigh, {224, 224}), size);
  EXPECT_EQ(size_with(Quality::kFast, {224, 224}), (Size{240, 320}));
  EXPECT_EQ(size_with(Quality::kHigh, {112, 112}), (Size{240, 320}));
  EXPECT_EQ(size_with(Quality::kFast, {112, 112}), (Size{120, 160}));
  EXPECT_EQ(size_with(Quality::kFast, {60, 60}), (Size{60, 80}));
  EXPECT_EQ(size_with(Quality::kFast, {1, 1}), (Size{60, 80}));
  EXPECT_EQ(size_with(Quality::kFast, {240, 321}), size);
}

TEST(DecodeJpeg, SaysWhatAReducedPictureCovers) {
  const Size size{45, 50};
  const File file = fixture::jpeg(photo(size, 3), size);
  const DecodeOptions options{.quality = Quality::kFast, .reduce_to = {5, 5}};
  Bytes room(3 * 6 * 7);
  const auto result = decode(file, options, [&](Size) -> Result<std::uint8_t*> { return room.data(); });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size, (Size{6, 7}));
  EXPECT_EQ(result->cover, (Cover{{0, 5.625}, {0, 6.25}, 8}));
  DecodeOptions careful = options;
  careful.whole_pixels = true;
  EXPECT_EQ(reduction({Format::kJpeg, {45, 50}, 3, 1}, careful), 1U);
  EXPECT_EQ(reduction({Format::kJpeg, {44, 60}, 3, 1}, careful), 4U);
  EXPECT_EQ(reduction({Format::kJpeg, {46, 50}, 3, 1}, careful), 2U);
}

TEST(DecodeJpeg, TurnsTheTargetWithThePicture) {
  const Size size{480, 640};
  const File file = fixture::jpeg(photo(size, 3), size, {.exif = fixture::exif(8)});
  EXPECT_EQ(decoded(file, {.quality = Quality::kFast, .reduce_to = {320, 240}})->size, (Size{320, 240}));
  EXPECT_EQ(decoded(file, {.quality = Quality::kFast, .reduce_to = {240, 320}})->size, (Size{640, 480}));
}
#else
TEST(DecodeJpeg, IsSkipped) { GTEST_SKIP() << "a build without JPEG: apt-get install libjpeg62-turbo-dev"; }
#endif

#ifdef PENSTOCK_PNG
TEST(DecodePng, GivesThePixels) {
  const Size size{33, 47};
  const Bytes pixels = photo(size, 4);
  for (const bool interlaced : {false, true}) {
    const auto picture = decoded(fixture::png(pixels, size, {.interlaced = interlaced}));
    ASSERT_TRUE(picture) << picture.error().to_text();
    EXPECT_EQ(picture->size, size);
    EXPECT_EQ(picture->pixels, pixels);
  }
}

TEST(DecodePng, LaysAlphaOverTheBackground) {
  const Bytes rgba = {200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 128};
  for (const bool interlaced : {false, true}) {
    const File file = fixture::png(rgba, {1, 3}, {.colour_type = PNG_COLOR_TYPE_RGBA, .interlaced = interlaced});
    EXPECT_THAT(decoded(file)->pixels, ElementsAre(200, 100, 0, 255, 255, 255, 227, 177, 127));
    EXPECT_THAT(decoded(file, {.background = {0, 0, 50}})->pixels, ElementsAre(200, 100, 0, 0, 0, 50, 100, 50, 25));
  }
}

TEST(DecodePng, ReadsPalettesAndTheirAlpha) {
  const std::vector<png_color> palette = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {1, 2, 3}};
  const Bytes rows = {0b00011011};  // 0 1 2 3 in two bits each
  const fixture::PngKind opaque{.colour_type = PNG_COLOR_TYPE_PALETTE, .bit_depth = 2, .palette = palette};
  EXPECT_THAT(decoded(fixture::png(rows, {1, 4}, opaque))->pixels,
              ElementsAre(255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3));
  fixture::PngKind clear = opaque;
  clear.palette_alpha = {255, 0};
  EXPECT_THAT(decoded(fixture::png(rows, {1, 4}, clear), {.background = {9, 9, 9}})->pixels,
              ElementsAre(255, 0, 0, 9, 9, 9, 0, 0, 255, 1, 2, 3));
}

TEST(DecodePng, RoundsSixteenBits) {
  const Bytes rows = {0x00, 0x00, 0x80, 0x80, 0xFF, 0xFF, 0x12, 0xC0, 0x00, 0x7F, 0x00, 0x81};
  const auto picture = decoded(fixture::png(rows, {1, 2}, {.bit_depth = 16}));
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_THAT(picture->pixels, ElementsAre(0, 128, 255, 19, 0, 1));
}

TEST(DecodePng, ReadsGreyOfOneToSixteenBits) {
  EXPECT_THAT(decoded(fixture::png({0b10100000}, {1, 3}, {.colour_type = PNG_COLOR_TYPE_GRAY, .bit_depth = 1}))->pixels,
              ElementsAre(255, 255, 255, 0, 0, 0, 255, 255, 255));
  EXPECT_THAT(
      decoded(fixture::png({0x80, 0x80}, {1, 1}, {.colour_type = PNG_COLOR_TYPE_GRAY, .bit_depth = 16}))->pixels,
      Each(128));
  EXPECT_THAT(decoded(fixture::png({100, 128}, {1, 1}, {.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}))->pixels, Each(177));
}

TEST(DecodePng, TurnsAsExifSays) {
  const File data = fixture::exif(3);
  const auto picture = decoded(fixture::png({1, 2, 3, 4, 5, 6}, {1, 2}, {.exif = File(data.begin() + 6, data.end())}));
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_THAT(picture->pixels, ElementsAre(4, 5, 6, 1, 2, 3));
}
#else
TEST(DecodePng, IsSkipped) { GTEST_SKIP() << "a build without PNG: apt-get install libpng-dev"; }
#endif

#ifdef PENSTOCK_WEBP
TEST(DecodeWebp, GivesThePixelsOfLosslessOnes) {
  const Size size{20, 30};
  const Bytes pixels = photo(size, 5);
  EXPECT_EQ(decoded(fixture::webp(pixels, size, false, true))->pixels, pixels);
  const auto lossy = decoded(fixture::webp(pixels, size, false, false));
  ASSERT_TRUE(lossy) << lossy.error().to_text();
  EXPECT_GE(psnr(lossy->pixels, pixels), 25);
}

TEST(DecodeWebp, LaysAlphaOverTheBackground) {
  const Bytes rgba = {200, 100, 0, 255, 200, 100, 0, 0};
  EXPECT_THAT(decoded(fixture::webp(rgba, {1, 2}, true, true), {.background = {7, 8, 9}})->pixels,
              ElementsAre(200, 100, 0, 7, 8, 9));
}

TEST(DecodeWebp, TakesTheFirstFrameOfAnAnimation) {
  const Bytes pixels = {10, 20, 30, 40, 50, 60};
  const File still = fixture::webp(pixels, {1, 2}, false, true);
  const auto picture = decoded(fixture::animated_webp(still, {1, 2}, {3, 4}, 1, 1), {.background = {1, 1, 1}});
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_EQ(picture->size, (Size{3, 4}));
  EXPECT_THAT(at(*picture, 2, 2), ElementsAre(10, 20, 30));
  EXPECT_THAT(at(*picture, 2, 3), ElementsAre(40, 50, 60));
  EXPECT_THAT(at(*picture, 1, 2), Each(1));
}

TEST(DecodeWebp, TurnsAsExifSays) {
  const File still = fixture::webp({10, 20, 30, 40, 50, 60}, {1, 2}, false, true);
  const auto picture = decoded(fixture::webp_with_exif(still, {1, 2}, fixture::exif(6)));
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_EQ(picture->size, (Size{2, 1}));
}
#else
TEST(DecodeWebp, IsSkipped) { GTEST_SKIP() << "a build without WebP: apt-get install libwebp-dev"; }
#endif

#ifdef PENSTOCK_TIFF
TEST(DecodeTiff, GivesThePixels) {
  const Size size{40, 30};
  const Bytes pixels = photo(size, 6);
  for (const bool big : {false, true}) {
    const auto picture = decoded(fixture::tiff(pixels, size, {.big = big}));
    ASSERT_TRUE(picture) << picture.error().to_text();
    EXPECT_EQ(picture->pixels, pixels);
  }
}

TEST(DecodeTiff, LaysAlphaOverTheBackground) {
  const Bytes rgba = {200, 100, 0, 255, 200, 100, 0, 0};
  EXPECT_THAT(decoded(fixture::tiff(rgba, {1, 2}, {.samples = 4}), {.background = {7, 8, 9}})->pixels,
              ElementsAre(200, 100, 0, 7, 8, 9));
}

TEST(DecodeTiff, RoundsSixteenBitsAndReadsGreyAndCmyk) {
  const Bytes sixteen = {0, 0, 0x80, 0x80, 0xFF, 0xFF};
  EXPECT_THAT(decoded(fixture::tiff(sixteen, {1, 1}, {.bits = 16}))->pixels, ElementsAre(0, 128, 255));
  EXPECT_THAT(decoded(fixture::tiff({90}, {1, 1}, {.samples = 1, .photometric = PHOTOMETRIC_MINISBLACK}))->pixels,
              Each(90));
  EXPECT_THAT(
      decoded(fixture::tiff({0, 128, 255, 0}, {1, 1}, {.samples = 4, .photometric = PHOTOMETRIC_SEPARATED}))->pixels,
      ElementsAre(255, 127, 0));
}

TEST(DecodeTiff, TurnsAsItSays) {
  const Bytes pixels = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6};
  const std::vector<Bytes> upright = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
                                      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (std::uint16_t orientation = 1; orientation <= 8; ++orientation) {
    const auto picture = decoded(fixture::tiff(pixels, {2, 3}, {.orientation = orientation}));
    ASSERT_TRUE(picture) << picture.error().to_text();
    Bytes values;
    for (std::size_t i = 0; i < 6; ++i) values.push_back(picture->pixels[3 * i]);
    EXPECT_EQ(values, upright[orientation - 1U]) << orientation;
  }
}

TEST(DecodeTiff, RefusesNumbersThatAreNoPixels) {
  const Bytes floats(3 * 4, 0);
  const auto picture = decoded(fixture::tiff(floats, {1, 1}, {.bits = 32}));
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(picture.error().message(), testing::StartsWith("TIFF of a kind that is not read: "));
}
#else
TEST(DecodeTiff, IsSkipped) { GTEST_SKIP() << "a build without TIFF: apt-get install libtiff-dev"; }
#endif

#ifdef PENSTOCK_GIF
TEST(DecodeGif, TakesTheFirstFrame) {
  Bytes indices;
  for (int i = 0; i < 10 * 3; ++i) indices.push_back(static_cast<std::uint8_t>(i % 16));
  for (const bool interlaced : {false, true}) {
    const auto picture = decoded(fixture::gif(indices, {10, 3}, {10, 3}, 0, 0, interlaced, -1));
    ASSERT_TRUE(picture) << picture.error().to_text();
    for (std::uint32_t i = 0; i < indices.size(); ++i) {
      const auto n = static_cast<std::uint8_t>(indices[i]);
      EXPECT_THAT(at(*picture, i / 3, i % 3), ElementsAre(10 * n, 255 - 10 * n, 3 * n))
          << i << (interlaced ? " interlaced" : "");
    }
  }
}

TEST(DecodeGif, LeavesTheBackgroundWhereItIsTransparentAndBesideTheFrame) {
  const auto picture = decoded(fixture::gif({1, 2}, {1, 2}, {2, 3}, 1, 1, false, 2), {.background = {7, 8, 9}});
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_EQ(picture->size, (Size{2, 3}));
  EXPECT_THAT(at(*picture, 1, 1), ElementsAre(10, 245, 3));
  EXPECT_THAT(at(*picture, 1, 2), ElementsAre(7, 8, 9));
  EXPECT_THAT(at(*picture, 0, 0), ElementsAre(7, 8, 9));
}

TEST(DecodeGif, CutsAFrameThatLiesPartlyBesideTheCanvas) {
  const auto picture = decoded(fixture::gif({1, 2, 3, 4}, {2, 2}, {2, 2}, 1, 1, false, -1), {.background = {7, 8, 9}});
  ASSERT_TRUE(picture) << picture.error().to_text();
  EXPECT_THAT(at(*picture, 1, 1), ElementsAre(10, 245, 3));
  EXPECT_THAT(at(*picture, 1, 0), ElementsAre(7, 8, 9));
}
#else
TEST(DecodeGif, IsSkipped) { GTEST_SKIP() << "a build without GIF: apt-get install libgif-dev"; }
#endif

TEST(DecodeBmp, ReadsRowsFromTheBottomAndFromTheTop) {
  const File rows = {3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10, 0, 0};  // blue, green, red; padded to four
  EXPECT_THAT(decoded(fixture::bmp(rows, {2, 2}, 24))->pixels, ElementsAre(7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(decoded(fixture::bmp(rows, {2, 2}, 24, {}, 0, true))->pixels,
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

TEST(DecodeBmp, ReadsPalettesOfOneFourAndEightBits) {
  File palette;
  for (std::uint32_t i = 0; i < 256; ++i) fixture::append_number(palette, i * 0x010203, 4);
  const auto palette_of = [&](std::size_t colours) {
    return File(palette.begin(), palette.begin() + 4 * static_cast<std::ptrdiff_t>(colours));
  };
  EXPECT_THAT(decoded(fixture::bmp({0b01000000, 0, 0, 0}, {1, 2}, 1, palette_of(2)))->pixels,
              ElementsAre(0, 0, 0, 1, 2, 3));
  EXPECT_THAT(decoded(fixture::bmp({0x25, 0, 0, 0}, {1, 2}, 4, palette_of(16)))->pixels,
              ElementsAre(2, 4, 6, 5, 10, 15));
  EXPECT_THAT(decoded(fixture::bmp({80, 2, 0, 0}, {1, 2}, 8, palette_of(256)))->pixels,
              ElementsAre(80, 160, 240, 2, 4, 6));
}

TEST(DecodeBmp, ReadsSixteenAndThirtyTwoBits) {
  EXPECT_THAT(decoded(fixture::bmp({0x00, 0x7C, 0x1F, 0x00}, {1, 2}, 16))->pixels, ElementsAre(255, 0, 0, 0, 0, 255));
  EXPECT_THAT(decoded(fixture::bmp({3, 2, 1, 0}, {1, 1}, 32))->pixels, ElementsAre(1, 2, 3));
}

TEST(DecodeBmp, ReadsMasks) {
  File masks;
  for (const std::uint32_t mask : {0x0000F800U, 0x000007E0U, 0x0000001FU}) fixture::append_number(masks, mask, 4);
  EXPECT_THAT(decoded(fixture::bmp({0x00, 0xF8, 0xE0, 0x07}, {1, 2}, 16, masks, 3))->pixels,
              ElementsAre(255, 0, 0, 0, 255, 0));
  for (const std::uint32_t mask : {0xFF000000U}) fixture::append_number(masks, mask, 4);
  File with_alpha;
  for (const std::uint32_t mask : {0xFFU, 0xFF00U, 0xFF0000U, 0xFF000000U}) fixture::append_number(with_alpha, mask, 4);
  EXPECT_THAT(decoded(fixture::bmp({200, 100, 0, 128}, {1, 1}, 32, with_alpha, 6))->pixels, ElementsAre(227, 177, 127));
}

TEST(DecodeBmp, RefusesCompressedOnes) {
  const auto picture = decoded(fixture::bmp({0, 1}, {1, 1}, 8, {}, 1));
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().message(), "BMP of a kind that is not read: compression 1 with 8 bits per pixel");
}

}  // namespace
}  // namespace penstock::image
