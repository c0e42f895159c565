// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "image/decode.h"
#include "image/encode.h"

namespace penstock::image {
namespace {

using ::testing::HasSubstr;

/// A smooth picture: JPEG keeps it nearly as it is.
std::vector<std::uint8_t> slope(Size size) {
  std::vector<std::uint8_t> pixels;
  for (std::uint32_t row = 0; row < size.height; ++row) {
    for (std::uint32_t column = 0; column < size.width; ++column) {
      pixels.push_back(static_cast<std::uint8_t>(row * 255 / size.height));
      pixels.push_back(static_cast<std::uint8_t>(column * 255 / size.width));
      pixels.push_back(128);
    }
  }
  return pixels;
}

TEST(EncodeJpeg, GivesThePictureBack) {
  const Size size{37, 53};
  const std::vector<std::uint8_t> pixels = slope(size);
  const Result<std::string> file = encode_jpeg({pixels.data(), size, 3}, 95);
  if (!file && file.error().code() == ErrorCode::kUnsupported) GTEST_SKIP() << file.error().to_text();
  ASSERT_TRUE(file) << file.error().to_text();
  std::vector<std::uint8_t> back;
  const auto decoded = decode({reinterpret_cast<const std::uint8_t*>(file->data()), file->size()}, {},
                              [&](Size found) -> Result<std::uint8_t*> {
                                back.resize(std::size_t{3} * found.height * found.width);
                                return back.data();
                              });
  ASSERT_TRUE(decoded) << decoded.error().to_text();
  ASSERT_EQ(decoded->size, size);
  for (std::size_t i = 0; i < pixels.size(); ++i) ASSERT_LE(std::abs(pixels[i] - back[i]), 12) << i;
}

TEST(EncodeJpeg, SaysWhatItCannotWrite) {
  const std::vector<std::uint8_t> pixels(std::size_t{3} * 70'000);
  const Result<std::string> file = encode_jpeg({pixels.data(), {1, 70'000}, 3});
  if (!file && file.error().code() == ErrorCode::kUnsupported) GTEST_SKIP() << file.error().to_text();
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message(), HasSubstr("cannot write a JPEG"));
}

}  // namespace
}  // namespace penstock::image
