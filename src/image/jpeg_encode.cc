// SPDX-License-Identifier: MIT
#include "image/encode.h"

#ifdef PENSTOCK_JPEG
// clang-format off: each needs the one before
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>
#include <cstdlib>

#include "platform/shared_library.h"
#endif

#include "base/check.h"

namespace penstock::image {

#ifdef PENSTOCK_JPEG
namespace {

struct JpegWriter {
  decltype(&::jpeg_std_error) std_error = nullptr;
  decltype(&::jpeg_CreateCompress) create = nullptr;
  decltype(&::jpeg_mem_dest) to_memory = nullptr;
  decltype(&::jpeg_set_defaults) set_defaults = nullptr;
  decltype(&::jpeg_set_quality) set_quality = nullptr;
  decltype(&::jpeg_start_compress) start = nullptr;
  decltype(&::jpeg_write_scanlines) write_rows = nullptr;
  decltype(&::jpeg_finish_compress) finish = nullptr;
  decltype(&::jpeg_destroy_compress) destroy = nullptr;
};

constexpr const char* kWriterLibrary = JPEG_LIB_VERSION >= 80 ? "libjpeg.so.8" : "libjpeg.so.62";

Result<JpegWriter> look_up_jpeg_writer() {
  PENSTOCK_ASSIGN(const SharedLibrary library,
                  SharedLibrary::load("libjpeg-turbo", {kWriterLibrary}, "libjpeg62-turbo"));
  JpegWriter found;
  const bool all =
      library.find("jpeg_std_error", found.std_error) && library.find("jpeg_CreateCompress", found.create) &&
      library.find("jpeg_mem_dest", found.to_memory) && library.find("jpeg_set_defaults", found.set_defaults) &&
      library.find("jpeg_set_quality", found.set_quality) && library.find("jpeg_start_compress", found.start) &&
      library.find("jpeg_write_scanlines", found.write_rows) && library.find("jpeg_finish_compress", found.finish) &&
      library.find("jpeg_destroy_compress", found.destroy);
  if (!all) return not_the_library("libjpeg-turbo", "libjpeg62-turbo");
  return found;
}

// Everything that libjpeg's callbacks reach from its structure, and what an error must free.
struct Writing {
  jpeg_error_mgr errors;  // first: libjpeg's pointer to it is a pointer to this
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX];
  jpeg_compress_struct compress;
  unsigned char* bytes;
  unsigned long size;
};

[[noreturn]] void stop_writing(j_common_ptr common) {
  auto& writing = *reinterpret_cast<Writing*>(common->err);
  writing.errors.format_message(common, writing.text);
  std::longjmp(writing.jump, 1);
}

// No object with a destructor may live here: an error jumps out.
bool write_jpeg(const JpegWriter& jpeg, Writing& writing, const Pixels& pixels, int quality) {
  if (setjmp(writing.jump) != 0) return false;  // NOLINT: libjpeg knows no other way
  jpeg_compress_struct& compress = writing.compress;
  jpeg.create(&compress, JPEG_LIB_VERSION, sizeof compress);
  jpeg.to_memory(&compress, &writing.bytes, &writing.size);
  compress.image_width = pixels.size.width;
  compress.image_height = pixels.size.height;
  compress.input_components = 3;
  compress.in_color_space = JCS_RGB;
  jpeg.set_defaults(&compress);
  jpeg.set_quality(&compress, quality, TRUE);
  jpeg.start(&compress, TRUE);
  while (compress.next_scanline < compress.image_height) {
    auto* row = const_cast<JSAMPROW>(pixels.data + std::size_t{3} * pixels.size.width * compress.next_scanline);
    jpeg.write_rows(&compress, &row, 1);
  }
  jpeg.finish(&compress);
  return true;
}

}  // namespace

Result<std::string> encode_jpeg(const Pixels& pixels, int quality) {
  PENSTOCK_CHECK(pixels.channels == 3, "only RGB is written");
  PENSTOCK_TRY(load_once<look_up_jpeg_writer>());
  const JpegWriter& jpeg = *looked_up_once<look_up_jpeg_writer>();
  Writing writing = {};
  writing.compress.err = jpeg.std_error(&writing.errors);
  writing.errors.error_exit = stop_writing;
  const bool written = write_jpeg(jpeg, writing, pixels, quality);
  std::string bytes;
  if (written) bytes.assign(reinterpret_cast<const char*>(writing.bytes), writing.size);
  jpeg.destroy(&writing.compress);
  std::free(writing.bytes);  // NOLINT: from libjpeg's malloc
  if (written) return bytes;
  return Error(ErrorCode::kInvalidArgument, std::string("cannot write a JPEG: ") + writing.text);
}

#else

Result<std::string> encode_jpeg(const Pixels&, int) {
  return Error(ErrorCode::kUnsupported, "this build writes no JPEG")
      .hint("install libjpeg62-turbo-dev and build again");
}

#endif

}  // namespace penstock::image
