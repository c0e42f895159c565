// SPDX-License-Identifier: MIT
// BMP: a header of 12 bytes (OS/2) or of 40 and more (Windows), perhaps a palette, rows from the bottom up. Pixels of
// 1, 4 and 8 bits go through the palette; 16, 24 and 32 bits are blue, green, red, or as masks say. Compressed ones,
// which nobody writes, are refused.
#include <fmt/format.h>

#include <bit>
#include <optional>

#include "image/byte_reader.h"
#include "image/decoders.h"

namespace penstock::image {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::uint32_t kOs2Header = 12;
constexpr std::uint32_t kWindowsHeader = 40;
constexpr std::uint32_t kPlain = 0;
constexpr std::uint32_t kBitFields = 3;
constexpr std::uint32_t kAlphaBitFields = 6;

/// Where one colour stands in a pixel's number.
struct Mask {
  std::uint32_t bits = 0;

  std::uint8_t value(std::uint32_t pixel) const {
    if (bits == 0) return 0;
    const int shift = std::countr_zero(bits);
    const std::uint64_t most = bits >> shift;
    return static_cast<std::uint8_t>(((pixel & bits) >> shift) * std::uint64_t{255} / most);
  }
};

struct BmpHeader {
  Size size;
  bool from_the_top = false;
  std::uint32_t bits = 0;
  std::array<Mask, 4> masks = {};  // red, green, blue, alpha
  std::size_t palette = 0;         // where it begins
  std::uint32_t colours = 0;       // how many it has
  std::size_t colour_bytes = 4;
  std::size_t pixels = 0;  // where they begin
  std::size_t row_bytes = 0;
};

Error short_header() { return truncated(Format::kBmp); }

bool is_known_depth(std::uint32_t bits) {
  return bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
}

void read_os2(const ByteReader& file, BmpHeader& header) {
  header.size = {*file.u16(kFileHeader + 6), *file.u16(kFileHeader + 4)};
  header.bits = *file.u16(kFileHeader + 10);
  header.colour_bytes = 3;
}

// Masks as stored, or those that are meant when none are.
Status read_masks(const ByteReader& file, std::uint32_t compression, BmpHeader& header) {
  if (compression == kPlain) {
    header.masks = header.bits == 16 ? std::array<Mask, 4>{{{0x7C00}, {0x03E0}, {0x001F}, {0}}}
                                     : std::array<Mask, 4>{{{0xFF0000}, {0x00FF00}, {0x0000FF}, {0}}};
    return {};
  }
  const std::uint32_t header_bytes = *file.u32(kFileHeader);
  const bool alpha = compression == kAlphaBitFields || header_bytes >= 56;
  for (std::size_t i = 0; i < (alpha ? 4 : 3); ++i) {
    const std::optional<std::uint32_t> mask = file.u32(kFileHeader + kWindowsHeader + 4 * i);
    if (!mask) return short_header();
    header.masks[i].bits = *mask;
  }
  if (header_bytes == kWindowsHeader) header.palette += alpha ? 16 : 12;
  return {};
}

Status read_windows(const ByteReader& file, BmpHeader& header) {
  const auto width = static_cast<std::int32_t>(*file.u32(kFileHeader + 4));
  const auto height = static_cast<std::int32_t>(*file.u32(kFileHeader + 8));
  if (width <= 0 || height == 0 || height == INT32_MIN)
    return damaged(Format::kBmp, "a side of the picture is 0 or less");
  header.from_the_top = height < 0;
  header.size = {static_cast<std::uint32_t>(height < 0 ? -height : height), static_cast<std::uint32_t>(width)};
  header.bits = *file.u16(kFileHeader + 14);
  header.colours = *file.u32(kFileHeader + 32);
  const std::uint32_t compression = *file.u32(kFileHeader + 16);
  const bool masked = compression == kBitFields || compression == kAlphaBitFields;
  if (compression != kPlain && !(masked && (header.bits == 16 || header.bits == 32)))
    return rare_kind(Format::kBmp, fmt::format("compression {} with {} bits per pixel", compression, header.bits));
  return read_masks(file, compression, header);
}

Result<BmpHeader> parse(FileBytes bytes) {
  const ByteReader file(bytes, ByteOrder::kLittle);
  const std::uint32_t header_bytes = file.u32(kFileHeader).value_or(0);
  if (header_bytes != kOs2Header && header_bytes < kWindowsHeader)
    return rare_kind(Format::kBmp, fmt::format("a header of {} bytes", header_bytes));
  if (kFileHeader + std::uint64_t{header_bytes} > bytes.size()) return short_header();
  BmpHeader header;
  header.palette = kFileHeader + header_bytes;
  if (header_bytes == kOs2Header) {
    read_os2(file, header);
    header.masks = {{{0xFF0000}, {0x00FF00}, {0x0000FF}, {0}}};
  } else {
    PENSTOCK_TRY(read_windows(file, header));
  }
  if (!is_known_depth(header.bits)) return rare_kind(Format::kBmp, fmt::format("{} bits per pixel", header.bits));
  header.pixels = *file.u32(10);
  header.row_bytes = (std::size_t{header.size.width} * header.bits + 31) / 32 * 4;
  const std::uint32_t most_colours = header.bits <= 8 ? 1U << header.bits : 0;
  if (header.colours == 0 || header.colours > most_colours) header.colours = most_colours;
  return header;
}

Result<Header> read_bmp_header(FileBytes file) {
  PENSTOCK_ASSIGN(const BmpHeader header, parse(file));
  return Header{Format::kBmp, header.size, header.masks[3].bits != 0 ? 4 : 3, 1};
}

std::vector<std::array<std::uint8_t, 3>> read_palette(FileBytes bytes, const BmpHeader& header) {
  const ByteReader file(bytes, ByteOrder::kLittle);
  std::vector<std::array<std::uint8_t, 3>> palette(std::size_t{1} << header.bits);  // black where it has no colour
  for (std::uint32_t i = 0; i < header.colours; ++i) {
    const FileBytes colour = file.bytes(header.palette + i * header.colour_bytes, 3);
    if (colour.size() == 3) palette[i] = {colour[2], colour[1], colour[0]};
  }
  return palette;
}

void read_indexed(const std::uint8_t* row, const BmpHeader& header,
                  const std::vector<std::array<std::uint8_t, 3>>& palette, std::uint8_t* rgb) {
  const std::uint32_t per_byte = 8 / header.bits;
  const std::uint32_t most = (1U << header.bits) - 1;
  for (std::uint32_t x = 0; x < header.size.width; ++x) {
    const std::uint32_t shift = header.bits * (per_byte - 1 - x % per_byte);
    const auto& colour = palette[row[x / per_byte] >> shift & most];
    std::copy(colour.begin(), colour.end(), rgb + std::size_t{3} * x);
  }
}

void read_coloured(const std::uint8_t* row, const BmpHeader& header, const std::array<std::uint8_t, 3>& background,
                   std::uint8_t* rgb) {
  const std::size_t pixel_bytes = header.bits / 8;
  for (std::uint32_t x = 0; x < header.size.width; ++x) {
    std::uint32_t pixel = 0;
    for (std::size_t i = 0; i < pixel_bytes; ++i)
      pixel |= static_cast<std::uint32_t>(row[x * pixel_bytes + i]) << (8 * i);
    const std::uint32_t alpha = header.masks[3].bits != 0 ? header.masks[3].value(pixel) : 255;
    for (std::size_t channel = 0; channel < 3; ++channel)
      rgb[std::size_t{3} * x + channel] = laid_over(header.masks[channel].value(pixel), alpha, background[channel]);
  }
}

Result<Decoded> decode_bmp(FileBytes file, const Header&, const DecodeOptions& options, const PixelRoom& room) {
  PENSTOCK_ASSIGN(const BmpHeader header, parse(file));
  const std::uint64_t bytes = std::uint64_t{header.row_bytes} * header.size.height;
  if (header.pixels > file.size() || bytes > file.size() - header.pixels) return short_header();
  PENSTOCK_ASSIGN(std::uint8_t* const rgb, room(header.size));
  std::vector<std::array<std::uint8_t, 3>> palette;
  if (header.bits <= 8) palette = read_palette(file, header);
  for (std::uint32_t y = 0; y < header.size.height; ++y) {
    const std::uint32_t stored_row = header.from_the_top ? y : header.size.height - 1 - y;
    const std::uint8_t* const row = file.data() + header.pixels + stored_row * header.row_bytes;
    std::uint8_t* const to = rgb + std::size_t{3} * y * header.size.width;
    if (header.bits <= 8) {
      read_indexed(row, header, palette, to);
    } else {
      read_coloured(row, header, options.background, to);
    }
  }
  return Decoded{header.size, whole(header.size), {}};
}

}  // namespace

Decoder bmp_decoder() { return {Format::kBmp, nullptr, read_bmp_header, decode_bmp}; }

}  // namespace penstock::image
