// SPDX-License-Identifier: MIT
// The first frame of a GIF by giflib, record by record: what would read the whole file would keep every frame.
#include "image/decoders.h"

#ifdef PENSTOCK_GIF
#include <gif_lib.h>

#include <algorithm>
#include <cstring>

#include "platform/shared_library.h"

namespace penstock::image {
namespace {

// clang-format off: one per line
#define PENSTOCK_GIF_FUNCTIONS(EACH) \
  EACH(DGifCloseFile) \
  EACH(DGifGetExtension) \
  EACH(DGifGetExtensionNext) \
  EACH(DGifGetImageDesc) \
  EACH(DGifGetLine) \
  EACH(DGifGetRecordType) \
  EACH(DGifOpen) \
  EACH(GifErrorString)
// clang-format on

struct Gif {
#define PENSTOCK_GIF_MEMBER(name) decltype(&::name) name = nullptr;
  PENSTOCK_GIF_FUNCTIONS(PENSTOCK_GIF_MEMBER)
#undef PENSTOCK_GIF_MEMBER
};

Result<Gif> look_up_gif() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("giflib", {"libgif.so.7"}, "libgif7"));
  Gif found;
  bool all = true;
#define PENSTOCK_GIF_LOOK_UP(name) all = library.find(#name, found.name) && all;
  PENSTOCK_GIF_FUNCTIONS(PENSTOCK_GIF_LOOK_UP)
#undef PENSTOCK_GIF_LOOK_UP
  if (!all) return not_the_library("giflib", "libgif7");
  return found;
}

const Gif& gif() { return *looked_up_once<look_up_gif>(); }

constexpr int kOpaque = -1;
constexpr int kMostExtensions = 10'000;

int give_gif_bytes(GifFileType* reader, GifByteType* to, int size) {
  FileBytes& left = *static_cast<FileBytes*>(reader->UserData);
  const std::size_t count = std::min(left.size(), static_cast<std::size_t>(std::max(size, 0)));
  if (count > 0) std::memcpy(to, left.data(), count);
  left = left.subspan(count);
  return static_cast<int>(count);
}

Error gif_error(int code) {
  if (code == D_GIF_ERR_EOF_TOO_SOON || code == D_GIF_ERR_READ_FAILED) return truncated(Format::kGif);
  if (code == D_GIF_ERR_NOT_ENOUGH_MEM) return Error(ErrorCode::kResourceExhausted, "no memory for a GIF picture");
  const char* const text = gif().GifErrorString(code);
  return damaged(Format::kGif, text != nullptr ? text : "no reason is given");
}

/// One file being read. Not movable: giflib points into it.
class GifReader {
 public:
  explicit GifReader(FileBytes file) : left_(file) { reader_ = gif().DGifOpen(&left_, give_gif_bytes, &error_); }
  ~GifReader() {
    if (reader_ != nullptr) gif().DGifCloseFile(reader_, nullptr);
  }
  GifReader(const GifReader&) = delete;
  GifReader& operator=(const GifReader&) = delete;

  Result<Header> header() {
    if (reader_ == nullptr) return gif_error(error_);
    return Header{Format::kGif,
                  {static_cast<std::uint32_t>(reader_->SHeight), static_cast<std::uint32_t>(reader_->SWidth)},
                  3,
                  1};
  }

