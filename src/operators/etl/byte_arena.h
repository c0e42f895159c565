// SPDX-License-Identifier: MIT
// Many short texts of bytes that live as long as their owner, without an allocation for each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace penstock {

/// Keeps copies of texts in blocks of 4 KiB that double up to 1 MiB. Thread-compatible.
class ByteArena {
 public:
  /// Returns a copy of `text` that stays where it is until the arena goes away.
  const char* add(std::string_view text) {
    if (text.size() > left_) [[unlikely]]
      grow(text.size());
    char* const to = at_;
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    at_ += text.size();
    left_ -= text.size();
    return to;
  }
  /// Bytes of all blocks.
  std::size_t size_bytes() const noexcept { return size_bytes_; }

 private:
  void grow(std::size_t at_least) {
    constexpr std::size_t kFirst = std::size_t{4} << 10;
    constexpr std::size_t kLargest = std::size_t{1} << 20;
    left_ = std::max(at_least, std::clamp(size_bytes_, kFirst, kLargest));
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    at_ = blocks_.back().get();
    size_bytes_ += left_;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t size_bytes_ = 0;
};

}  // namespace penstock
