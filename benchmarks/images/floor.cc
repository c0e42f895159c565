// SPDX-License-Identifier: MIT
// libjpeg-turbo alone, as small as a program can be: the least time that there is.
// clang-format off: each needs the one before
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <vector>

#include "workload.h"

namespace penstock::benchmark {
namespace {

// Decodes at the best power of two that keeps both sides at `spare` times the target.
template <unsigned kSpare>
void decode_scaled(std::span<const std::uint8_t> file, float*) {
  static thread_local std::vector<std::uint8_t> rows;
  jpeg_decompress_struct decompress = {};
  jpeg_error_mgr errors = {};
  decompress.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&decompress);
  jpeg_mem_src(&decompress, file.data(), file.size());
  jpeg_read_header(&decompress, TRUE);
  unsigned by = 8;
  while (by > 1 && (decompress.image_height < by * kSpare * kSide || decompress.image_width < by * kSpare * kSide))
    by /= 2;
  decompress.scale_num = 1;
  decompress.scale_denom = by;
  jpeg_start_decompress(&decompress);
  const std::size_t row_bytes = std::size_t{3} * decompress.output_width;
  rows.resize(16 * row_bytes);
  JSAMPROW pointers[16];
  for (std::size_t i = 0; i < 16; ++i) pointers[i] = rows.data() + i * row_bytes;
  while (decompress.output_scanline < decompress.output_height) jpeg_read_scanlines(&decompress, pointers, 16);
  jpeg_finish_decompress(&decompress);
  jpeg_destroy_decompress(&decompress);
}

const RegisterImages kRegister({
    {"floor: libjpeg at 2x and more", decode_scaled<2>, true},
    {"floor: libjpeg at 1x and more", decode_scaled<1>, true},
});

}  // namespace
}  // namespace penstock::benchmark
