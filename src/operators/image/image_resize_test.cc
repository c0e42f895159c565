// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include "image/photo_fixture.h"
#include "image/resize.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::run_operator;

constexpr image::Size kSize{40, 60};

/// A photograph, a null, a grey picture.
RecordBatch images() {
  RecordBatchBuilder builder(*make_schema({{"n", Type::kInt64}, {"image", Type::kImage}}), BufferPool::shared());
  for (std::int64_t n = 0; n < 3; ++n) builder.column(0).append_int64(n);
  const std::vector<std::uint8_t> pixels = image::fixture::photo(kSize, 1);
  std::copy(pixels.begin(), pixels.end(), builder.column(1).append_image(kSize.height, kSize.width, 3));
  builder.column(1).append_null();
  std::fill_n(builder.column(1).append_image(5, 7, 1), 35, std::uint8_t{9});
  return builder.finish();
}

TEST(ImageResize, GivesImagesOfTheSizeAndLeavesNulls) {
  const HarnessResult result = run_operator("image.resize", {{"width", 20}, {"height", 10}}, images());
  ASSERT_EQ(result.error(), "");
  const RecordBatch& batch = result.batches.at(0).record_batch();
  ASSERT_EQ(batch.num_rows(), 3U);
  const ImageView view = batch.column(1).image(0);
  ASSERT_EQ(view.size_bytes(), 3U * 10 * 20);
  const std::vector<std::uint8_t> pixels = image::fixture::photo(kSize, 1);
  std::vector<std::uint8_t> expected(view.size_bytes());
  image::Resizer(image::ResizeOptions{{10, 20}}).resize({pixels.data(), kSize, 3}, expected.data());
  EXPECT_EQ(std::vector<std::uint8_t>(view.pixels, view.pixels + view.size_bytes()), expected);
  EXPECT_TRUE(batch.column(1).is_null(1));
  EXPECT_EQ(batch.column(1).image(2).channels, 1U);
  EXPECT_EQ(batch.column(1).image(2).pixels[0], 9);
}

TEST(ImageResize, FitKeepsTheRatio) {
  const HarnessResult result = run_operator("image.resize", {{"width", 30}, {"height", 30}, {"mode", "fit"}}, images());
  ASSERT_EQ(result.error(), "");
  const ImageView view = result.batches.at(0).record_batch().column(1).image(0);
  EXPECT_EQ(view.height, 20U);
  EXPECT_EQ(view.width, 30U);
}

TEST(ImageResize, SaysWhatIsWrong) {
  EXPECT_THAT(run_operator("image.resize", {{"width", 0}, {"height", 10}}, images()).error(),
              HasSubstr("option \"width\" is 0, and must be from 1 to 65535"));
  EXPECT_THAT(run_operator("image.resize", {{"width", 9}, {"height", 9}, {"column", "n"}}, images()).error(),
              HasSubstr("column \"n\" is int64, an image was expected"));
}

}  // namespace
}  // namespace penstock
