// SPDX-License-Identifier: MIT
#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "image/decoders.h"

namespace penstock::image {
namespace {

const std::array<Decoder, 6>& decoders() {
  static const std::array<Decoder, 6> kAll = {jpeg_decoder(), png_decoder(), webp_decoder(),
                                              tiff_decoder(), gif_decoder(), bmp_decoder()};
  return kAll;
}

const Decoder& decoder_of(Format format) {
  return *std::find_if(decoders().begin(), decoders().end(), [&](const Decoder& d) { return d.format == format; });
}

Result<Format> format_of(FileBytes file) {
  if (file.empty()) return Error(ErrorCode::kInvalidArgument, "the file is empty");
  if (const std::optional<Format> format = sniff(file)) return *format;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("no image of a known format: it begins with {:02X}",
                           fmt::join(file.first(std::min<std::size_t>(file.size(), 8)), " ")))
      .hint("JPEG, PNG, WebP, TIFF, GIF and BMP are read");
}

// Decodes beside the room and turns into it.
Result<Decoded> decode_turned(const Decoder& decoder, FileBytes file, const Header& header,
                              const DecodeOptions& options, const PixelRoom& room) {
  std::unique_ptr<std::uint8_t[]> stored;
  std::uint8_t* upright = nullptr;
  const PixelRoom beside = [&](Size size) -> Result<std::uint8_t*> {
    PENSTOCK_ASSIGN(upright, room(upright_size(size, header.orientation)));
    stored = std::make_unique_for_overwrite<std::uint8_t[]>(bytes_of(size));
    return stored.get();
  };
  PENSTOCK_ASSIGN(Decoded decoded, decoder.decode(file, header, options, beside));
  set_upright(stored.get(), decoded.size, header.orientation, upright);
  decoded.cover = upright_cover(decoded.cover, decoded.size, header.orientation);
  decoded.size = upright_size(decoded.size, header.orientation);
  return decoded;
}

Result<Header> missing_header(Format format, const char* package) {
  return Error(ErrorCode::kUnsupported, fmt::format("this build does not read {}", name_of(format)))
      .hint(fmt::format("install {} and build again", package));
}

}  // namespace

Result<Header> read_header(FileBytes file) {
  PENSTOCK_ASSIGN(const Format format, format_of(file));
  const Decoder& decoder = decoder_of(format);
  if (decoder.package != nullptr) return missing_header(format, decoder.package);
  return decoder.read_header(file);
}

std::uint32_t reduction(const Header& header, const DecodeOptions& options) {
  if (header.format != Format::kJpeg || options.quality == Quality::kExact) return 1;
  if (options.reduce_to.height == 0 || options.reduce_to.width == 0) return 1;
  const bool turned = options.apply_orientation && turns_a_quarter(header.orientation);
  const Size target = turned ? Size{options.reduce_to.width, options.reduce_to.height} : options.reduce_to;
  const std::uint64_t spare = options.quality == Quality::kHigh ? 2 : 1;
  for (const std::uint32_t by : {8U, 4U, 2U}) {
    const std::uint64_t height = (std::uint64_t{header.stored.height} + by - 1) / by;
    const std::uint64_t width = (std::uint64_t{header.stored.width} + by - 1) / by;
    const bool divides = header.stored.height % by == 0 && header.stored.width % by == 0;
    if (options.whole_pixels && !divides) continue;
    if (height >= spare * target.height && width >= spare * target.width) return by;
  }
  return 1;
}

Result<Decoded> decode(FileBytes file, const DecodeOptions& options, const PixelRoom& room) {
  if (file.size() > options.max_bytes) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("the file has {} bytes, more than max_bytes = {}", file.size(), options.max_bytes));
  }
  PENSTOCK_ASSIGN(const Header header, read_header(file));
  PENSTOCK_TRY(check_size(header.format, header.stored, options.max_pixels));
  const Decoder& decoder = decoder_of(header.format);
  if (options.apply_orientation && header.orientation != 1) return decode_turned(decoder, file, header, options, room);
  return decoder.decode(file, header, options, room);
}

std::string formats_text() {
  std::string there;
  std::string missing;
  for (const Decoder& decoder : decoders()) {
    std::string& list = decoder.package == nullptr ? there : missing;
    if (!list.empty()) list += ", ";
    list += name_of(decoder.format);
    if (decoder.package != nullptr) list += fmt::format(" needs {}", decoder.package);
  }
  return missing.empty() ? there : fmt::format("{} (no: {}; it takes a new build)", there, missing);
}

Decoder missing_decoder(Format format, const char* package) { return {format, package, nullptr, nullptr}; }

Error damaged(Format format, std::string_view what) {
  return Error(ErrorCode::kDataLoss, fmt::format("damaged {}: {}", name_of(format), what));
}

Error truncated(Format format) {
  return Error(ErrorCode::kDataLoss,
               fmt::format("truncated {}: the file ends before the picture does", name_of(format)));
}

Error rare_kind(Format format, std::string_view what) {
  return Error(ErrorCode::kUnsupported, fmt::format("{} of a kind that is not read: {}", name_of(format), what));
}

Status check_size(Format format, Size size, std::uint64_t max_pixels) {
  if (size.height == 0 || size.width == 0) return damaged(format, "a side of the picture is 0");
  const std::uint64_t pixels = std::uint64_t{size.height} * size.width;
  if (pixels <= max_pixels) return {};
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("the picture has {} x {} = {} pixels, more than max_pixels = {}", size.width, size.height,
                           pixels, max_pixels));
}

void lay_over(const std::uint8_t* rgba, std::size_t pixels, const std::array<std::uint8_t, 3>& background,
              std::uint8_t* rgb) {
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel)
      rgb[3 * i + channel] = laid_over(rgba[4 * i + channel], rgba[4 * i + 3], background[channel]);
  }
}

}  // namespace penstock::image
