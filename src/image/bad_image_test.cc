// SPDX-License-Identifier: MIT
// Files that are damaged, truncated, too large or no images: each ends in a sentence, and never in a picture that is
// half made up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "image/decode.h"
#include "image/file_fixture.h"
#include "image/photo_fixture.h"

namespace penstock::image {
namespace {

using fixture::File;
using fixture::photo;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  std::string error;  // empty when it went well
  std::string damage;
  ErrorCode code = ErrorCode::kInternal;
  std::uint64_t allocated = 0;
  std::vector<std::uint8_t> pixels;
};

Outcome outcome(std::span<const std::uint8_t> file, const DecodeOptions& options = {}) {
  Outcome seen;
  const auto result = decode(file, options, [&](Size size) -> Result<std::uint8_t*> {
    seen.allocated = std::uint64_t{3} * size.height * size.width;
    seen.pixels.resize(seen.allocated);
    return seen.pixels.data();
  });
  if (result) {
    seen.damage = result->damage;
  } else {
    seen.error = result.error().message();
    seen.code = result.error().code();
  }
  return seen;
}

struct NamedFile {
  std::string name;
  File file;
};

/// One good file of every format that this build reads.
std::vector<NamedFile> good_files() {
  const Size size{48, 64};
  const std::vector<std::uint8_t> pixels = photo(size, 11);
  std::vector<NamedFile> files;
#ifdef PENSTOCK_JPEG
  files.push_back({"JPEG", fixture::jpeg(pixels, size)});
  files.push_back({"JPEG", fixture::jpeg(pixels, size, {.progressive = true})});
#endif
#ifdef PENSTOCK_PNG
  files.push_back({"PNG", fixture::png(pixels, size)});
  files.push_back({"PNG", fixture::png(pixels, size, {.interlaced = true})});
#endif
#ifdef PENSTOCK_WEBP
  files.push_back({"WebP", fixture::webp(pixels, size, false, false)});
  files.push_back({"WebP", fixture::webp(pixels, size, false, true)});
#endif
#ifdef PENSTOCK_GIF
  files.push_back({"GIF", fixture::gif(std::vector<std::uint8_t>(48 * 64, 3), size, size, 0, 0, false, -1)});
#endif
  files.push_back({"BMP", fixture::bmp(pixels, size, 24)});
  return files;
}

TEST(BadImage, AnEmptyFileIsEmpty) { EXPECT_EQ(outcome({}).error, "the file is empty"); }

TEST(BadImage, AnotherFileIsNoImageWhateverItsName) {
  File html;
  fixture::append(html, "<html>404</html>");
  const Outcome seen = outcome(html);
  EXPECT_EQ(seen.error, "no image of a known format: it begins with 3C 68 74 6D 6C 3E 34 30");
  EXPECT_EQ(seen.code, ErrorCode::kInvalidArgument);
}

TEST(BadImage, AFileThatEndsTooSoonIsTruncatedWhereverItEnds) {
  for (const NamedFile& good : good_files()) {
    ASSERT_EQ(outcome(good.file).error, "") << good.name;
    // A GIF's first frame may be whole when the file is not: its second is missing.
    const std::size_t whole = good.name == "GIF" ? good.file.size() / 4 : good.file.size();
    for (std::size_t length = 30; length + 1 < whole; length += 1 + whole / 50) {
      const Outcome seen = outcome(std::span(good.file).first(length));
      EXPECT_THAT(seen.error, AnyOf("truncated " + good.name + ": the file ends before the picture does",
                                    StartsWith("damaged " + good.name)))
          << good.name << " of " << length << " of " << good.file.size() << " bytes";
      EXPECT_EQ(seen.code, ErrorCode::kDataLoss) << good.name;
    }
  }
}

TEST(BadImage, BytesBehindTheEndDoNotMatter) {
  for (NamedFile& good : good_files()) {
    const Outcome before = outcome(good.file);
    fixture::append(good.file, "and some more");
    const Outcome seen = outcome(good.file);
    EXPECT_EQ(seen.error, "") << good.name;
    EXPECT_EQ(seen.pixels, before.pixels) << good.name;
  }
}

TEST(BadImage, IsRefusedAboveTheLimitOfPixelsBeforeAnythingIsAllocated) {
  for (const NamedFile& good : good_files()) {
    const Outcome seen = outcome(good.file, {.max_pixels = 48 * 64 - 1});
    EXPECT_EQ(seen.error, "the picture has 64 x 48 = 3072 pixels, more than max_pixels = 3071") << good.name;
    EXPECT_EQ(seen.code, ErrorCode::kResourceExhausted);
    EXPECT_EQ(seen.allocated, 0U);
    EXPECT_EQ(outcome(good.file, {.max_pixels = 48 * 64}).error, "");
  }
}

TEST(BadImage, IsRefusedAboveTheLimitOfBytes) {
  const Outcome seen = outcome(File(100, 0), {.max_bytes = 99});
  EXPECT_EQ(seen.error, "the file has 100 bytes, more than max_bytes = 99");
  EXPECT_EQ(seen.allocated, 0U);
}

TEST(BadImage, TheErrorOfTheRoomIsTheErrorOfTheImage) {
  for (const NamedFile& good : good_files()) {
    const auto result = decode(good.file, {}, [](Size) -> Result<std::uint8_t*> {
      return Error(ErrorCode::kResourceExhausted, "no room for it");
    });
    ASSERT_FALSE(result) << good.name;
    EXPECT_EQ(result.error().message(), "no room for it") << good.name;
  }
}

TEST(BadImage, EveryChangedByteEndsInAPictureOrInASentence) {
  for (const NamedFile& good : good_files()) {
    fixture::Dice dice(5);
    for (int round = 0; round < 300; ++round) {
      File changed = good.file;
      for (int i = 0; i < 4; ++i) changed[dice.bits() % changed.size()] = static_cast<std::uint8_t>(dice.bits());
      const Outcome seen = outcome(changed, {.max_pixels = 1'000'000});
      EXPECT_TRUE(seen.error.empty() || seen.error.size() > 10) << good.name;
    }
  }
}

TEST(BadImage, PicturesOfOnePixelAndOfOneRowAreGood) {
  const std::vector<std::uint8_t> row = photo({1, 3000}, 12);
  std::vector<NamedFile> files;
#ifdef PENSTOCK_JPEG
  files.push_back({"JPEG", fixture::jpeg({1, 2, 3}, {1, 1})});
  files.push_back({"JPEG", fixture::jpeg(row, {1, 3000})});
  files.push_back({"JPEG", fixture::jpeg(std::vector<std::uint8_t>(3 * 65'500, 9), {1, 65'500})});  // its longest side
#endif
#ifdef PENSTOCK_PNG
  files.push_back({"PNG", fixture::png({1, 2, 3}, {1, 1}, {.interlaced = true})});
  files.push_back({"PNG", fixture::png(std::vector<std::uint8_t>(3 * 65'535, 9), {1, 65'535})});
#endif
#ifdef PENSTOCK_WEBP
  files.push_back({"WebP", fixture::webp({1, 2, 3}, {1, 1}, false, true)});
#endif
  for (const NamedFile& file : files)
    EXPECT_EQ(outcome(file.file, {.quality = Quality::kFast, .reduce_to = {1, 1}}).error, "") << file.name;
}

#ifdef PENSTOCK_JPEG
TEST(BadImage, AJpegWithFlippedBitsIsDamagedThoughItDecodes) {
  const Size size{240, 320};
  const File good = fixture::jpeg(photo(size, 13), size);
  int rejected = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    fixture::Dice dice(seed);
    File flipped = good;
    for (int i = 0; i < 40; ++i)
      flipped[1000 + dice.bits() % (flipped.size() - 1002)] ^= static_cast<std::uint8_t>(1U << dice.bits() % 8);
    const Outcome strict = outcome(flipped);
    if (strict.error.empty()) continue;
    ++rejected;
    EXPECT_THAT(strict.error, AnyOf(StartsWith("damaged JPEG: "), StartsWith("truncated JPEG: ")));
    const Outcome lenient = outcome(flipped, {.damaged = Damaged::kKeep});
    EXPECT_TRUE(!lenient.damage.empty() || !lenient.error.empty()) << seed;
  }
  EXPECT_GE(rejected, 15);
}

