// SPDX-License-Identifier: MIT
// JPEG by libjpeg-turbo, which says little about bad files: half a file decodes without an error, the rest grey. So the
// source of the bytes ends with an error where the file ends, and its warnings count as damage.
#include "image/decoders.h"

#ifdef PENSTOCK_JPEG
// clang-format off: each needs the one before
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>

#include "platform/shared_library.h"

namespace penstock::image {
namespace {

// clang-format off: one per line
#define PENSTOCK_JPEG_FUNCTIONS(EACH) \
  EACH(CreateDecompress) \
  EACH(calc_output_dimensions) \
  EACH(destroy_decompress) \
  EACH(finish_decompress) \
  EACH(read_header) \
  EACH(read_scanlines) \
  EACH(resync_to_restart) \
  EACH(save_markers) \
  EACH(start_decompress) \
  EACH(std_error)
// clang-format on

struct Jpeg {
#define PENSTOCK_JPEG_MEMBER(name) decltype(&::jpeg_##name) name = nullptr;
  PENSTOCK_JPEG_FUNCTIONS(PENSTOCK_JPEG_MEMBER)
#undef PENSTOCK_JPEG_MEMBER
};

// Distributions build it with one of two interfaces; the header is that of one.
constexpr const char* kLibrary = JPEG_LIB_VERSION >= 80 ? "libjpeg.so.8" : "libjpeg.so.62";

Result<Jpeg> look_up_jpeg() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("libjpeg-turbo", {kLibrary}, "libjpeg62-turbo"));
  Jpeg found;
  bool all = true;
#define PENSTOCK_JPEG_LOOK_UP(name) all = library.find("jpeg_" #name, found.name) && all;
  PENSTOCK_JPEG_FUNCTIONS(PENSTOCK_JPEG_LOOK_UP)
#undef PENSTOCK_JPEG_LOOK_UP
  if (!all) return not_the_library("libjpeg-turbo", "libjpeg62-turbo");
  return found;
}

const Jpeg& jpeg() { return *looked_up_once<look_up_jpeg>(); }

constexpr int kMostScans = 500;  // a progressive file of few bytes can ask for thousands of passes over the picture

// Everything that the callbacks of libjpeg reach from its structure.
struct Callbacks {
  jpeg_error_mgr errors;  // first: libjpeg's pointer to it is a pointer to this
  std::jmp_buf jump;
  jpeg_source_mgr source;
  jpeg_progress_mgr progress;
  char text[JMSG_LENGTH_MAX];  // of the error, or else of the first warning
  bool keep_damaged;
  bool ended;   // the file ended too soon
  bool warned;  // something in it is damaged
};

Callbacks& callbacks_of(j_common_ptr common) { return *reinterpret_cast<Callbacks*>(common->err); }
Callbacks& callbacks_of(j_decompress_ptr decompress) {
  return callbacks_of(reinterpret_cast<j_common_ptr>(decompress));
}

[[noreturn]] void stop_with_error(j_common_ptr common) {
  Callbacks& mine = callbacks_of(common);
  mine.errors.format_message(common, mine.text);
  std::longjmp(mine.jump, 1);
}

bool is_harmless(int code) { return code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR; }

void note_message(j_common_ptr common, int level) {
  Callbacks& mine = callbacks_of(common);
  if (level >= 0 || is_harmless(mine.errors.msg_code)) return;
  if (!mine.warned) mine.errors.format_message(common, mine.text);
  mine.warned = true;
  ++mine.errors.num_warnings;
  if (!mine.keep_damaged) std::longjmp(mine.jump, 1);
}

void print_nothing(j_common_ptr) {}

boolean end_of_file(j_decompress_ptr decompress) {
  static constexpr JOCTET kEnd[] = {0xFF, JPEG_EOI};
  Callbacks& mine = callbacks_of(decompress);
  mine.ended = true;
  if (!mine.keep_damaged) std::longjmp(mine.jump, 1);
  mine.source.next_input_byte = kEnd;
  mine.source.bytes_in_buffer = sizeof kEnd;
  return TRUE;
}

