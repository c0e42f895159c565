// SPDX-License-Identifier: MIT
// Decompression of what comes in pieces.
#pragma once

#include <penstock/result.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "operators/io/input_stream.h"

namespace penstock {

/// zlib's and zstd's decoders behind one face: consumes input, fills output, knows whether the input may end here.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Decodes from `in` (shortened by what was used) to `to`; returns the bytes written.
  virtual Result<std::size_t> decode(std::string_view& in, char* to, std::size_t size, const std::string& path) = 0;
  virtual bool complete() const noexcept = 0;
  virtual const char* name() const noexcept = 0;
};

/// Null for kNone.
std::unique_ptr<Decoder> make_decoder(Compression compression);

/// The error of a file that ends where more was to come; `kind` is what `Decoder::name` says.
Error cut_short(const std::string& path, const char* kind);

}  // namespace penstock
