// SPDX-License-Identifier: MIT
// Image files for tests, made with the real libraries, the rare kinds among them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

// clang-format off: each needs the one before
#ifdef PENSTOCK_JPEG
#include <cstdio>
#include <jpeglib.h>
#endif
// clang-format on
#ifdef PENSTOCK_PNG
#include <png.h>
#endif
#ifdef PENSTOCK_WEBP
#include <webp/encode.h>
#endif
#ifdef PENSTOCK_TIFF
#include <tiffio.h>
#endif
#ifdef PENSTOCK_GIF
#include <gif_lib.h>
#endif

#include "image/orientation.h"

namespace penstock::image::fixture {

using File = std::vector<std::uint8_t>;

inline void append(File& file, std::string_view text) { file.insert(file.end(), text.begin(), text.end()); }
inline void append_number(File& file, std::uint64_t value, int bytes, bool big = false) {
  for (int i = 0; i < bytes; ++i) file.push_back(static_cast<std::uint8_t>(value >> 8 * (big ? bytes - 1 - i : i)));
}

/// EXIF data that says one thing.
inline File exif(std::uint32_t orientation, bool big = false) {
  File data;
  append(data, std::string_view("Exif\0\0", 6));
  append(data, big ? "MM" : "II");
  append_number(data, 42, 2, big);
  append_number(data, 8, 4, big);
  append_number(data, 1, 2, big);
  append_number(data, 0x0112, 2, big);
  append_number(data, 3, 2, big);
  append_number(data, 1, 4, big);
  append_number(data, orientation, 2, big);
  append_number(data, 0, 2, big);
  append_number(data, 0, 4, big);
  return data;
}

#ifdef PENSTOCK_JPEG
struct JpegKind {
  int quality = 90;
  J_COLOR_SPACE in = JCS_RGB;  // of the pixels: RGB, greyscale or CMYK
  J_COLOR_SPACE stored = JCS_YCbCr;
  bool progressive = false;
  bool arithmetic = false;
  bool adobe = true;  // the marker, for CMYK and YCCK
  File exif = {};
};

inline File jpeg(const std::vector<std::uint8_t>& pixels, Size size, const JpegKind& kind = {}) {
  jpeg_compress_struct compress = {};
  jpeg_error_mgr errors = {};
  compress.err = jpeg_std_error(&errors);
  jpeg_create_compress(&compress);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  jpeg_mem_dest(&compress, &bytes, &count);
  compress.image_height = size.height;
  compress.image_width = size.width;
  compress.input_components = kind.in == JCS_GRAYSCALE ? 1 : kind.in == JCS_CMYK ? 4 : 3;
  compress.in_color_space = kind.in;
  jpeg_set_defaults(&compress);
  jpeg_set_colorspace(&compress, kind.in == JCS_GRAYSCALE ? JCS_GRAYSCALE : kind.stored);
  if (!kind.adobe) compress.write_Adobe_marker = FALSE;
  jpeg_set_quality(&compress, kind.quality, TRUE);
  if (kind.progressive) jpeg_simple_progression(&compress);
  compress.arith_code = kind.arithmetic ? TRUE : FALSE;
  jpeg_start_compress(&compress, TRUE);
  if (!kind.exif.empty())
    jpeg_write_marker(&compress, JPEG_APP0 + 1, kind.exif.data(), static_cast<unsigned>(kind.exif.size()));
  while (compress.next_scanline < size.height) {
    auto* row = const_cast<std::uint8_t*>(pixels.data()) +
                std::size_t{compress.next_scanline} * size.width * static_cast<std::size_t>(compress.input_components);
    jpeg_write_scanlines(&compress, &row, 1);
  }
  jpeg_finish_compress(&compress);
  jpeg_destroy_compress(&compress);
  File file(bytes, bytes + count);
  std::free(bytes);
  return file;
}
#endif

#ifdef PENSTOCK_PNG
struct PngKind {
  int colour_type = PNG_COLOR_TYPE_RGB;
  int bit_depth = 8;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  std::vector<png_byte> palette_alpha = {};
  File exif = {};  // without "Exif\0\0"
};

/// `rows` as the kind stores them, big end first.
inline File png(const std::vector<std::uint8_t>& rows, Size size, const PngKind& kind = {}) {
  File file;
  png_structp writer = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(writer);
  png_set_write_fn(
      writer, &file,
      [](png_structp to, png_bytep data, std::size_t count) {
        File& all = *static_cast<File*>(png_get_io_ptr(to));
        all.insert(all.end(), data, data + count);
      },
      nullptr);
  png_set_IHDR(writer, info, size.width, size.height, kind.bit_depth, kind.colour_type,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!kind.palette.empty()) png_set_PLTE(writer, info, kind.palette.data(), static_cast<int>(kind.palette.size()));
  if (!kind.palette_alpha.empty())
    png_set_tRNS(writer, info, kind.palette_alpha.data(), static_cast<int>(kind.palette_alpha.size()), nullptr);
  if (!kind.exif.empty())
    png_set_eXIf_1(writer, info, static_cast<png_uint_32>(kind.exif.size()), const_cast<png_bytep>(kind.exif.data()));
  png_write_info(writer, info);
  const std::size_t stride = png_get_rowbytes(writer, info);
  std::vector<png_bytep> pointers;
  for (std::size_t y = 0; y < size.height; ++y) pointers.push_back(const_cast<png_bytep>(rows.data()) + y * stride);
  png_write_image(writer, pointers.data());
  png_write_end(writer, info);
  png_destroy_write_struct(&writer, &info);
  return file;
}
#endif

#ifdef PENSTOCK_WEBP
inline File webp(const std::vector<std::uint8_t>& pixels, Size size, bool alpha, bool lossless) {
  const int width = static_cast<int>(size.width);
  const int height = static_cast<int>(size.height);
  std::uint8_t* bytes = nullptr;
  std::size_t count = 0;
  if (alpha) {
    count = lossless ? WebPEncodeLosslessRGBA(pixels.data(), width, height, 4 * width, &bytes)
                     : WebPEncodeRGBA(pixels.data(), width, height, 4 * width, 90, &bytes);
  } else {
    count = lossless ? WebPEncodeLosslessRGB(pixels.data(), width, height, 3 * width, &bytes)
                     : WebPEncodeRGB(pixels.data(), width, height, 3 * width, 90, &bytes);
  }
  File file(bytes, bytes + count);
  WebPFree(bytes);
  return file;
}

inline File riff(const File& chunks) {
  File file;
  append(file, "RIFF");
  append_number(file, static_cast<std::uint32_t>(chunks.size() + 4), 4);
  append(file, "WEBP");
  file.insert(file.end(), chunks.begin(), chunks.end());
  return file;
}

inline void append_chunk(File& file, std::string_view name, const File& data) {
  append(file, name);
  append_number(file, static_cast<std::uint32_t>(data.size()), 4);
  file.insert(file.end(), data.begin(), data.end());
  if (data.size() % 2 != 0) file.push_back(0);
}

/// VP8X, which says what other chunks there are.
inline File extended_header(Size canvas, std::uint32_t flags) {
  File data;
  append_number(data, flags, 4);
  append_number(data, canvas.width - 1, 3);
  append_number(data, canvas.height - 1, 3);
  return data;
}

/// An animation with one picture, a simple WebP file, at (2 · left, 2 · top) of the canvas.
inline File animated_webp(const File& picture, Size size, Size canvas, std::uint32_t left, std::uint32_t top) {
  File frame;
  append_number(frame, left, 3);
  append_number(frame, top, 3);
  append_number(frame, size.width - 1, 3);
  append_number(frame, size.height - 1, 3);
  append_number(frame, 100, 3);
  append_number(frame, 0, 1);
  frame.insert(frame.end(), picture.begin() + 12, picture.end());
  File chunks;
  append_chunk(chunks, "VP8X", extended_header(canvas, 0x02));
  append_chunk(chunks, "ANIM", {255, 255, 255, 255, 0, 0});
  append_chunk(chunks, "ANMF", frame);
  append_chunk(chunks, "ANMF", frame);
  return riff(chunks);
}

inline File webp_with_exif(const File& picture, Size size, const File& exif_data) {
  File chunks;
  append_chunk(chunks, "VP8X", extended_header(size, 0x08));
  chunks.insert(chunks.end(), picture.begin() + 12, picture.end());
  append_chunk(chunks, "EXIF", exif_data);
  return riff(chunks);
}
#endif

#ifdef PENSTOCK_TIFF
struct TiffKind {
  std::uint16_t samples = 3;
  std::uint16_t bits = 8;
  std::uint16_t photometric = PHOTOMETRIC_RGB;
  std::uint16_t compression = COMPRESSION_LZW;
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  bool big = false;
};

namespace tiff_memory {
struct Memory {
  File bytes;
  std::uint64_t place = 0;
};
inline tmsize_t read(thandle_t, void*, tmsize_t) { return 0; }
inline tmsize_t write(thandle_t handle, void* from, tmsize_t count) {
  Memory& memory = *static_cast<Memory*>(handle);
  const auto size = static_cast<std::size_t>(count);
  if (memory.bytes.size() < memory.place + size) memory.bytes.resize(memory.place + size);
  std::memcpy(memory.bytes.data() + memory.place, from, size);
  memory.place += size;
  return count;
}
inline toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Memory& memory = *static_cast<Memory*>(handle);
  const std::uint64_t base = whence == SEEK_CUR ? memory.place : whence == SEEK_END ? memory.bytes.size() : 0;
  return memory.place = base + offset;
}
inline int close(thandle_t) { return 0; }
inline toff_t size(thandle_t handle) { return static_cast<Memory*>(handle)->bytes.size(); }
}  // namespace tiff_memory

