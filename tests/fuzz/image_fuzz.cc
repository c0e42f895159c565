// SPDX-License-Identifier: MIT
// Decodes what may be an image: no byte outside the file is read and none outside the room is written, limits hold, and
// the same file gives the same pixels twice. The first byte chooses the options, the second a good file to damage, or
// none: then the rest is the file itself. Damage is two bytes of place, one of what to do there, one of value.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "image/decode.h"
#include "image/file_fixture.h"
#include "image/photo_fixture.h"

namespace image = penstock::image;
namespace fixture = penstock::image::fixture;

namespace {

constexpr std::uint64_t kMostPixels = 1 << 16;

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

const std::vector<fixture::File>& good_files() {
  static const std::vector<fixture::File> files = [] {
    const image::Size size{24, 32};
    const std::vector<std::uint8_t> pixels = fixture::photo(size, 1);
    std::vector<fixture::File> all = {
        fixture::bmp(pixels, size, 24), fixture::bmp(pixels, {12, 32}, 32),
        fixture::bmp(pixels, {24, 32}, 8, fixture::File(pixels.begin(), pixels.begin() + 1024))};
#ifdef PENSTOCK_JPEG
    all.push_back(fixture::jpeg(pixels, size, {.exif = fixture::exif(6)}));
    all.push_back(fixture::jpeg(pixels, size, {.progressive = true}));
    all.push_back(fixture::jpeg(pixels, size, {.arithmetic = true}));
    all.push_back(fixture::jpeg(pixels, {18, 32}, {.in = JCS_CMYK, .stored = JCS_YCCK}));
#endif
#ifdef PENSTOCK_PNG
    all.push_back(fixture::png(pixels, size));
    all.push_back(fixture::png(pixels, size, {.interlaced = true, .exif = fixture::exif(3)}));
    all.push_back(fixture::png(pixels, {18, 32}, {.colour_type = PNG_COLOR_TYPE_RGBA, .interlaced = true}));
    all.push_back(fixture::png(pixels, {12, 32}, {.bit_depth = 16}));
#endif
#ifdef PENSTOCK_WEBP
    all.push_back(fixture::webp(pixels, size, false, false));
    all.push_back(fixture::webp(pixels, {18, 32}, true, true));
    all.push_back(fixture::animated_webp(fixture::webp(pixels, size, false, true), size, {40, 40}, 2, 3));
    all.push_back(fixture::webp_with_exif(fixture::webp(pixels, size, false, true), size, fixture::exif(5)));
#endif
#ifdef PENSTOCK_TIFF
    all.push_back(fixture::tiff(pixels, size));
    all.push_back(fixture::tiff(pixels, {18, 32}, {.samples = 4, .orientation = 7, .big = true}));
    all.push_back(fixture::tiff(pixels, {18, 32}, {.samples = 4, .photometric = PHOTOMETRIC_SEPARATED}));
#endif
#ifdef PENSTOCK_GIF
    const std::vector<std::uint8_t> indices(24 * 32, 5);
    all.push_back(fixture::gif(indices, size, {30, 30}, 3, 4, true, 5));
#endif
    return all;
  }();
  return files;
}

fixture::File damaged_copy(fixture::File file, const std::uint8_t* changes, std::size_t size) {
  for (; size >= 4; changes += 4, size -= 4) {
    const std::size_t place = (changes[0] | changes[1] << 8U) % (file.size() + 1);
    const auto at = file.begin() + static_cast<std::ptrdiff_t>(place);
    switch (changes[2] % 4) {
      case 0:
        if (at != file.end()) *at = changes[3];
        break;
      case 1:
        if (at != file.end()) *at ^= static_cast<std::uint8_t>(1U << changes[3] % 8);
        break;
      case 2: file.insert(at, changes[3]); break;
      default: file.erase(at, file.end()); break;
    }
  }
  return file;
}

struct Picture {
  bool good = false;
  std::size_t bytes = 0;
  std::unique_ptr<std::uint8_t[]> pixels;  // of exactly that size, so that writing beyond it is seen
};

Picture decode(const std::uint8_t* file, std::size_t size, const image::DecodeOptions& options) {
  Picture picture;
  const auto result = image::decode({file, size}, options, [&](image::Size wanted) -> penstock::Result<std::uint8_t*> {
    if (std::uint64_t{wanted.height} * wanted.width > kMostPixels) wrong("more pixels than the limit allows");
    if (wanted.height == 0 || wanted.width == 0) wrong("a side of 0");
    picture.bytes = std::size_t{3} * wanted.height * wanted.width;
    picture.pixels = std::make_unique<std::uint8_t[]>(picture.bytes);
    return picture.pixels.get();
  });
  picture.good = result.has_value();
  if (!result && result.error().message().empty()) wrong("an error without a message");
  return picture;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  image::DecodeOptions options;
  options.max_pixels = kMostPixels;
  options.quality = static_cast<image::Quality>(data[0] % 3);
  if ((data[0] & 4) != 0) options.reduce_to = {5, 7};
  options.damaged = (data[0] & 8) != 0 ? image::Damaged::kKeep : image::Damaged::kReject;
  options.apply_orientation = (data[0] & 16) == 0;
  const std::size_t choice = data[1] % (good_files().size() + 1);
  const fixture::File file =
      choice == 0 ? fixture::File(data + 2, data + size) : damaged_copy(good_files()[choice - 1], data + 2, size - 2);
  const auto exact = std::make_unique<std::uint8_t[]>(file.size());
  if (!file.empty()) std::memcpy(exact.get(), file.data(), file.size());
  const Picture first = decode(exact.get(), file.size(), options);
  const Picture second = decode(exact.get(), file.size(), options);
  if (first.good != second.good || first.bytes != second.bytes) wrong("two outcomes for one file");
  if (first.good && std::memcmp(first.pixels.get(), second.pixels.get(), first.bytes) != 0)
    wrong("two pictures in one file");
  return 0;
}