TEST(BadImage, AHalfJpegIsKeptWhenAskedForAndSaysWhatIsWrong) {
  const Size size{240, 320};
  const File good = fixture::jpeg(photo(size, 14), size);
  const Outcome whole = outcome(good);
  const Outcome half = outcome(std::span(good).first(good.size() / 2), {.damaged = Damaged::kKeep});
  EXPECT_EQ(half.error, "");
  EXPECT_EQ(half.damage, "truncated JPEG: the file ends before the picture does");
  EXPECT_TRUE(std::equal(half.pixels.begin(), half.pixels.begin() + 3 * 320 * 60, whole.pixels.begin()));
}

TEST(BadImage, AJpegOfTooManyScansIsRefused) {
  const Size size{16, 16};
  const File good = fixture::jpeg(photo(size, 15), size, {.progressive = true});
  // The last scan, again and again.
  std::size_t scan = 0;
  for (std::size_t i = 0; i + 1 < good.size(); ++i) {
    if (good[i] == 0xFF && good[i + 1] == 0xDA) scan = i;
  }
  File many(good.begin(), good.end() - 2);
  for (int i = 0; i < 1000; ++i)
    many.insert(many.end(), good.begin() + static_cast<std::ptrdiff_t>(scan), good.end() - 2);
  many.insert(many.end(), good.end() - 2, good.end());
  EXPECT_THAT(outcome(many, {.damaged = Damaged::kKeep}).error, HasSubstr("more than 500 scans"));
}

