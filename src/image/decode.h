// SPDX-License-Identifier: MIT
// Image files in memory become pixels: u8 RGB [H, W, 3], the right way up. What the header says is checked against
// limits before anything of the size of the picture is allocated.
//
// Every format gives RGB: grey becomes three equal values; CMYK and YCCK (Adobe's are inverted) become RGB by the
// formula without profiles; 16 bits are rounded to 8; alpha is laid over a stated colour; of an animation the first
// frame counts. ICC profiles and gamma are ignored: numbers are taken as they are, as the usual training pipelines take
// them.
#pragma once

#include <penstock/result.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "image/format.h"
#include "image/orientation.h"

namespace penstock::image {

/// What stands at the beginning of a file.
struct Header {
  Format format = Format::kJpeg;
  Size stored;                  ///< As stored in the file: before turning, before reducing. Both at least 1.
  int channels = 3;             ///< As stored: 1 grey, 2 grey with alpha, 3 colour or palette, 4 with alpha or CMYK.
  Orientation orientation = 1;  ///< 1 where nothing valid is said.
};

/// How far a JPEG may be reduced while it is decoded, by 1/2, 1/4 or 1/8, which saves most of the time.
enum class Quality : std::uint8_t {
  kExact,  ///< Not at all.
  kHigh,   ///< Both sides stay at least twice what they will be resized to; 54 dB and more to kExact after resizing,
           ///< 57 for large photographs.
  kFast,   ///< At least as large; 44 dB and more.
};

/// What to do with a file that is damaged or that ends too soon, but gives some pixels.
enum class Damaged : std::uint8_t {
  kReject,
  kKeep,  ///< JPEG and PNG only: take what there is; the rest is grey or the background. Others are rejected all the
          ///< same.
};

struct DecodeOptions {
  std::uint64_t max_pixels = 100'000'000;  ///< Of the stored picture: three bytes each are allocated.
  std::uint64_t max_bytes = 256ULL << 20;  ///< Of the file.
  Quality quality = Quality::kHigh;        ///< Counts when `reduce_to` is given.
  Size reduce_to = {};                     ///< The size that it will be resized to, the right way up; 0 × 0: not known.
  bool whole_pixels = false;               ///< Reduces only by what divides both sides: Decoded::cover is all.
  bool apply_orientation = true;           ///< Turns and mirrors as EXIF and TIFF say.
  std::array<std::uint8_t, 3> background = {255, 255, 255};  ///< RGB below what is transparent.
  Damaged damaged = Damaged::kReject;
};

/// Returns room for height · width · 3 bytes, or why there is none. It is called once per image, after the limits were
/// checked and before any pixel is made; after an error of `decode` what stands in it means nothing.
using PixelRoom = std::function<Result<std::uint8_t*>(Size)>;

/// What was decoded.
struct Decoded {
  Size size;           ///< What was asked of the room.
  Cover cover;         ///< All of it, but for pictures that were reduced by what does not divide their sides.
  std::string damage;  ///< Empty, or what is wrong with the file; only with Damaged::kKeep.
};

/// Reads the header, without any pixels. Errors: kInvalidArgument when the bytes are none of the known formats,
/// kDataLoss when the header is damaged, kUnsupported when this machine lacks the library. Thread-safe. Cost: a few
/// microseconds.
Result<Header> read_header(FileBytes file);

/// Decodes into the room. Errors: those of read_header; kResourceExhausted above a limit, kDataLoss for what is damaged
/// or truncated, kUnsupported for rare kinds, the room's own. Thread-safe.
Result<Decoded> decode(FileBytes file, const DecodeOptions& options, const PixelRoom& room);

/// By how much (1, 2, 4 or 8) a picture of this stored size may be reduced.
std::uint32_t reduction(const Header& header, const DecodeOptions& options);

/// Says which formats this build reads and what it lacks: "JPEG, PNG, GIF, BMP (no: WebP, install libwebp-dev)".
std::string formats_text();

}  // namespace penstock::image
