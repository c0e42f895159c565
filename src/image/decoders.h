// SPDX-License-Identifier: MIT
// What each format offers to decode.cc, and what they share.
#pragma once

#include <penstock/result.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "image/decode.h"

namespace penstock::image {

/// One format. `decode` gives stored pixels, not turned; its `room` wants the size that the decoder chose.
struct Decoder {
  Format format;
  const char* package;  ///< What to install to build with it; nullptr when this build has it.
  Result<Header> (*read_header)(FileBytes file);
  Result<Decoded> (*decode)(FileBytes file, const Header& header, const DecodeOptions& options, const PixelRoom& room);
};

Decoder jpeg_decoder();
Decoder png_decoder();
Decoder webp_decoder();
Decoder tiff_decoder();
Decoder gif_decoder();
Decoder bmp_decoder();

/// A decoder for a format that this build lacks.
Decoder missing_decoder(Format format, const char* package);

/// kDataLoss: "damaged JPEG: WHAT".
Error damaged(Format format, std::string_view what);
/// kDataLoss: "truncated JPEG: the file ends before the picture does".
Error truncated(Format format);
/// kUnsupported: "JPEG of a kind that is not read: WHAT".
Error rare_kind(Format format, std::string_view what);

/// kResourceExhausted above the limit of pixels, kDataLoss when a side is 0. For decoders that learn sizes late.
Status check_size(Format format, Size size, std::uint64_t max_pixels);

inline std::size_t bytes_of(Size size) { return std::size_t{3} * size.height * size.width; }

/// `colour` with `alpha` over `below`, rounded.
inline std::uint8_t laid_over(std::uint32_t colour, std::uint32_t alpha, std::uint32_t below) {
  return static_cast<std::uint8_t>((colour * alpha + below * (255 - alpha) + 127) / 255);
}

/// u8 RGBA to RGB over a background.
void lay_over(const std::uint8_t* rgba, std::size_t pixels, const std::array<std::uint8_t, 3>& background,
              std::uint8_t* rgb);

/// Calls `body`, which ends early when a C library's error function jumps to `jump`; returns whether it ended by
/// itself. Nothing that has a destructor may live in `body` or below it. Not inlined, so that the caller's variables
/// are memory and not registers that the jump would restore.
template <class Body>
[[gnu::noinline]] bool ends_by_itself(std::jmp_buf& jump, Body&& body) {
  if (setjmp(jump) != 0) return false;
  body();
  return true;
}

}  // namespace penstock::image