  /// Goes on to the first frame; notes which colour of it is transparent.
  Status find_frame() {
    for (int i = 0; i < kMostExtensions; ++i) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      if (gif().DGifGetRecordType(reader_, &type) == GIF_ERROR) return gif_error(reader_->Error);
      if (type == TERMINATE_RECORD_TYPE) return damaged(Format::kGif, "it holds no picture");
      if (type == IMAGE_DESC_RECORD_TYPE) return read_description();
      if (type == EXTENSION_RECORD_TYPE) PENSTOCK_TRY(read_extension());
    }
    return damaged(Format::kGif, "it has too many extensions");
  }

  Size frame_size() const {
    return {static_cast<std::uint32_t>(reader_->Image.Height), static_cast<std::uint32_t>(reader_->Image.Width)};
  }

  /// The frame's rows onto a canvas that holds the background already.
  Status read_rows(Size canvas, std::uint8_t* rgb) {
    const GifImageDesc& frame = reader_->Image;
    std::vector<GifPixelType> row(static_cast<std::size_t>(frame.Width));
    const int passes = frame.Interlace ? 4 : 1;
    static constexpr int kFirst[] = {0, 4, 2, 1};
    static constexpr int kStep[] = {8, 8, 4, 2};
    for (int pass = 0; pass < passes; ++pass) {
      for (int y = kFirst[pass]; y < frame.Height; y += frame.Interlace ? kStep[pass] : 1) {
        if (gif().DGifGetLine(reader_, row.data(), frame.Width) == GIF_ERROR) return gif_error(reader_->Error);
        place_row(row, y, canvas, rgb);
      }
    }
    return {};
  }

 private:
  Status read_description() {
    if (gif().DGifGetImageDesc(reader_) == GIF_ERROR) return gif_error(reader_->Error);
    colours_ = reader_->Image.ColorMap != nullptr ? reader_->Image.ColorMap : reader_->SColorMap;
    if (colours_ == nullptr) return damaged(Format::kGif, "it has no colours");
    return {};
  }

  Status read_extension() {
    int kind = 0;
    GifByteType* data = nullptr;
    if (gif().DGifGetExtension(reader_, &kind, &data) == GIF_ERROR) return gif_error(reader_->Error);
    while (data != nullptr) {  // its first byte is its length
      if (kind == GRAPHICS_EXT_FUNC_CODE && data[0] >= 4) transparent_ = (data[1] & 1) != 0 ? data[4] : kOpaque;
      if (gif().DGifGetExtensionNext(reader_, &data) == GIF_ERROR) return gif_error(reader_->Error);
    }
    return {};
  }

  void place_row(const std::vector<GifPixelType>& row, int y, Size canvas, std::uint8_t* rgb) const {
    const std::int64_t to_row = std::int64_t{reader_->Image.Top} + y;
    if (to_row < 0 || to_row >= canvas.height) return;
    for (std::size_t x = 0; x < row.size(); ++x) {
      const std::int64_t to_column = std::int64_t{reader_->Image.Left} + static_cast<std::int64_t>(x);
      if (to_column < 0 || to_column >= canvas.width || row[x] == transparent_ || row[x] >= colours_->ColorCount)
        continue;
      const GifColorType& colour = colours_->Colors[row[x]];
      std::uint8_t* const to = rgb + 3 * (to_row * canvas.width + to_column);
      to[0] = colour.Red;
      to[1] = colour.Green;
      to[2] = colour.Blue;
    }
  }

  FileBytes left_;
  int error_ = 0;
  GifFileType* reader_ = nullptr;
  const ColorMapObject* colours_ = nullptr;
  int transparent_ = kOpaque;
};

Result<Header> read_gif_header(FileBytes file) {
  PENSTOCK_TRY(load_once<look_up_gif>());
  return GifReader(file).header();
}

Result<Decoded> decode_gif(FileBytes file, const Header& header, const DecodeOptions& options, const PixelRoom& room) {
  GifReader reader(file);
  PENSTOCK_TRY(reader.header());
  PENSTOCK_TRY(reader.find_frame());
  PENSTOCK_TRY(check_size(Format::kGif, reader.frame_size(), options.max_pixels));
  PENSTOCK_ASSIGN(std::uint8_t* const rgb, room(header.stored));
  for (std::size_t i = 0; i < bytes_of(header.stored); ++i) rgb[i] = options.background[i % 3];
  PENSTOCK_TRY(reader.read_rows(header.stored, rgb));
  return Decoded{header.stored, whole(header.stored), {}};
}

}  // namespace

Decoder gif_decoder() { return {Format::kGif, nullptr, read_gif_header, decode_gif}; }

}  // namespace penstock::image
#else
namespace penstock::image {
Decoder gif_decoder() { return missing_decoder(Format::kGif, "libgif-dev"); }
}  // namespace penstock::image
#endif
