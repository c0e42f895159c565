// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <cstring>

#include "image/normalize.h"
#include "image/photo_fixture.h"
#include "operators/image/image_operators.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::run_operator;

constexpr image::Size kPhotoSize{40, 60};

/// A photograph, a null, another photograph.
RecordBatch two_photos() {
  RecordBatchBuilder builder(*make_schema({{"image", Type::kImage}}), BufferPool::shared());
  for (const unsigned seed : {1U, 0U, 2U}) {
    if (seed == 0) {
      builder.column(0).append_null();
      continue;
    }
    const std::vector<std::uint8_t> pixels = image::fixture::photo(kPhotoSize, seed);
    std::copy(pixels.begin(), pixels.end(), builder.column(0).append_image(kPhotoSize.height, kPhotoSize.width, 3));
  }
  return builder.finish();
}

std::vector<float> floats_of(const RecordBatch& batch, std::size_t row) {
  std::vector<float> floats(batch.column(0).tensor_row().bytes / sizeof(float));
  std::memcpy(floats.data(), batch.column(0).tensor(row).data(), batch.column(0).tensor_row().bytes);
  return floats;
}

TEST(ImageNormalize, MakesOneTensorOfABatch) {
  const HarnessResult result = run_operator("image.normalize", {{"width", 20}, {"height", 10}}, two_photos());
  ASSERT_EQ(result.error(), "");
  const RecordBatch& batch = result.batches.at(0).record_batch();
  EXPECT_EQ(batch.schema().to_text(), "tensor: tensor f32 [3, 10, 20]");
  ASSERT_EQ(batch.num_rows(), 3U);
  EXPECT_TRUE(batch.column(0).is_null(1));
  EXPECT_EQ(batch.column(0).elements<float>().size(), 3U * 3 * 10 * 20);

  const std::vector<std::uint8_t> pixels = image::fixture::photo(kPhotoSize, 2);
  std::vector<std::uint8_t> small(std::size_t{3} * 10 * 20);
  image::Resizer(image::ResizeOptions{{10, 20}}).resize({pixels.data(), kPhotoSize, 3}, small.data());
  const std::vector<float> floats = floats_of(batch, 2);
  for (std::size_t at = 0; at < 200; ++at) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const double expected =
          (small[at * 3 + channel] / 255.0 - image::kImagenetMean[channel]) / image::kImagenetDeviation[channel];
      ASSERT_NEAR(floats[channel * 200 + at], expected, 1e-5) << channel << ", " << at;
    }
  }
}

TEST(ImageNormalize, IsTheSameBehindAResizeOfItsOwn) {
  const Options size = {{"width", 20}, {"height", 10}};
  const HarnessResult small = run_operator("image.resize", size, two_photos());
  const HarnessResult apart = run_operator("image.normalize", size, small.batches.at(0).record_batch());
  const HarnessResult at_once = run_operator("image.normalize", size, two_photos());
  ASSERT_EQ(apart.error() + at_once.error(), "");
  EXPECT_EQ(floats_of(apart.batches.at(0).record_batch(), 0), floats_of(at_once.batches.at(0).record_batch(), 0));
}

TEST(ImageNormalize, LeavesPixelsAsTheyAreWhenAsked) {
  const Options options = {{"width", 60}, {"height", 40}, {"element", "u8"}, {"layout", "nhwc"}, {"as", "pixels"}};
  const HarnessResult result = run_operator("image.normalize", options, two_photos());
  ASSERT_EQ(result.error(), "");
  const RecordBatch& batch = result.batches.at(0).record_batch();
  EXPECT_EQ(batch.schema().to_text(), "pixels: tensor u8 [40, 60, 3]");
  const std::vector<std::uint8_t> pixels = image::fixture::photo(kPhotoSize, 1);
  EXPECT_EQ(std::memcmp(batch.column(0).tensor(0).data(), pixels.data(), pixels.size()), 0);
}

TEST(ImageNormalize, SaysWhatIsWrong) {
  const auto error_of = [](Options more) {
    more.set("width", 9).set("height", 9);
    return run_operator("image.normalize", more, two_photos()).error();
  };
  EXPECT_THAT(error_of({{"mode", "fit"}}), HasSubstr("mode \"fit\" gives images of many sizes, but tensors have one"));
  EXPECT_THAT(error_of({{"mean", OptionValue::List{0.5}}}),
              HasSubstr("option \"mean\" has 1 numbers and \"deviation\" 3"));
  EXPECT_THAT(error_of({{"mean", "imagenet"}}), HasSubstr("must be a list of one or three numbers"));
  EXPECT_THAT(error_of({{"deviation", OptionValue::List{1, 0, 1}}}), HasSubstr("a deviation is above 0, not 0"));
  EXPECT_THAT(error_of({{"mean", OptionValue::List{0}}, {"deviation", OptionValue::List{1}}}),
              HasSubstr("the image has 3 channels, and the mean 1"));
}

}  // namespace
}  // namespace penstock