TEST(BadImage, DamagedExifLosesTheOrientationAndNotTheImage) {
  const Size size{16, 24};
  const File data = fixture::exif(6);
  for (std::size_t length = 0; length < data.size(); ++length) {
    const File cut(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(outcome(fixture::jpeg(photo(size, 16), size, {.exif = cut})).error, "") << length;
  }
}
#endif

#ifdef PENSTOCK_PNG
TEST(BadImage, APngBombIsRefusedByItsHeader) {
  const Size size{20'000, 20'000};
  const File bomb = fixture::png(std::vector<std::uint8_t>(std::size_t{20'000} * 20'000 / 8, 0), size,
                                 {.colour_type = PNG_COLOR_TYPE_GRAY, .bit_depth = 1});
  EXPECT_LT(bomb.size(), 100'000U);
  const Outcome seen = outcome(bomb);
  EXPECT_EQ(seen.error, "the picture has 20000 x 20000 = 400000000 pixels, more than max_pixels = 100000000");
  EXPECT_EQ(seen.allocated, 0U);
}

TEST(BadImage, AHalfPngIsKeptWhenAskedFor) {
  const Size size{60, 80};
  const File good = fixture::png(photo(size, 17), size);
  const Outcome whole = outcome(good);
  const Outcome half =
      outcome(std::span(good).first(good.size() / 2), {.background = {1, 2, 3}, .damaged = Damaged::kKeep});
  EXPECT_EQ(half.damage, "truncated PNG: the file ends before the picture does");
  EXPECT_TRUE(std::equal(half.pixels.begin(), half.pixels.begin() + 3 * 80 * 10, whole.pixels.begin()));
  EXPECT_THAT(std::vector<std::uint8_t>(half.pixels.end() - 3, half.pixels.end()), testing::ElementsAre(1, 2, 3));
}

TEST(BadImage, APngWithAWrongChecksumIsDamaged) {
  const Size size{8, 8};
  File file = fixture::png(photo(size, 18), size);
  file[file.size() - 14] ^= 1;  // the checksum of the pixels' last chunk
  EXPECT_THAT(outcome(file).error, StartsWith("damaged PNG: "));
}
#endif

#ifdef PENSTOCK_TIFF
TEST(BadImage, ADamagedTiffSaysWhatLibtiffSays) {
  const Size size{48, 64};
  const File good = fixture::tiff(photo(size, 19), size);
  for (std::size_t length = 8; length < good.size(); length += 1 + good.size() / 40) {
    const Outcome seen = outcome(std::span(good).first(length));
    EXPECT_THAT(seen.error, AnyOf(StartsWith("damaged TIFF: "), StartsWith("truncated TIFF: "))) << length;
  }
  fixture::Dice dice(9);
  for (int round = 0; round < 300; ++round) {
    File changed = good;
    for (int i = 0; i < 4; ++i) changed[dice.bits() % changed.size()] = static_cast<std::uint8_t>(dice.bits());
    outcome(changed, {.max_pixels = 1'000'000});
  }
}
#endif

#ifdef PENSTOCK_WEBP
TEST(BadImage, AnAnimationWhoseFrameIsNotWhatItSaysIsDamaged) {
  const File still = fixture::webp({1, 2, 3}, {1, 1}, false, true);
  const Outcome seen = outcome(fixture::animated_webp(still, {2, 2}, {4, 4}, 0, 0));
  EXPECT_THAT(seen.error, StartsWith("damaged WebP: "));
}
#endif

}  // namespace
}  // namespace penstock::image
