// SPDX-License-Identifier: MIT
// Sixty photographs of 640 x 480 in files, and as many images of them as a run wants, each with an id of its own.
#pragma once

#include <penstock/images.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "image/file_fixture.h"
#include "image/photo_fixture.h"

namespace penstock::benchmark::photographs {

inline constexpr std::size_t kFiles = 60;
inline constexpr std::uint32_t kSide = 224;

template <class T>
T good(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().to_text().c_str());
  std::exit(1);
}

/// In memory, where reading costs no disk. Made once; the folder stays for the next run of the program.
inline const std::string& folder() {
  static const std::string path = [] {
    const std::string made = "/dev/shm/penstock_image_stream_" + std::to_string(::getuid());
    if (std::filesystem::exists(made + "/complete")) return made;
    std::filesystem::create_directories(made);
    for (std::size_t i = 0; i < kFiles; ++i) {
      const image::fixture::File file = image::fixture::jpeg(image::fixture::photo({480, 640}, i), {480, 640});
      std::ofstream(made + "/" + std::to_string(i) + ".jpg", std::ios::binary)
          .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    }
    std::ofstream(made + "/complete") << "\n";
    return made;
  }();
  return path;
}

inline std::string path_of(std::size_t image) { return folder() + "/" + std::to_string(image % kFiles) + ".jpg"; }

/// Gives `count` images.
class Feed final : public ImageFeed {
 public:
  explicit Feed(std::size_t count) : count_(count) {}
  std::optional<ImageItem> next() override {
    if (given_ == count_) return std::nullopt;
    const std::size_t image = given_++;
    return ImageItem{path_of(image), std::to_string(image)};
  }

 private:
  std::size_t count_;
  std::size_t given_ = 0;
};

/// The defaults of the library, but for the shape that needs no cropping.
inline PreprocessOptions options(Strategy strategy) {
  PreprocessOptions all;
  all.width = kSide;
  all.height = kSide;
  all.mode = "stretch";
  all.strategy = strategy;
  return all;
}

}  // namespace penstock::benchmark::photographs
