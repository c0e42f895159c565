// SPDX-License-Identifier: MIT
// Which kind of image file bytes are, by their first bytes: never by a name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace penstock::image {

enum class Format : std::uint8_t { kJpeg, kPng, kWebp, kTiff, kGif, kBmp };

/// A whole file in memory.
using FileBytes = std::span<const std::uint8_t>;

/// "JPEG", "PNG" …
const char* name_of(Format format);

/// By the magic number. Nothing when it is none that is known here; the bytes behind it may still be damaged.
std::optional<Format> sniff(FileBytes file);

}  // namespace penstock::image
