// SPDX-License-Identifier: MIT
// Text in pooled buffers: what sinks that write text prepare ahead of a batch's turn.
#pragma once

#include <penstock/buffer.h>

#include <cstring>
#include <string_view>

namespace penstock {

inline void append_text(Buffer& to, std::string_view text, BufferPool& pool) {
  const std::size_t before = to.size();
  to.reserve(before + text.size(), pool);
  std::memcpy(to.mutable_data() + before, text.data(), text.size());
  to.set_size(before + text.size());
}

inline std::string_view as_text(const Buffer& buffer) noexcept {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

}  // namespace penstock
