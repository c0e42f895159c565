// SPDX-License-Identifier: MIT
// Hashes and checks of the bytes in dictionary blocks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#define XXH_INLINE_ALL  // keys are short: a call would cost as much as the hash
#include <xxhash.h>

namespace penstock {

inline std::uint64_t key_hash(std::string_view key, std::uint64_t seed) noexcept {
  // The same number for seed 0; the compiler makes less of it.
  return seed == 0 ? XXH3_64bits(key.data(), key.size()) : XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

/// Returns the checksum of a block, never 0: that means that there is none.
inline std::uint64_t block_checksum(std::span<const std::byte> without_trailer) noexcept {
  const std::uint64_t sum = XXH3_64bits(without_trailer.data(), without_trailer.size());
  return sum == 0 ? 1 : sum;
}

/// Computes the identity of a shape from its keys.
class ShapeIdentity {
 public:
  ShapeIdentity() noexcept { XXH3_64bits_reset(&state_); }
  void add(std::string_view key) noexcept {
    const auto length = static_cast<std::uint16_t>(key.size());
    XXH3_64bits_update(&state_, &length, sizeof length);
    XXH3_64bits_update(&state_, key.data(), key.size());
  }
  std::uint64_t digest() const noexcept { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

}  // namespace penstock
