// SPDX-License-Identifier: MIT
// WebP by libwebp. The container (RIFF) is read here: libwebp's part for it is a library of its own, and all that is
// wanted of it is the orientation and an animation's first frame.
#include "image/decoders.h"

#ifdef PENSTOCK_WEBP
#include <webp/decode.h>

#include <algorithm>
#include <optional>

#include "image/byte_reader.h"
#include "platform/shared_library.h"

namespace penstock::image {
namespace {

struct Webp {
  decltype(&::WebPGetFeaturesInternal) get_features = nullptr;
  decltype(&::WebPInitDecoderConfigInternal) init_config = nullptr;
  decltype(&::WebPDecode) decode = nullptr;
};

Result<Webp> look_up_webp() {
  PENSTOCK_ASSIGN(const SharedLibrary library, SharedLibrary::load("libwebp", {"libwebp.so.7"}, "libwebp7"));
  Webp found;
  if (!library.find("WebPGetFeaturesInternal", found.get_features) ||
      !library.find("WebPInitDecoderConfigInternal", found.init_config) || !library.find("WebPDecode", found.decode))
    return not_the_library("libwebp", "libwebp7");
  return found;
}

const Webp& webp() { return *looked_up_once<look_up_webp>(); }

constexpr std::uint32_t kChunkHead = 8;  // a chunk's name and size
constexpr std::uint32_t name_of_chunk(const char (&name)[5]) {
  return static_cast<std::uint32_t>(name[0]) | static_cast<std::uint32_t>(name[1]) << 8 |
         static_cast<std::uint32_t>(name[2]) << 16 | static_cast<std::uint32_t>(name[3]) << 24;
}

/// The first chunk of that name in a WebP file; nothing where there is none. It may be cut short by the file's end.
std::optional<FileBytes> find_chunk(FileBytes file, std::uint32_t name) {
  const ByteReader riff(file, ByteOrder::kLittle);
  std::size_t at = 12;
  while (at + kChunkHead <= file.size()) {
    const std::size_t size = riff.u32(at + 4).value_or(0);
    if (riff.u32(at) == name) return riff.bytes(at + kChunkHead, size);
    at += kChunkHead + size + size % 2;
  }
  return std::nullopt;
}

/// Where the first frame lies on the canvas, and its own bytes.
struct Frame {
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  Size size;
  FileBytes bytes;
};

std::optional<Frame> first_frame(FileBytes file) {
  constexpr std::size_t kFrameHeader = 16;
  const std::optional<FileBytes> chunk = find_chunk(file, name_of_chunk("ANMF"));
  if (!chunk || chunk->size() <= kFrameHeader) return std::nullopt;
  const ByteReader frame(*chunk, ByteOrder::kLittle);
  return Frame{
      2 * *frame.u24(0), 2 * *frame.u24(3), {*frame.u24(9) + 1, *frame.u24(6) + 1}, chunk->subspan(kFrameHeader)};
}

Error webp_error(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return truncated(Format::kWebp);
    case VP8_STATUS_OUT_OF_MEMORY: return Error(ErrorCode::kResourceExhausted, "no memory for a WebP picture");
    case VP8_STATUS_UNSUPPORTED_FEATURE: return rare_kind(Format::kWebp, "libwebp does not know it");
    default: return damaged(Format::kWebp, "its bits are none that an encoder writes");
  }
}

Result<WebPBitstreamFeatures> features_of(FileBytes file) {
  WebPBitstreamFeatures features = {};
  const VP8StatusCode status = webp().get_features(file.data(), file.size(), &features, WEBP_DECODER_ABI_VERSION);
  if (status != VP8_STATUS_OK) return webp_error(status);
  return features;
}

Result<Header> read_webp_header(FileBytes file) {
  PENSTOCK_TRY(load_once<look_up_webp>());
  PENSTOCK_ASSIGN(const WebPBitstreamFeatures features, features_of(file));
  const std::optional<FileBytes> exif = find_chunk(file, name_of_chunk("EXIF"));
  return Header{Format::kWebp,
                {static_cast<std::uint32_t>(features.height), static_cast<std::uint32_t>(features.width)},
                features.has_alpha != 0 ? 4 : 3,
                exif ? exif_orientation(*exif) : Orientation{1}};
}

// One picture's bits, without a container or with it, into `to`.
Status decode_bits(FileBytes bits, Size size, bool alpha, std::uint8_t* to) {
  WebPDecoderConfig config;
  if (webp().init_config(&config, WEBP_DECODER_ABI_VERSION) == 0)
    return Error(ErrorCode::kUnsupported, "the libwebp that was found is of another version").hint("install libwebp7");
  const std::size_t channels = alpha ? 4 : 3;
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = to;
  config.output.u.RGBA.stride = static_cast<int>(channels * size.width);
  config.output.u.RGBA.size = channels * size.width * size.height;
  const VP8StatusCode status = webp().decode(bits.data(), bits.size(), &config);
  return status == VP8_STATUS_OK ? Status() : Status(webp_error(status));
}

// The part of a frame that lies on the canvas, over the background.
void place(const Frame& frame, const std::uint8_t* rgba, Size canvas, const DecodeOptions& options, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < bytes_of(canvas); ++i) rgb[i] = options.background[i % 3];
  if (frame.left >= canvas.width || frame.top >= canvas.height) return;
  const std::uint32_t width = std::min(frame.size.width, canvas.width - frame.left);
  const std::uint32_t height = std::min(frame.size.height, canvas.height - frame.top);
  for (std::uint32_t row = 0; row < height; ++row) {
    lay_over(rgba + std::size_t{4} * row * frame.size.width, width, options.background,
             rgb + std::size_t{3} * (std::size_t{frame.top + row} * canvas.width + frame.left));
  }
}

