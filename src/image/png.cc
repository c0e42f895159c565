// SPDX-License-Identifier: MIT
// PNG by libpng, row by row; an interlaced one needs all of its rows before the first is right.
#include "image/decoders.h"

#ifdef PENSTOCK_PNG
#include <png.h>

#include <cstdio>
#include <cstring>

#include "platform/shared_library.h"

namespace penstock::image {
namespace {

// clang-format off: one per line
#define PENSTOCK_PNG_FUNCTIONS(EACH) \
  EACH(create_info_struct) \
  EACH(create_read_struct) \
  EACH(destroy_read_struct) \
  EACH(error) \
  EACH(get_IHDR) \
  EACH(get_channels) \
  EACH(get_eXIf_1) \
  EACH(get_error_ptr) \
  EACH(get_io_ptr) \
  EACH(read_end) \
  EACH(read_info) \
  EACH(read_row) \
  EACH(read_update_info) \
  EACH(set_chunk_malloc_max) \
  EACH(set_compression_buffer_size) \
  EACH(set_expand) \
  EACH(set_gray_to_rgb) \
  EACH(set_interlace_handling) \
  EACH(set_read_fn) \
  EACH(set_scale_16) \
  EACH(set_user_limits)
// clang-format on

struct Png {
#define PENSTOCK_PNG_MEMBER(name) decltype(&::png_##name) name = nullptr;
  PENSTOCK_PNG_FUNCTIONS(PENSTOCK_PNG_MEMBER)
#undef PENSTOCK_PNG_MEMBER
};

Result<Png> look_up_png() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("libpng", {"libpng16.so.16"}, "libpng16-16"));
  Png found;
  bool all = true;
#define PENSTOCK_PNG_LOOK_UP(name) all = library.find("png_" #name, found.name) && all;
  PENSTOCK_PNG_FUNCTIONS(PENSTOCK_PNG_LOOK_UP)
#undef PENSTOCK_PNG_LOOK_UP
  if (!all) return not_the_library("libpng", "libpng16-16");
  return found;
}

const Png& png() { return *looked_up_once<look_up_png>(); }

constexpr std::size_t kSmallReadBytes = 256;  // what is cut off with the end of a damaged file that is to be kept
constexpr png_alloc_size_t kMostChunkBytes = 8 << 20;  // of metadata; a compressed chunk of it can be a bomb, too

// What libpng's functions reach.
struct Failure {
  std::jmp_buf jump;
  char text[200];
  bool ended;
};

