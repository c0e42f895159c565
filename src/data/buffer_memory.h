// SPDX-License-Identifier: MIT
// Where a pool of buffers gets its memory when it is not the heap: memory that another process reads in place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

/// What the pool of a run keeps of freed blocks: enough for one batch of tensors (of up to 32 MiB) beside the small
/// blocks. Memory that goes back to the system costs a page fault per 4 KiB when it comes again.
inline constexpr std::size_t kIdleBytesOfRun = std::size_t{64} << 20;

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
