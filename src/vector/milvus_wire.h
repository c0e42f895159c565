// SPDX-License-Identifier: MIT
// Messages in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding): what Milvus speaks. See
// docs/decisions/0020-milvus-without-its-libraries.md.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

static_assert(std::endian::native == std::endian::little, "the wire has the bytes of numbers in this order");

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// Appends fields to a message. Used by one worker.
class WireWriter {
 public:
  /// The message begins with `room` bytes for the caller.
  explicit WireWriter(std::size_t room = 0) : bytes_(room, '\0') {}

  void number(std::uint32_t field, std::uint64_t value) {
    tag(field, WireType::kVarint);
    varint(value);
  }
  void text(std::uint32_t field, std::string_view value) {
    tag(field, WireType::kBytes);
    varint(value.size());
    bytes_ += value;
  }
  /// repeated float, packed.
  void floats(std::uint32_t field, std::span<const float> values) {
    text(field, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  /// A message in this message, whose fields are those that `fill` writes. At most 256 MiB: its length is written
  /// afterwards, into four bytes that are kept for it, which spares a copy of all that is in it.
  template <class Fill>
  void message(std::uint32_t field, Fill&& fill) {
    tag(field, WireType::kBytes);
    const std::size_t at = bytes_.size();
    bytes_.append(kLengthBytes, '\0');
    fill();
    const std::size_t length = bytes_.size() - at - kLengthBytes;
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      const std::size_t more = i + 1 < kLengthBytes ? 0x80U : 0U;
      bytes_[at + i] = static_cast<char>((length >> (7 * i) & 0x7FU) | more);
    }
  }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes_.size() + bytes); }
  std::string take() { return std::move(bytes_); }

 private:
  static constexpr std::size_t kLengthBytes = 4;

  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  void tag(std::uint32_t field, WireType type) {
    varint(std::uint64_t{field} << 3U | static_cast<std::uint64_t>(type));
  }

  std::string bytes_;
};

/// One field of a message that was read.
struct WireField {
  std::uint32_t field = 0;
  WireType type = WireType::kVarint;
  std::uint64_t number = 0;  ///< Of all types but kBytes.
  std::string_view bytes;    ///< Of kBytes: part of the message.

  /// As int32, int64, bool or enum.
  std::int64_t integer() const noexcept { return static_cast<std::int64_t>(number); }
  /// Appends the values of a repeated field, packed or not. False when they are not of that kind.
  bool append_to(std::vector<float>& values) const;
  bool append_to(std::vector<std::int64_t>& values) const;
};

/// Reads the fields of a message, one after the other. What it reads may be anything.
class WireReader {
 public:
  explicit WireReader(std::string_view message) noexcept : rest_(message) {}

  /// Whether there is one more field, which is put into `field`.
  bool next(WireField& field);
  /// Whether the message ended where it should; known when `next` has returned false.
  bool is_whole() const noexcept { return rest_.empty() && !failed_; }

 private:
  bool take(std::size_t bytes, std::string_view& taken);
  bool fail() {
    failed_ = true;
    return false;
  }

  std::string_view rest_;
  bool failed_ = false;
};

/// Calls `each(const WireField&)`, which says whether the field is as it should be, with every field of `message`.
/// False when one is not, or the message is damaged.
template <class Each>
bool read_fields(std::string_view message, Each&& each) {
  WireReader reader(message);
  WireField field;
  while (reader.next(field)) {
    if (!each(std::as_const(field))) return false;
  }
  return reader.is_whole();
}

}  // namespace penstock
