// SPDX-License-Identifier: MIT
// Numbers and texts as bytes that are the same on every machine: a number is eight bytes, the lowest first, a text its
// length and its bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

inline void put_word(std::string& to, std::uint64_t word) {
  char bytes[sizeof word];
  for (char& byte : bytes) {
    byte = static_cast<char>(word & 0xFF);
    word >>= 8;
  }
  to.append(bytes, sizeof bytes);
}

inline void put_text(std::string& to, std::string_view text) {
  put_word(to, text.size());
  to += text;
}

// These cut what they return off the front of `from`. Where it is too short `cut` is set, and from then on all that
// follows is 0 or empty.

inline std::string_view take_bytes(std::string_view& from, std::uint64_t size, bool& cut) noexcept {
  cut = cut || size > from.size();
  if (cut) return {};
  const std::string_view taken = from.substr(0, static_cast<std::size_t>(size));
  from.remove_prefix(taken.size());
  return taken;
}

inline std::uint64_t take_word(std::string_view& from, bool& cut) noexcept {
  std::uint64_t word = 0;
  const std::string_view bytes = take_bytes(from, sizeof word, cut);
  for (std::size_t i = bytes.size(); i-- > 0;) word = word << 8 | static_cast<unsigned char>(bytes[i]);
  return word;
}

inline std::string_view take_text(std::string_view& from, bool& cut) noexcept {
  return take_bytes(from, take_word(from, cut), cut);
}

}  // namespace penstock
