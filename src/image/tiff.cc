// SPDX-License-Identifier: MIT
// TIFF by libtiff's reader of RGBA, which knows all the ways in which a TIFF can hold a picture. It needs libtiff 4.5,
// since when an opened file has handlers and limits of its own.
#include "image/decoders.h"

#ifdef PENSTOCK_TIFF
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "platform/shared_library.h"

namespace penstock::image {
namespace {

// clang-format off: one per line
#define PENSTOCK_TIFF_FUNCTIONS(EACH) \
  EACH(ClientOpenExt) \
  EACH(Close) \
  EACH(GetField) \
  EACH(GetFieldDefaulted) \
  EACH(OpenOptionsAlloc) \
  EACH(OpenOptionsFree) \
  EACH(OpenOptionsSetErrorHandlerExtR) \
  EACH(OpenOptionsSetMaxSingleMemAlloc) \
  EACH(OpenOptionsSetWarningHandlerExtR) \
  EACH(RGBAImageOK) \
  EACH(ReadRGBAImageOriented)
// clang-format on

struct Tiff {
#define PENSTOCK_TIFF_MEMBER(name) decltype(&::TIFF##name) name = nullptr;
  PENSTOCK_TIFF_FUNCTIONS(PENSTOCK_TIFF_MEMBER)
#undef PENSTOCK_TIFF_MEMBER
};

Result<Tiff> look_up_tiff() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("libtiff", {"libtiff.so.6"}, "libtiff6"));
  Tiff found;
  bool all = true;
#define PENSTOCK_TIFF_LOOK_UP(name) all = library.find("TIFF" #name, found.name) && all;
  PENSTOCK_TIFF_FUNCTIONS(PENSTOCK_TIFF_LOOK_UP)
#undef PENSTOCK_TIFF_LOOK_UP
  if (!all) return not_the_library("libtiff", "libtiff6");
  return found;
}

const Tiff& tiff() { return *looked_up_once<look_up_tiff>(); }

constexpr std::uint64_t kLeastAllocation = 16 << 20;  // for directories and tables, whatever the picture's size

// The file as libtiff's functions see it, and what went wrong.
struct MemoryFile {
  FileBytes bytes;
  std::uint64_t place = 0;
  bool ended = false;
  char text[200] = "";
};

tmsize_t read_memory(thandle_t handle, void* to, tmsize_t size) {
  MemoryFile& file = *static_cast<MemoryFile*>(handle);
  const std::uint64_t left = file.place < file.bytes.size() ? file.bytes.size() - file.place : 0;
  const auto wanted = static_cast<std::uint64_t>(std::max<tmsize_t>(size, 0));
  const std::uint64_t count = std::min(wanted, left);
  if (count < wanted) file.ended = true;
  if (count > 0) std::memcpy(to, file.bytes.data() + file.place, count);
  file.place += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek_memory(thandle_t handle, toff_t offset, int whence) {
  MemoryFile& file = *static_cast<MemoryFile*>(handle);
  if (whence == SEEK_CUR) offset += file.place;
  if (whence == SEEK_END) offset += file.bytes.size();
  if (offset > file.bytes.size()) file.ended = true;
  return file.place = offset;
}

int close_nothing(thandle_t) { return 0; }
toff_t size_of_memory(thandle_t handle) { return static_cast<MemoryFile*>(handle)->bytes.size(); }

// The first error is the cause of the others.
int keep_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  MemoryFile& file = *static_cast<MemoryFile*>(user);
  if (file.text[0] == '\0') std::vsnprintf(file.text, sizeof file.text, format, arguments);
  return 1;
}
int ignore_tiff_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

/// One file being read. Not movable: libtiff points into it.
class TiffReader {
 public:
  TiffReader(FileBytes bytes, std::uint64_t most_allocation) {
    file_.bytes = bytes;
    TIFFOpenOptions* const options = tiff().OpenOptionsAlloc();
    if (options == nullptr) return;
    tiff().OpenOptionsSetMaxSingleMemAlloc(options, static_cast<tmsize_t>(most_allocation));
    tiff().OpenOptionsSetErrorHandlerExtR(options, keep_error, &file_);
    tiff().OpenOptionsSetWarningHandlerExtR(options, ignore_tiff_warning, nullptr);
    tiff_ = tiff().ClientOpenExt("image", "rm", &file_, read_memory, write_nothing, seek_memory, close_nothing,
                                 size_of_memory, nullptr, nullptr, options);
    tiff().OpenOptionsFree(options);
  }
  ~TiffReader() {
    if (tiff_ != nullptr) tiff().Close(tiff_);
  }
  TiffReader(const TiffReader&) = delete;
  TiffReader& operator=(const TiffReader&) = delete;

