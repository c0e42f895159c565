// SPDX-License-Identifier: MIT
#include "operators/io/text_encoding.h"

#include <fmt/format.h>

namespace penstock {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMostSampleBytes = 1024;

struct Mark {
  std::string_view bytes;
  const char* encoding;
};
// The longer ones first: UTF-32LE's begins with UTF-16LE's.
constexpr Mark kMarks[] = {
    {"\xFF\xFE\0\0"sv, "UTF-32"}, {"\0\0\xFE\xFF"sv, "UTF-32"}, {"\xFF\xFE"sv, "UTF-16"}, {"\xFE\xFF"sv, "UTF-16"}};

unsigned byte_at(std::string_view text, std::size_t index) noexcept { return static_cast<unsigned char>(text[index]); }

// What can tell UTF-16 and UTF-32 without a mark: nothing, when there is a line feed and no zero byte before it.
std::string_view sample_of(std::string_view start) noexcept {
  const std::size_t first = start.find_first_of("\n\0"sv);
  if (first == std::string_view::npos || start[first] == '\n') return {};
  return start.substr(0, kMostSampleBytes);
}

// Whether all groups of four bytes are code points, not all of them 0. `high`: the index of the highest byte.
bool looks_like_utf32(std::string_view sample, std::size_t high, std::size_t second) {
  if (sample.size() < 8) return false;
  bool any = false;
  for (std::size_t i = 0; i + 4 <= sample.size(); i += 4) {
    if (byte_at(sample, i + high) != 0 || byte_at(sample, i + second) > 0x10) return false;
    any = any || sample.substr(i, 4) != "\0\0\0\0"sv;
  }
  return any;
}

bool is_ascii_text(unsigned byte) noexcept { return (byte >= 0x20 && byte < 0x7F) || (byte >= '\t' && byte <= '\r'); }

// `high`: the index of the higher byte of each two.
bool looks_like_utf16(std::string_view sample, std::size_t high) {
  std::size_t wide = 0;      // ASCII characters as two bytes
  std::size_t zero_low = 0;  // as in U+4E00, or in binary data
  std::size_t narrow = 0;    // two ASCII characters
  for (std::size_t i = 0; i + 2 <= sample.size(); i += 2) {
    const unsigned above = byte_at(sample, i + high);
    const unsigned below = byte_at(sample, i + 1 - high);
    wide += above == 0 && is_ascii_text(below);
    zero_low += below == 0;
    narrow += is_ascii_text(above) && is_ascii_text(below);
  }
  return wide >= 2 && wide > narrow && wide >= 4 * zero_low;
}

const char* encoding_without_mark(std::string_view start) {
  const std::string_view sample = sample_of(start);
  if (looks_like_utf32(sample, 3, 2)) return "UTF-32LE";
  if (looks_like_utf32(sample, 0, 1)) return "UTF-32BE";
  if (looks_like_utf16(sample, 1)) return "UTF-16LE";
  if (looks_like_utf16(sample, 0)) return "UTF-16BE";
  return nullptr;
}

Error wrong_encoding(const char* encoding, const char* sign, const std::string& path) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the file is {} ({}); UTF-8 was expected: {}", encoding, sign, path))
      .hint(fmt::format("convert it: iconv -f {} -t UTF-8 {} > NEW", encoding, path));
}

}  // namespace

bool shows_encoding(std::string_view start) noexcept {
  if (start.size() >= kMostSampleBytes) return true;
  const std::size_t first = start.find_first_of("\n\0"sv);
  return first != std::string_view::npos && start[first] == '\n';
}

Result<std::size_t> skip_byte_order_mark(std::string_view start, const std::string& path) {
  if (start.starts_with("\xEF\xBB\xBF")) return std::size_t{3};
  for (const Mark& mark : kMarks) {
    if (start.starts_with(mark.bytes)) return wrong_encoding(mark.encoding, "it starts with its byte order mark", path);
  }
  if (const char* const encoding = encoding_without_mark(start)) {
    return wrong_encoding(encoding, "without a byte order mark: its zero bytes show it", path);
  }
  return std::size_t{0};
}

}  // namespace penstock
