// SPDX-License-Identifier: MIT
#include "image/format.h"

#include <cstring>
#include <string_view>

namespace penstock::image {

const char* name_of(Format format) {
  switch (format) {
    case Format::kJpeg: return "JPEG";
    case Format::kPng: return "PNG";
    case Format::kWebp: return "WebP";
    case Format::kTiff: return "TIFF";
    case Format::kGif: return "GIF";
    case Format::kBmp: return "BMP";
  }
  return "?";
}

std::optional<Format> sniff(FileBytes file) {
  using namespace std::string_view_literals;
  const std::string_view start(reinterpret_cast<const char*>(file.data()), file.size());
  if (start.starts_with("\xFF\xD8\xFF")) return Format::kJpeg;
  if (start.starts_with("\x89PNG\r\n\x1A\n")) return Format::kPng;
  if (start.starts_with("RIFF") && start.size() >= 12 && start.substr(8, 4) == "WEBP") return Format::kWebp;
  if (start.starts_with("II*\0"sv) || start.starts_with("MM\0*"sv) || start.starts_with("II+\0"sv) ||
      start.starts_with("MM\0+"sv))
    return Format::kTiff;
  if (start.starts_with("GIF87a") || start.starts_with("GIF89a")) return Format::kGif;
  if (start.starts_with("BM") && start.size() >= 26) return Format::kBmp;
  return std::nullopt;
}

}  // namespace penstock::image