  Result<Header> header() {
    if (tiff_ == nullptr) return failure();
    Header header{Format::kTiff, {}, 3, 1};
    if (tiff().GetField(tiff_, TIFFTAG_IMAGEWIDTH, &header.stored.width) == 0 ||
        tiff().GetField(tiff_, TIFFTAG_IMAGELENGTH, &header.stored.height) == 0)
      return damaged(Format::kTiff, "it does not say how large it is");
    std::uint16_t samples = 1;
    std::uint16_t orientation = 1;
    tiff().GetFieldDefaulted(tiff_, TIFFTAG_SAMPLESPERPIXEL, &samples);
    tiff().GetFieldDefaulted(tiff_, TIFFTAG_ORIENTATION, &orientation);
    header.channels = samples;
    if (orientation >= 1 && orientation <= 8) header.orientation = static_cast<Orientation>(orientation);
    return header;
  }

  /// Whether libtiff can make RGBA of it.
  Status check_kind() {
    char why[1024] = "";
    if (tiff().RGBAImageOK(tiff_, why) != 0) return {};
    return rare_kind(Format::kTiff, why);
  }

  /// Colours are multiplied by their alpha. Asked for the orientation that it has, libtiff leaves rows as they are
  /// stored.
  Status read_rgba(const Header& header, std::uint32_t* rgba) {
    const Size size = header.stored;
    if (tiff().ReadRGBAImageOriented(tiff_, size.width, size.height, rgba, header.orientation, 1) != 0) return {};
    return failure();
  }

 private:
  Error failure() const {
    if (file_.ended) return truncated(Format::kTiff);
    return damaged(Format::kTiff, file_.text[0] != '\0' ? file_.text : "no reason is given");
  }

  MemoryFile file_;
  TIFF* tiff_ = nullptr;
};

Result<Header> read_tiff_header(FileBytes file) {
  PENSTOCK_TRY(load_once<look_up_tiff>());
  return TiffReader(file, kLeastAllocation).header();
}

// RGBA as libtiff packs it, multiplied by alpha, over a background.
void lay_over_packed(const std::uint32_t* rgba, std::size_t pixels, const std::array<std::uint8_t, 3>& background,
                     std::uint8_t* rgb) {
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint32_t transparent = 255 - TIFFGetA(rgba[i]);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const std::uint32_t colour = rgba[i] >> (8 * channel) & 255;
      rgb[3 * i + channel] =
          static_cast<std::uint8_t>(std::min(colour + (background[channel] * transparent + 127) / 255, 255U));
    }
  }
}

Result<Decoded> decode_tiff(FileBytes file, const Header& header, const DecodeOptions& options, const PixelRoom& room) {
  const std::size_t pixels = std::size_t{header.stored.height} * header.stored.width;
  TiffReader reader(file, std::max<std::uint64_t>(kLeastAllocation, 8 * pixels));
  PENSTOCK_TRY(reader.header());
  PENSTOCK_TRY(reader.check_kind());
  PENSTOCK_ASSIGN(std::uint8_t* const rgb, room(header.stored));
  const auto rgba = std::make_unique_for_overwrite<std::uint32_t[]>(pixels);
  PENSTOCK_TRY(reader.read_rgba(header, rgba.get()));
  lay_over_packed(rgba.get(), pixels, options.background, rgb);
  return Decoded{header.stored, whole(header.stored), {}};
}

}  // namespace

Decoder tiff_decoder() { return {Format::kTiff, nullptr, read_tiff_header, decode_tiff}; }

}  // namespace penstock::image
#else
namespace penstock::image {
Decoder tiff_decoder() { return missing_decoder(Format::kTiff, "libtiff-dev"); }
}  // namespace penstock::image
#endif
