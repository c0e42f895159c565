// SPDX-License-Identifier: MIT
// Whether the start of a file is UTF-8, or another encoding of Unicode that would be read as garbage.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock {

/// Whether `start`, the first bytes of a file, suffices for `skip_byte_order_mark`: a line feed without a zero byte
/// before it, so that a pipe need not give more than its first line, or 1,024 bytes.
bool shows_encoding(std::string_view start) noexcept;

/// Returns how many bytes the UTF-8 byte order mark takes at the start of a file: 3 or 0.
///
/// Files in UTF-16 and UTF-32 are kInvalidArgument, with the command that converts them: those with a byte order mark,
/// and those without one whose first 1,024 bytes show it, when the first line has a zero byte. UTF-32: all groups of
/// four bytes are code points. UTF-16: at least two pairs of bytes are an ASCII character and a zero byte, always on
/// the same side; they outnumber the pairs of two ASCII characters, and four to one those with a zero byte on the other
/// side. Requires `shows_encoding(start)` or the whole file.
Result<std::size_t> skip_byte_order_mark(std::string_view start, const std::string& path);

}  // namespace penstock
