// SPDX-License-Identifier: MIT
#include "service/contact_sheet.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/xml_text.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/resize.h"
#include "platform/file.h"

namespace penstock {
namespace {

constexpr std::uint32_t kSide = 144;
constexpr std::size_t kColumns = 5;
constexpr std::size_t kGap = 12;
constexpr std::size_t kLine = 14;
constexpr std::size_t kLetters = 24;  // of a line below a picture

std::string base64(const std::string& bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

/// The picture in small, as a JPEG.
Result<std::string> thumbnail(const std::string& path) {
  image::DecodeOptions decoding;
  decoding.reduce_to = {kSide, kSide};
  PENSTOCK_ASSIGN(const std::string file, read_file(path, static_cast<std::size_t>(decoding.max_bytes)));
  std::vector<std::uint8_t> pixels;
  PENSTOCK_ASSIGN(const image::Decoded decoded,
                  image::decode({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()}, decoding,
                                [&](image::Size size) -> Result<std::uint8_t*> {
                                  pixels.resize(std::size_t{3} * size.height * size.width);
                                  return pixels.data();
                                }));
  image::ResizeOptions resizing;
  resizing.target = {kSide, kSide};
  resizing.mode = image::Mode::kFit;
  image::Resizer resizer(resizing);
  const image::Pixels all{pixels.data(), decoded.size, 3, decoded.cover};
  const image::Size size = resizer.size_of(all);
  std::vector<std::uint8_t> small(std::size_t{3} * size.height * size.width);
  resizer.resize(all, small.data());
  return image::encode_jpeg({small.data(), size, 3}, 80);
}

// The end of a text that is too long for its line.
std::string shortened(const std::string& line) {
  if (line.size() <= kLetters) return line;
  std::size_t from = line.size() - kLetters + 1;
  while (from < line.size() && (static_cast<unsigned char>(line[from]) & 0xC0) == 0x80) ++from;  // whole letters only
  return "…" + line.substr(from);
}

std::string drawn(const SheetPicture& picture, const Result<std::string>& small, std::size_t left, std::size_t top) {
  std::string svg =
      fmt::format("<g transform=\"translate({},{})\"><title>{}</title>", left, top, xml_text(picture.path));
  if (small) {
    svg +=
        fmt::format("<image width=\"{0}\" height=\"{0}\" href=\"data:image/jpeg;base64,{1}\"/>", kSide, base64(*small));
  } else {
    svg += fmt::format("<rect width=\"{0}\" height=\"{0}\" fill=\"#ccc\"><title>{1}</title></rect>", kSide,
                       xml_text(small.error().message()));
  }
  std::size_t below = kSide + kLine;
  for (const std::string& line : picture.lines) {
    svg += fmt::format("<text y=\"{}\">{}</text>", below, xml_text(shortened(line)));
    below += kLine;
  }
  return svg + "</g>\n";
}

}  // namespace

std::string contact_sheet(const std::vector<SheetPicture>& pictures) {
  std::size_t lines = 0;
  for (const SheetPicture& picture : pictures) lines = std::max(lines, picture.lines.size());
  const std::size_t cell_width = kSide + kGap;
  const std::size_t cell_height = kSide + kLine * lines + 2 * kGap;
  const std::size_t rows = pictures.empty() ? 0 : 1 + (pictures.size() - 1 + kColumns - 1) / kColumns;
  const std::size_t width = kColumns * cell_width + kGap;
  const std::size_t height = rows * cell_height + kGap;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      width, height);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Result<std::string> small = thumbnail(pictures[i].path);
    const std::size_t place = i == 0 ? 0 : i - 1 + kColumns;
    svg += drawn(pictures[i], small, kGap + place % kColumns * cell_width, kGap + place / kColumns * cell_height);
  }
  return svg + "</svg>\n";
}

}  // namespace penstock
