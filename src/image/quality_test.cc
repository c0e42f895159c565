// SPDX-License-Identifier: MIT
// How near decoding and resizing together come to exact resizing of the whole picture, and to what Pillow makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "image/decode.h"
#include "image/file_fixture.h"
#include "image/photo_fixture.h"
#include "image/resize.h"

namespace penstock::image {
namespace {

using Bytes = std::vector<std::uint8_t>;

#ifdef PENSTOCK_JPEG
struct Picture {
  Size size;
  Bytes pixels;
  Cover cover;
};

Picture decoded(const fixture::File& file, const DecodeOptions& options) {
  Picture picture;
  const auto result = decode(file, options, [&](Size size) -> Result<std::uint8_t*> {
    picture.size = size;
    picture.pixels.resize(std::size_t{3} * size.height * size.width);
    return picture.pixels.data();
  });
  EXPECT_TRUE(result) << result.error().to_text();
  picture.cover = result->cover;
  return picture;
}

Bytes resized(const Picture& picture, Size target) {
  Resizer resizer(ResizeOptions{target});
  Bytes out(std::size_t{3} * target.height * target.width);
  resizer.resize({picture.pixels.data(), picture.size, 3, picture.cover}, out.data());
  return out;
}

/// Exact resizing of the whole picture, in the order rows then columns.
std::vector<double> exact(const Picture& picture, Size target) {
  const std::size_t row = std::size_t{3} * picture.size.width;
  std::vector<double> middle(target.height * row);
  for (std::size_t y = 0; y < target.height; ++y) {
    const auto weights =
        exact_weights(Filter::kBilinear, picture.size.height, {0, double(picture.size.height)}, target.height, y);
    for (std::size_t k = 0; k < weights.values.size(); ++k) {
      for (std::size_t i = 0; i < row; ++i)
        middle[y * row + i] += weights.values[k] * picture.pixels[(weights.first + k) * row + i];
    }
  }
  std::vector<double> out(std::size_t{3} * target.height * target.width);
  for (std::size_t x = 0; x < target.width; ++x) {
    const auto weights =
        exact_weights(Filter::kBilinear, picture.size.width, {0, double(picture.size.width)}, target.width, x);
    for (std::size_t y = 0; y < target.height; ++y) {
      for (std::size_t k = 0; k < weights.values.size(); ++k) {
        for (std::size_t c = 0; c < 3; ++c)
          out[3 * (y * target.width + x) + c] += weights.values[k] * middle[y * row + 3 * (weights.first + k) + c];
      }
    }
  }
  return out;
}

TEST(Quality, IsAsNearToExactResizingAsItIsPromised) {
  struct Case {
    Size size;
    Size target;
    std::uint32_t high;  // by how much it is reduced
    std::uint32_t fast;
  };
  for (const Case& one : {Case{{480, 640}, {224, 224}, 1, 2}, Case{{1500, 2000}, {112, 112}, 4, 8},
                          Case{{1501, 1997}, {112, 112}, 4, 8}}) {
    const fixture::File file = fixture::jpeg(fixture::photo(one.size, 21), one.size);
    const Header header = read_header(file).value();
    const std::vector<double> reference = exact(decoded(file, {.quality = Quality::kExact}), one.target);
    const auto quality = [&](Quality wanted) {
      return fixture::psnr(resized(decoded(file, {.quality = wanted, .reduce_to = one.target}), one.target), reference);
    };
    EXPECT_EQ(reduction(header, {.quality = Quality::kHigh, .reduce_to = one.target}), one.high);
    EXPECT_EQ(reduction(header, {.quality = Quality::kFast, .reduce_to = one.target}), one.fast);
    EXPECT_GE(quality(Quality::kExact), 58);
    EXPECT_GE(quality(Quality::kHigh), one.high == 1 ? 58 : 54);
    EXPECT_GE(quality(Quality::kFast), 44);
  }
}
#endif

/// A folder that goes with the object.
class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "penstock-pillow-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

Bytes read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

constexpr const char* kScript = R"(import sys
from PIL import Image
width, height = int(sys.argv[2]), int(sys.argv[3])
picture = Image.frombytes("RGB", (width, height), open(sys.argv[1], "rb").read())
for name in ("BILINEAR", "BICUBIC", "LANCZOS"):
    for w, h in ((224, 224), (700, 100), (30, 900)):
        small = picture.resize((w, h), getattr(Image, name))
        open(f"{sys.argv[1]}.{name}.{w}x{h}", "wb").write(small.tobytes())
)";

/// A Python that has Pillow: the first in PATH, or the system's; empty: none.
std::string python_with_pillow() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (std::system((python + " -c 'import PIL' 2>/dev/null").c_str()) == 0) return python;
  }
  return {};
}

// Pillow rounds and limits once more, between its passes; by itself it is about 57 dB from exact.
TEST(Quality, DiffersFromPillowByItsRoundingBetweenThePasses) {
  const std::string python = python_with_pillow();
  if (python.empty()) GTEST_SKIP() << "Pillow is not here: apt-get install python3-pil";
  const Folder folder;
  const Size size{480, 640};
  const Bytes pixels = fixture::photo(size, 22);
  write(folder.file("photo"), pixels);
  write(folder.file("resize.py"), Bytes(kScript, kScript + std::char_traits<char>::length(kScript)));
  const std::string command = python + " " + folder.file("resize.py") + " " + folder.file("photo") + " 640 480";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::pair<const char*, Filter> filters[] = {
      {"BILINEAR", Filter::kBilinear}, {"BICUBIC", Filter::kBicubic}, {"LANCZOS", Filter::kLanczos}};
  for (const auto& [name, filter] : filters) {
    for (const Size target : {Size{224, 224}, Size{100, 700}, Size{900, 30}}) {
      const std::string sides = std::to_string(target.width) + "x" + std::to_string(target.height);
      const Bytes theirs = read(folder.file("photo." + std::string(name) + "." + sides));
      Bytes ours(std::size_t{3} * target.height * target.width);
      ASSERT_EQ(theirs.size(), ours.size());
      Resizer resizer({target, filter});
      resizer.resize({pixels.data(), size, 3}, ours.data());
      int most = 0;
      for (std::size_t i = 0; i < ours.size(); ++i) most = std::max(most, std::abs(ours[i] - theirs[i]));
      if (filter == Filter::kBilinear) {  // the others overshoot, which Pillow cuts off between the passes
        EXPECT_LE(most, 2) << sides;
      }
      EXPECT_GE(fixture::psnr(ours, std::vector<double>(theirs.begin(), theirs.end())), 55) << name << " " << sides;
    }
  }
}

}  // namespace
}  // namespace penstock::image