Status decode_first_frame(FileBytes file, Size canvas, const DecodeOptions& options, std::uint8_t* rgb) {
  const std::optional<Frame> frame = first_frame(file);
  if (!frame) return truncated(Format::kWebp);
  PENSTOCK_TRY(check_size(Format::kWebp, frame->size, options.max_pixels));
  PENSTOCK_ASSIGN(const WebPBitstreamFeatures inside, features_of(frame->bytes));
  if (static_cast<std::uint32_t>(inside.width) != frame->size.width ||
      static_cast<std::uint32_t>(inside.height) != frame->size.height)
    return damaged(Format::kWebp, "a frame has another size than it says");
  std::vector<std::uint8_t> rgba(std::size_t{4} * frame->size.height * frame->size.width);
  PENSTOCK_TRY(decode_bits(frame->bytes, frame->size, true, rgba.data()));
  place(*frame, rgba.data(), canvas, options, rgb);
  return {};
}

Result<Decoded> decode_webp(FileBytes file, const Header& header, const DecodeOptions& options, const PixelRoom& room) {
  PENSTOCK_ASSIGN(const WebPBitstreamFeatures features, features_of(file));
  PENSTOCK_ASSIGN(std::uint8_t* const rgb, room(header.stored));
  if (features.has_animation != 0) {
    PENSTOCK_TRY(decode_first_frame(file, header.stored, options, rgb));
  } else if (features.has_alpha != 0) {
    const std::size_t pixels = std::size_t{header.stored.height} * header.stored.width;
    std::vector<std::uint8_t> rgba(4 * pixels);
    PENSTOCK_TRY(decode_bits(file, header.stored, true, rgba.data()));
    lay_over(rgba.data(), pixels, options.background, rgb);
  } else {
    PENSTOCK_TRY(decode_bits(file, header.stored, false, rgb));
  }
  return Decoded{header.stored, whole(header.stored), {}};
}

}  // namespace

Decoder webp_decoder() { return {Format::kWebp, nullptr, read_webp_header, decode_webp}; }

}  // namespace penstock::image
#else
namespace penstock::image {
Decoder webp_decoder() { return missing_decoder(Format::kWebp, "libwebp-dev"); }
}  // namespace penstock::image
#endif
