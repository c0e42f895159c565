// SPDX-License-Identifier: MIT
// Numbers out of bytes that nobody vouches for: what lies outside is nothing, never a read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace penstock::image {

enum class ByteOrder : std::uint8_t { kLittle, kBig };

/// Reads unsigned numbers at any place. A small value; the bytes must outlive it.
class ByteReader {
 public:
  ByteReader(std::span<const std::uint8_t> bytes, ByteOrder order) : bytes_(bytes), order_(order) {}

  std::size_t size() const { return bytes_.size(); }
  std::optional<std::uint32_t> u8(std::size_t at) const { return number(at, 1); }
  std::optional<std::uint32_t> u16(std::size_t at) const { return number(at, 2); }
  std::optional<std::uint32_t> u24(std::size_t at) const { return number(at, 3); }
  std::optional<std::uint32_t> u32(std::size_t at) const { return number(at, 4); }

  /// The bytes from `at` on, at most `most` of them; fewer, or none, where there are no more.
  std::span<const std::uint8_t> bytes(std::size_t at, std::size_t most) const {
    if (at >= bytes_.size()) return {};
    return bytes_.subspan(at, most < bytes_.size() - at ? most : bytes_.size() - at);
  }

 private:
  std::optional<std::uint32_t> number(std::size_t at, std::size_t width) const {
    if (at > bytes_.size() || bytes_.size() - at < width) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value = value << 8 | bytes_[order_ == ByteOrder::kBig ? at + i : at + width - 1 - i];
    return value;
  }

  std::span<const std::uint8_t> bytes_;
  ByteOrder order_;
};

}  // namespace penstock::image
