// SPDX-License-Identifier: MIT
// Memory that a program and its worker processes share, given out in blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "data/buffer_memory.h"
#include "platform/shared_region.h"

namespace penstock {

/// Where in a region something lies.
struct BlockPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Gives out parts of a region, whole pages each, lowest first. What was given back is given out again; the region
/// grows from its start, without gaps, and never shrinks. Only one process gives out, others look. Thread-safe.
class SharedBlocks final : public BufferMemory {
 public:
  /// A range of addresses, not memory.
  static constexpr std::size_t kRegionBytes = std::size_t{1} << 36;

  /// `region` is mapped; what lies before `first_byte` is not given out.
  SharedBlocks(SharedRegion region, std::size_t first_byte);
  /// Makes a region without a name; processes that are forked later have it at the same addresses.
  static Result<std::shared_ptr<SharedBlocks>> create(const std::string& label);

  /// Errors: kResourceExhausted.
  Result<BlockPlace> take(std::size_t size_bytes);
  /// Ignores what it never gave out.
  void give_back(std::uint64_t offset) noexcept;

  std::uint8_t* allocate(std::size_t size_bytes) noexcept override;
  void release(std::uint8_t* bytes, std::size_t size_bytes) noexcept override;

  std::byte* data() const noexcept { return region_.data(); }
  std::size_t size_bytes() const noexcept { return region_.size_bytes(); }
  /// Nothing where the bytes are not all in the region.
  std::optional<BlockPlace> place_of(const void* bytes, std::size_t size_bytes) const noexcept;
  /// Gives out no more than that. Before it is used.
  void limit_to(std::uint64_t bytes) noexcept { limit_ = bytes; }
  /// In a process that only looks: makes all of it read-only.
  void protect() noexcept { region_.protect_from(0); }

 private:
  SharedRegion region_;
  std::uint64_t limit_ = kRegionBytes;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::uint64_t backed_end_;                     // up to here there is memory
  std::map<std::uint64_t, std::uint64_t> free_;  // offset: size
  std::map<std::uint64_t, std::uint64_t> taken_;
};

}  // namespace penstock