void skip_bytes(j_decompress_ptr decompress, long count) {
  jpeg_source_mgr& source = callbacks_of(decompress).source;
  if (count <= 0) return;
  if (static_cast<unsigned long>(count) > source.bytes_in_buffer) {
    (void)end_of_file(decompress);
    return;
  }
  source.next_input_byte += count;
  source.bytes_in_buffer -= static_cast<std::size_t>(count);
}

void do_nothing(j_decompress_ptr) {}

void watch_scans(j_common_ptr common) {
  const auto* const decompress = reinterpret_cast<j_decompress_ptr>(common);
  if (decompress->input_scan_number <= kMostScans) return;
  Callbacks& mine = callbacks_of(common);
  std::snprintf(mine.text, sizeof mine.text, "more than %d scans", kMostScans);
  std::longjmp(mine.jump, 1);
}

Orientation orientation_of(const jpeg_decompress_struct& decompress) {
  for (const jpeg_marker_struct* marker = decompress.marker_list; marker != nullptr; marker = marker->next) {
    const std::span<const std::uint8_t> data(marker->data, marker->data_length);
    if (data.size() > 6 && data[0] == 'E' && data[1] == 'x' && data[2] == 'i' && data[3] == 'f')
      return exif_orientation(data);
  }
  return 1;
}

// Adobe's programs store CMYK inverted, and say with a marker that they made the file.
void to_rgb(const std::uint8_t* cmyk, std::size_t pixels, bool inverted, std::uint8_t* rgb) {
  const std::uint32_t flip = inverted ? 0 : 255;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint32_t key = cmyk[4 * i + 3] ^ flip;
    for (std::size_t channel = 0; channel < 3; ++channel)
      rgb[3 * i + channel] = static_cast<std::uint8_t>(((cmyk[4 * i + channel] ^ flip) * key + 127) / 255);
  }
}