/// `rows` as the kind stores them, in the processor's order of bytes.
inline File tiff(const std::vector<std::uint8_t>& rows, Size size, const TiffKind& kind = {}) {
  tiff_memory::Memory memory;
  TIFF* const writer = TIFFClientOpen("test", kind.big ? "w8" : "w", &memory, tiff_memory::read, tiff_memory::write,
                                      tiff_memory::seek, tiff_memory::close, tiff_memory::size, nullptr, nullptr);
  TIFFSetField(writer, TIFFTAG_IMAGEWIDTH, size.width);
  TIFFSetField(writer, TIFFTAG_IMAGELENGTH, size.height);
  TIFFSetField(writer, TIFFTAG_SAMPLESPERPIXEL, kind.samples);
  TIFFSetField(writer, TIFFTAG_BITSPERSAMPLE, kind.bits);
  TIFFSetField(writer, TIFFTAG_PHOTOMETRIC, kind.photometric);
  TIFFSetField(writer, TIFFTAG_COMPRESSION, kind.compression);
  TIFFSetField(writer, TIFFTAG_ORIENTATION, kind.orientation);
  TIFFSetField(writer, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(writer, TIFFTAG_ROWSPERSTRIP, 16);
  if (kind.photometric == PHOTOMETRIC_RGB && kind.samples == 4) {
    std::uint16_t unassociated = EXTRASAMPLE_UNASSALPHA;
    TIFFSetField(writer, TIFFTAG_EXTRASAMPLES, 1, &unassociated);
  }
  const std::size_t stride = std::size_t{size.width} * kind.samples * kind.bits / 8;
  for (std::uint32_t y = 0; y < size.height; ++y)
    TIFFWriteScanline(writer, const_cast<std::uint8_t*>(rows.data()) + y * stride, y, 0);
  TIFFClose(writer);
  return memory.bytes;
}
#endif

#ifdef PENSTOCK_GIF
/// Two frames of `size` on a canvas, the second with the first's numbers turned round. The colour of number i is
/// (10 i, 255 - 10 i, 3 i); `transparent` is a number or -1.
inline File gif(const std::vector<std::uint8_t>& indices, Size size, Size canvas, int left, int top, bool interlaced,
                int transparent) {
  File file;
  int error = 0;
  GifFileType* const writer = EGifOpen(
      &file,
      [](GifFileType* to, const GifByteType* data, int count) {
        File& all = *static_cast<File*>(to->UserData);
        all.insert(all.end(), data, data + count);
        return count;
      },
      &error);
  ColorMapObject* const colours = GifMakeMapObject(16, nullptr);
  for (int i = 0; i < 16; ++i)
    colours->Colors[i] = {static_cast<GifByteType>(10 * i), static_cast<GifByteType>(255 - 10 * i),
                          static_cast<GifByteType>(3 * i)};
  EGifSetGifVersion(writer, true);
  EGifPutScreenDesc(writer, static_cast<int>(canvas.width), static_cast<int>(canvas.height), 4, 0, colours);
  for (int frame = 0; frame < 2; ++frame) {
    const GifByteType control[4] = {static_cast<GifByteType>(transparent >= 0 ? 1 : 0), 10, 0,
                                    static_cast<GifByteType>(transparent >= 0 ? transparent : 0)};
    EGifPutExtension(writer, GRAPHICS_EXT_FUNC_CODE, 4, control);
    EGifPutImageDesc(writer, left, top, static_cast<int>(size.width), static_cast<int>(size.height), interlaced,
                     nullptr);
    const std::vector<std::uint8_t> numbers =
        frame == 0 ? indices : std::vector<std::uint8_t>(indices.rbegin(), indices.rend());
    const auto put_row = [&](std::uint32_t y) {
      EGifPutLine(writer, const_cast<GifPixelType*>(numbers.data()) + std::size_t{y} * size.width,
                  static_cast<int>(size.width));
    };
    if (interlaced) {
      for (std::uint32_t y = 0; y < size.height; y += 8) put_row(y);
      for (std::uint32_t y = 4; y < size.height; y += 8) put_row(y);
      for (std::uint32_t y = 2; y < size.height; y += 4) put_row(y);
      for (std::uint32_t y = 1; y < size.height; y += 2) put_row(y);
    } else {
      for (std::uint32_t y = 0; y < size.height; ++y) put_row(y);
    }
  }
  GifFreeMapObject(colours);
  EGifCloseFile(writer, &error);
  return file;
}
#endif

/// A BMP with a Windows header; `rows` from the bottom up, padded to four bytes each.
inline File bmp(const File& rows, Size size, std::uint32_t bits, const File& palette = {},
                std::uint32_t compression = 0, bool from_the_top = false) {
  File file;
  append(file, "BM");
  append_number(file, 0, 8);
  append_number(file, static_cast<std::uint32_t>(54 + palette.size()), 4);
  append_number(file, 40, 4);
  append_number(file, size.width, 4);
  append_number(file, from_the_top ? 0U - size.height : size.height, 4);
  append_number(file, 1, 2);
  append_number(file, bits, 2);
  append_number(file, compression, 4);
  append_number(file, 0, 4);
  append_number(file, 2835, 4);
  append_number(file, 2835, 4);
  append_number(file, 0, 4);
  append_number(file, 0, 4);
  file.insert(file.end(), palette.begin(), palette.end());
  file.insert(file.end(), rows.begin(), rows.end());
  return file;
}

}  // namespace penstock::image::fixture
