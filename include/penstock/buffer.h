// SPDX-License-Identifier: MIT
// Memory of columns: reference-counted aligned blocks from a pool, counted against a budget.
#pragma once

#include <penstock/fwd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace penstock {

/// How many bytes a run may hold in flight, and how many it holds.
///
/// A handle: copies share the counters. Thread-safe. Charging never fails; the engine holds the source back while
/// `exceeded()`, and operators with growing state (aggregate, join) end with kResourceExhausted.
class MemoryBudget {
 public:
  static constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

  explicit MemoryBudget(std::size_t limit_bytes = kUnlimited);

  void charge(std::size_t bytes) const noexcept;
  void release(std::size_t bytes) const noexcept;
  std::size_t limit() const noexcept { return counters_->limit; }
  std::size_t used() const noexcept { return counters_->used.load(std::memory_order_relaxed); }
  std::size_t peak() const noexcept { return counters_->peak.load(std::memory_order_relaxed); }
  bool exceeded() const noexcept { return used() > limit(); }

 private:
  struct Counters {
    std::size_t limit;
    std::atomic<std::size_t> used{0};
    std::atomic<std::size_t> peak{0};
  };
  std::shared_ptr<Counters> counters_;
};

/// A growable block of bytes aligned to 64, as the Arrow columnar format advises, with shared ownership.
///
/// Copies share the bytes; writing needs `unique()`. Thread-compatible; the reference count is atomic, so copies may
/// live in several threads. An empty buffer owns nothing. A buffer may also wrap bytes of somebody else, to be read
/// only.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(const Buffer& other) noexcept;
  Buffer(Buffer&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Buffer& operator=(Buffer other) noexcept;
  ~Buffer();

  /// Wraps bytes that stay as they are while `keeper` lives, such as a view of shared memory: no copy is made, and the
  /// last copy of the buffer lets go of `keeper`. `unique()` is false for ever. Requires bytes aligned to 64.
  static Buffer wrap(std::span<const std::uint8_t> bytes, std::shared_ptr<const void> keeper);

  const std::uint8_t* data() const noexcept { return block_ == nullptr ? nullptr : block_->bytes; }
  /// Requires `unique()`.
  std::uint8_t* mutable_data() noexcept { return block_ == nullptr ? nullptr : block_->bytes; }
  std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size; }
  std::size_t capacity() const noexcept { return block_ == nullptr ? 0 : block_->capacity; }
  bool unique() const noexcept {
    return block_ != nullptr && block_->home != nullptr && block_->owners.load(std::memory_order_acquire) == 1;
  }
  explicit operator bool() const noexcept { return block_ != nullptr; }

  /// Sets the size within the capacity; new bytes are not initialised. Requires `unique()`.
  void set_size(std::size_t size) noexcept { block_->size = size; }
  /// Makes room for `capacity` bytes, at least doubling, keeping the contents; from `pool` when empty. Requires that
  /// nobody else shares the bytes. Cost: one copy of the contents when it grows.
  void reserve(std::size_t capacity, BufferPool& pool);

 private:
  friend class BufferPool;
  struct Shelves;
  struct alignas(64) Block {
    std::atomic<std::int32_t> owners{1};
    std::uint32_t shelf = 0;
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::uint8_t* bytes = nullptr;       // behind the block, or wrapped
    std::shared_ptr<Shelves> home;       // null: the bytes are wrapped
    std::shared_ptr<const void> keeper;  // of wrapped bytes
  };
  explicit Buffer(Block* block) noexcept : block_(block) {}

  Block* block_ = nullptr;
};

class BufferMemory;

/// Keeps freed blocks for the next batch, by powers of two from 64 bytes.
///
/// A handle: copies share the blocks. Thread-safe; one short lock per allocation. Buffers may outlive the pool.
class BufferPool {
 public:
  /// Keeps at most `max_idle_bytes` of freed blocks; they do not count against the budget.
  explicit BufferPool(MemoryBudget budget = MemoryBudget(), std::size_t max_idle_bytes = std::size_t{32} << 20);
  /// For the engine: takes large blocks from `memory` as long as it has some (src/data/buffer_memory.h), all others
  /// from the heap. Buffers keep `memory` alive.
  BufferPool(MemoryBudget budget, std::shared_ptr<BufferMemory> memory);

  /// Returns an empty buffer with room for at least `capacity` bytes. Ends the program when the machine has no memory.
  Buffer allocate(std::size_t capacity);
  const MemoryBudget& budget() const noexcept;
  /// Returns a pool without a limit for use outside runs.
  static BufferPool& shared();

 private:
  std::shared_ptr<Buffer::Shelves> shelves_;
};

}  // namespace penstock
