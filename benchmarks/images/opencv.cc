// SPDX-License-Identifier: MIT
// OpenCV as its users write it, and as fast as it can be without aliasing.
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "workload.h"

namespace penstock::benchmark {
namespace {

// BGR to normalised planes of RGB, in one loop.
void normalize(const cv::Mat& picture, float* tensor) {
  static constexpr float kMean[3] = {0.485F, 0.456F, 0.406F};
  static constexpr float kDeviation[3] = {0.229F, 0.224F, 0.225F};
  for (std::size_t c = 0; c < 3; ++c) {
    const float scale = 1 / (255 * kDeviation[c]);
    const float shift = -kMean[c] / kDeviation[c];
    for (std::size_t y = 0; y < kSide; ++y) {
      const std::uint8_t* const row = picture.ptr<std::uint8_t>(static_cast<int>(y));
      float* const to = tensor + (c * kSide + y) * kSide;
      for (std::size_t x = 0; x < kSide; ++x) to[x] = static_cast<float>(row[3 * x + 2 - c]) * scale + shift;
    }
  }
}

void prepare(std::span<const std::uint8_t> file, float* tensor, int flags, int interpolation) {
  static const bool alone = (cv::setNumThreads(1), true);  // of all threads, and not to be called by several at once
  (void)alone;
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, const_cast<std::uint8_t*>(file.data()));
  const cv::Mat picture = cv::imdecode(bytes, flags);
  cv::Mat small;
  cv::resize(picture, small, {kSide, kSide}, 0, 0, interpolation);
  normalize(small, tensor);
}

void linear(std::span<const std::uint8_t> file, float* tensor) {
  prepare(file, tensor, cv::IMREAD_COLOR, cv::INTER_LINEAR);
}

void area(std::span<const std::uint8_t> file, float* tensor) {
  prepare(file, tensor, cv::IMREAD_COLOR, cv::INTER_AREA);
}

// By the largest part that is not smaller than the target: halves of 640 x 480, eighths of 4,000 x 3,000.
void reduced_area(std::span<const std::uint8_t> file, float* tensor) {
  const bool small = file.size() < 500'000;
  prepare(file, tensor, small ? cv::IMREAD_REDUCED_COLOR_2 : cv::IMREAD_REDUCED_COLOR_8, cv::INTER_AREA);
}

const RegisterImages kRegister({{"OpenCV: linear (aliases)", linear},
                                {"OpenCV: area", area},
                                {"OpenCV: reduced, area", reduced_area}});

}  // namespace
}  // namespace penstock::benchmark