/// One file being read. Not movable: libjpeg points into it.
class JpegReader {
 public:
  JpegReader(FileBytes file, Damaged damaged_files) {
    decompress_.err = jpeg().std_error(&mine_.errors);
    mine_.errors.error_exit = stop_with_error;
    mine_.errors.emit_message = note_message;
    mine_.errors.output_message = print_nothing;
    mine_.keep_damaged = damaged_files == Damaged::kKeep;
    mine_.progress.progress_monitor = watch_scans;
    mine_.source.next_input_byte = file.data();
    mine_.source.bytes_in_buffer = file.size();
    mine_.source.init_source = do_nothing;
    mine_.source.fill_input_buffer = end_of_file;
    mine_.source.skip_input_data = skip_bytes;
    mine_.source.resync_to_restart = jpeg().resync_to_restart;
    mine_.source.term_source = do_nothing;
  }
  ~JpegReader() {
    if (created_) jpeg().destroy_decompress(&decompress_);
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Result<Header> header() {
    if (!attempt([&] { begin(); })) return failure();
    const int channels = decompress_.num_components;
    return Header{
        Format::kJpeg, {decompress_.image_height, decompress_.image_width}, channels, orientation_of(decompress_)};
  }

  /// After header(). Calculates the size of what comes out.
  Result<Size> start(std::uint32_t reduce_by) {
    if (decompress_.num_components == 2 || decompress_.jpeg_color_space == JCS_UNKNOWN)
      return rare_kind(Format::kJpeg, "its colours are not known");
    cmyk_ = decompress_.jpeg_color_space == JCS_CMYK || decompress_.jpeg_color_space == JCS_YCCK;
    if (!attempt([&] {
          decompress_.scale_num = 1;
          decompress_.scale_denom = reduce_by;
          decompress_.out_color_space = cmyk_ ? JCS_CMYK : JCS_RGB;
          jpeg().calc_output_dimensions(&decompress_);
        }))
      return failure();
    return Size{decompress_.output_height, decompress_.output_width};
  }

  Status read_rows(std::uint8_t* rgb) {
    std::vector<std::uint8_t> cmyk(cmyk_ ? std::size_t{4} * decompress_.output_width : 0);
    const bool ended = attempt([&] {
      jpeg().start_decompress(&decompress_);
      if (cmyk_) {
        read_cmyk(cmyk.data(), rgb);
      } else {
        read_rgb(rgb);
      }
      jpeg().finish_decompress(&decompress_);  // looks whether bytes are left that should have been pixels
    });
    return ended ? Status() : Status(failure());
  }

  /// Empty when nothing was wrong.
  std::string damage() const {
    if (mine_.ended) return truncated(Format::kJpeg).message();
    return mine_.warned ? damaged(Format::kJpeg, mine_.text).message() : std::string();
  }

 private:
  template <class Body>
  bool attempt(Body&& body) {
    return ends_by_itself(mine_.jump, body);
  }

  void begin() {
    jpeg().CreateDecompress(&decompress_, JPEG_LIB_VERSION, sizeof decompress_);
    created_ = true;
    decompress_.src = &mine_.source;
    decompress_.progress = &mine_.progress;
    jpeg().save_markers(&decompress_, JPEG_APP0 + 1, 0xFFFF);
    jpeg().read_header(&decompress_, TRUE);
  }

  void read_rgb(std::uint8_t* rgb) {
    constexpr JDIMENSION kRows = 16;
    const std::size_t row_bytes = std::size_t{3} * decompress_.output_width;
    while (decompress_.output_scanline < decompress_.output_height) {
      JSAMPROW rows[kRows];
      const JDIMENSION count = std::min(kRows, decompress_.output_height - decompress_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) rows[i] = rgb + (decompress_.output_scanline + i) * row_bytes;
      jpeg().read_scanlines(&decompress_, rows, count);
    }
  }

  void read_cmyk(std::uint8_t* row, std::uint8_t* rgb) {
    const std::size_t row_bytes = std::size_t{3} * decompress_.output_width;
    while (decompress_.output_scanline < decompress_.output_height) {
      std::uint8_t* const to = rgb + decompress_.output_scanline * row_bytes;
      jpeg().read_scanlines(&decompress_, &row, 1);
      to_rgb(row, decompress_.output_width, decompress_.saw_Adobe_marker != 0, to);
    }
  }

  Error failure() const {
    return mine_.ended && !mine_.warned ? truncated(Format::kJpeg) : damaged(Format::kJpeg, mine_.text);
  }

  Callbacks mine_ = {};
  jpeg_decompress_struct decompress_ = {};
  bool created_ = false;
  bool cmyk_ = false;
};

Result<Header> read_jpeg_header(FileBytes file) {
  PENSTOCK_TRY(load_once<look_up_jpeg>());
  return JpegReader(file, Damaged::kKeep).header();  // who decodes it looks at the warnings
}

Result<Decoded> decode_jpeg(FileBytes file, const Header& header, const DecodeOptions& options, const PixelRoom& room) {
  JpegReader reader(file, options.damaged);
  PENSTOCK_TRY(reader.header());
  const std::uint32_t reduced_by = reduction(header, options);
  PENSTOCK_ASSIGN(const Size size, reader.start(reduced_by));
  PENSTOCK_ASSIGN(std::uint8_t* const pixels, room(size));
  PENSTOCK_TRY(reader.read_rows(pixels));
  const Cover cover = {{0, static_cast<double>(header.stored.height) / reduced_by},
                       {0, static_cast<double>(header.stored.width) / reduced_by},
                       reduced_by};
  return Decoded{size, cover, reader.damage()};
}

}  // namespace

Decoder jpeg_decoder() { return {Format::kJpeg, nullptr, read_jpeg_header, decode_jpeg}; }

}  // namespace penstock::image
#else
namespace penstock::image {
Decoder jpeg_decoder() { return missing_decoder(Format::kJpeg, "libjpeg62-turbo-dev"); }
}  // namespace penstock::image
#endif