[[noreturn]] void stop_with_text(png_structp reader, png_const_charp text) {
  Failure& failure = *static_cast<Failure*>(png().get_error_ptr(reader));
  std::snprintf(failure.text, sizeof failure.text, "%s", text);
  std::longjmp(failure.jump, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void give_bytes(png_structp reader, png_bytep to, std::size_t size) {
  FileBytes& left = *static_cast<FileBytes*>(png().get_io_ptr(reader));
  if (left.size() < size) {
    static_cast<Failure*>(png().get_error_ptr(reader))->ended = true;
    png().error(reader, "the file ends");
  }
  std::memcpy(to, left.data(), size);
  left = left.subspan(size);
}

/// One file being read. Not movable: libpng points into it.
class PngReader {
 public:
  explicit PngReader(FileBytes file) : left_(file) {
    reader_ = png().create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, stop_with_text, ignore_warning);
    if (reader_ != nullptr) info_ = png().create_info_struct(reader_);
  }
  ~PngReader() {
    if (reader_ != nullptr) png().destroy_read_struct(&reader_, &info_, nullptr);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Result<Header> header() {
    if (info_ == nullptr) return Error(ErrorCode::kResourceExhausted, "libpng has no memory to begin");
    if (!attempt([&] { begin(); })) return failure();
    const bool palette = colour_type_ == PNG_COLOR_TYPE_PALETTE;
    return Header{Format::kPng, size_, palette ? 3 : png().get_channels(reader_, info_), orientation_};
  }

  /// After header(). `keep_damaged`: an error after the first row is told by damage() instead.
  Status read_rows(const DecodeOptions& options, std::uint8_t* rgb) {
    if (!attempt([&] { prepare(options.damaged); })) return failure();
    const bool alpha = channels_ == 4;
    const std::size_t rows_kept = !alpha ? 0 : passes_ > 1 ? size_.height : 1;
    std::vector<std::uint8_t> rgba(rows_kept * 4 * size_.width);
    if (options.damaged == Damaged::kKeep) fill_with(options.background, rgb);
    const bool ended = attempt([&] {
      if (!alpha) {
        read_opaque(rgb);
      } else if (passes_ == 1) {
        read_transparent(options, rgba.data(), rgb);
      } else {
        read_passes(rgba.data(), std::size_t{4} * size_.width);
      }
      png().read_end(reader_, nullptr);
    });
    if (passes_ > 1 && alpha) lay_over(rgba.data(), std::size_t{size_.height} * size_.width, options.background, rgb);
    if (ended) return {};
    if (options.damaged == Damaged::kReject) return failure();
    damage_ = failure().message();
    return {};
  }

  const std::string& damage() const { return damage_; }

 private:
  template <class Body>
  bool attempt(Body&& body) {
    return ends_by_itself(failure_.jump, body);
  }

  void begin() {
    png().set_read_fn(reader_, &left_, give_bytes);
    png().set_user_limits(reader_, 0x7FFFFFFF, 0x7FFFFFFF);  // decode.cc limits the pixels
    png().set_chunk_malloc_max(reader_, kMostChunkBytes);
    png().read_info(reader_, info_);
    png().get_IHDR(reader_, info_, &size_.width, &size_.height, nullptr, &colour_type_, nullptr, nullptr, nullptr);
    png_bytep exif = nullptr;
    png_uint_32 exif_bytes = 0;
    if (png().get_eXIf_1(reader_, info_, &exif_bytes, &exif) != 0) orientation_ = exif_orientation({exif, exif_bytes});
  }

  // Everything becomes RGB or RGBA of 8 bits.
  void prepare(Damaged damaged_files) {
    if (damaged_files == Damaged::kKeep) png().set_compression_buffer_size(reader_, kSmallReadBytes);
    png().set_expand(reader_);
    png().set_scale_16(reader_);
    png().set_gray_to_rgb(reader_);
    passes_ = png().set_interlace_handling(reader_);
    png().read_update_info(reader_, info_);
    channels_ = png().get_channels(reader_, info_);
    if (channels_ != 3 && channels_ != 4) png().error(reader_, "unknown colours");
  }

  void read_opaque(std::uint8_t* rgb) { read_passes(rgb, std::size_t{3} * size_.width); }

  void read_passes(std::uint8_t* pixels, std::size_t row_bytes) {
    for (int pass = 0; pass < passes_; ++pass) {
      for (std::uint32_t row = 0; row < size_.height; ++row) png().read_row(reader_, pixels + row * row_bytes, nullptr);
    }
  }

  void read_transparent(const DecodeOptions& options, std::uint8_t* row_rgba, std::uint8_t* rgb) {
    for (std::uint32_t row = 0; row < size_.height; ++row) {
      png().read_row(reader_, row_rgba, nullptr);
      lay_over(row_rgba, size_.width, options.background, rgb + std::size_t{3} * row * size_.width);
    }
  }

  void fill_with(const std::array<std::uint8_t, 3>& colour, std::uint8_t* rgb) const {
    for (std::size_t i = 0; i < bytes_of(size_); ++i) rgb[i] = colour[i % 3];
  }

  Error failure() const { return failure_.ended ? truncated(Format::kPng) : damaged(Format::kPng, failure_.text); }

  FileBytes left_;
  Failure failure_ = {};
  png_structp reader_ = nullptr;
  png_infop info_ = nullptr;
  Size size_;
  int colour_type_ = 0;
  int passes_ = 1;
  int channels_ = 0;
  Orientation orientation_ = 1;
  std::string damage_;
};

Result<Header> read_png_header(FileBytes file) {
  PENSTOCK_TRY(load_once<look_up_png>());
  return PngReader(file).header();
}

Result<Decoded> decode_png(FileBytes file, const Header& header, const DecodeOptions& options, const PixelRoom& room) {
  PngReader reader(file);
  PENSTOCK_TRY(reader.header());
  PENSTOCK_ASSIGN(std::uint8_t* const pixels, room(header.stored));
  PENSTOCK_TRY(reader.read_rows(options, pixels));
  return Decoded{header.stored, whole(header.stored), reader.damage()};
}

}  // namespace

Decoder png_decoder() { return {Format::kPng, nullptr, read_png_header, decode_png}; }

}  // namespace penstock::image
#else
namespace penstock::image {
Decoder png_decoder() { return missing_decoder(Format::kPng, "libpng-dev"); }
}  // namespace penstock::image
#endif
