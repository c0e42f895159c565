// SPDX-License-Identifier: MIT
// Where a pool of buffers gets its memory when it is not the heap: memory that another process reads in place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

/// Thread-safe.
class BufferMemory {
 public:
  /// What is smaller comes from the heap: copying it costs less than a block of its own.
  static constexpr std::size_t kLeastBytes = 4096;

  virtual ~BufferMemory();
  /// Returns `size_bytes` (a power of two, from kLeastBytes) aligned to 64, or null when there is no more.
  virtual std::uint8_t* allocate(std::size_t size_bytes) noexcept = 0;
  virtual void release(std::uint8_t* bytes, std::size_t size_bytes) noexcept = 0;
};

}  // namespace penstock
