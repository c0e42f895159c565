// SPDX-License-Identifier: MIT
#include "image/exif.h"

#include <algorithm>
#include <array>

#include "image/byte_reader.h"

namespace penstock::image {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3;
constexpr std::uint32_t kLong = 4;
constexpr std::uint32_t kMostEntries = 1024;
constexpr std::size_t kEntryBytes = 12;

// The value of an entry of the first directory, 0 when it is no plain number.
std::uint32_t number_of_entry(const ByteReader& tiff, std::size_t entry) {
  const std::uint32_t type = tiff.u16(entry + 2).value_or(0);
  if (tiff.u32(entry + 4).value_or(0) != 1) return 0;
  if (type == kShort) return tiff.u16(entry + 8).value_or(0);
  return type == kLong ? tiff.u32(entry + 8).value_or(0) : 0;
}

}  // namespace

Orientation exif_orientation(std::span<const std::uint8_t> exif) {
  static constexpr std::array<std::uint8_t, 6> kPrefix = {'E', 'x', 'i', 'f', 0, 0};
  if (exif.size() >= kPrefix.size() && std::equal(kPrefix.begin(), kPrefix.end(), exif.begin()))
    exif = exif.subspan(kPrefix.size());
  if (exif.size() < 8 || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) return 1;
  const ByteReader tiff(exif, exif[0] == 'I' ? ByteOrder::kLittle : ByteOrder::kBig);
  if (tiff.u16(2) != 42U) return 1;
  const std::size_t directory = tiff.u32(4).value_or(0);
  const std::uint32_t entries = std::min(tiff.u16(directory).value_or(0), kMostEntries);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (tiff.u16(entry) != kOrientationTag) continue;
    const std::uint32_t value = number_of_entry(tiff, entry);
    return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : Orientation{1};
  }
  return 1;
}

}  // namespace penstock::image
