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

inline std::string folder;

inline std::string path_of(std::size_t image) { return folder + "/" + std::to_string(image % kFiles) + ".jpg"; }

/// Makes them in memory, where reading costs no disk, and removes them at the end of the program.
class Files {
 public:
  Files() {
    folder = "/dev/shm/penstock_image_stream_XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) {
      std::perror(folder.c_str());
      std::exit(1);
    }
    for (std::size_t i = 0; i < kFiles; ++i) {
      const image::fixture::File file = image::fixture::jpeg(image::fixture::photo({480, 640}, i), {480, 640});
      std::ofstream(path_of(i), std::ios::binary)
          .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    }
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { std::filesystem::remove_all(folder); }
};

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
