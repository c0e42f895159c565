// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <fstream>

#include "image/file_fixture.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::run_operator;
using testing::table;
namespace fixture = image::fixture;

class ImageDecode : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const fixture::File& bytes) {
    std::ofstream(folder_.file(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return folder_.file(name);
  }
  static RecordBatch paths(const std::vector<std::string>& all) {
    std::vector<std::vector<testing::Value>> rows;
    for (const std::string& path : all) rows.push_back({path, static_cast<std::int64_t>(rows.size())});
    return table({{"path", Type::kUtf8}, {"n", Type::kInt64}}, rows);
  }
  // One row of two pixels; rows are padded to four bytes.
  static fixture::File two_pixels() { return fixture::bmp({3, 2, 1, 6, 5, 4, 0, 0}, {1, 2}, 24); }

  testing::TemporaryFolder folder_;
};

TEST_F(ImageDecode, AddsThePixelsToTheRow) {
  const HarnessResult result = run_operator("image.decode", {}, paths({write("a.jpg", two_pixels())}));
  ASSERT_EQ(result.error(), "");
  const RecordBatch& batch = result.batches.at(0).record_batch();
  EXPECT_EQ(batch.schema().to_text(), "path: utf8, n: int64, image: image");
  const ImageView view = batch.column(2).image(0);
  EXPECT_EQ(view.height, 1U);
  EXPECT_EQ(view.width, 2U);
  EXPECT_EQ(view.channels, 3U);
  EXPECT_THAT(std::vector<std::uint8_t>(view.pixels, view.pixels + 6), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(ImageDecode, RejectsWhatIsNoImageWithItsPathAndTheReason) {
  fixture::File half = two_pixels();
  half.resize(half.size() - 4);
  const std::string good = write("good", two_pixels());
  const std::string empty = write("empty.png", {});
  const std::string cut = write("cut.bmp", half);
  const HarnessResult result = run_operator(
      "image.decode", {}, paths({empty, good, folder_.file("none.jpg"), cut, good}), {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  ASSERT_EQ(result.num_rows(), 2U);
  EXPECT_EQ(result.batches.at(0).record_batch().column(1).int64s()[0], 1);
  EXPECT_EQ(result.batches.at(0).record_batch().column(1).int64s()[1], 4);
  EXPECT_THAT(result.reasons(), ElementsAre(empty + ": the file is empty", HasSubstr("none.jpg"),
                                            cut + ": truncated BMP: the file ends before the picture does"));
  EXPECT_EQ(result.rejections.at(2).record, 3U);
  EXPECT_EQ(result.rejections.at(2).file, cut);
}

TEST_F(ImageDecode, HoldsTheLimits) {
  const std::string path = write("a.bmp", two_pixels());
  EXPECT_THAT(run_operator("image.decode", {{"max_pixels", 1}}, paths({path})).error(),
              HasSubstr("the picture has 2 x 1 = 2 pixels, more than max_pixels = 1"));
  EXPECT_NE(run_operator("image.decode", {{"max_bytes", 10}}, paths({path})).error(), "");
}

TEST_F(ImageDecode, SaysWhatIsWrongWithItsOptions) {
  const RecordBatch none = paths({});
  EXPECT_THAT(run_operator("image.decode", {{"column", "file"}}, none).error(), HasSubstr("file"));
  EXPECT_THAT(run_operator("image.decode", {{"column", "n"}}, none).error(),
              HasSubstr("column \"n\" is int64, a path is utf8"));
  EXPECT_THAT(run_operator("image.decode", {{"reduce_to", OptionValue::List{224}}}, none).error(),
              HasSubstr("must be a list of 2 integers from 1 to 65535"));
  EXPECT_THAT(run_operator("image.decode", {{"background", OptionValue::List{0, 0, 256}}}, none).error(),
              HasSubstr("must be a list of 3 integers from 0 to 255"));
}

}  // namespace
}  // namespace penstock
