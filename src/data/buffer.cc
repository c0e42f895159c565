// SPDX-License-Identifier: MIT
#include <penstock/buffer.h>
#include <penstock/result.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include "data/buffer_memory.h"

namespace penstock {

MemoryBudget::MemoryBudget(std::size_t limit_bytes) : counters_(std::make_shared<Counters>()) {
  counters_->limit = limit_bytes;
}

void MemoryBudget::charge(std::size_t bytes) const noexcept {
  const std::size_t now = counters_->used.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::size_t peak = counters_->peak.load(std::memory_order_relaxed);
  while (now > peak && !counters_->peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void MemoryBudget::release(std::size_t bytes) const noexcept {
  counters_->used.fetch_sub(bytes, std::memory_order_relaxed);
}

BufferMemory::~BufferMemory() = default;

/// Freed blocks by size: shelf i holds blocks of 64 << i bytes.
struct Buffer::Shelves {
  static constexpr std::size_t kSmallestBlock = 64;
  static constexpr std::size_t kNumShelves = 40;

  Shelves(MemoryBudget budget_of_pool, std::size_t max_idle_bytes, std::shared_ptr<BufferMemory> memory_of_pool)
      : budget(std::move(budget_of_pool)), max_idle(max_idle_bytes), memory(std::move(memory_of_pool)) {}
  ~Shelves() {
    for (std::uint32_t shelf = 0; shelf < kNumShelves; ++shelf) {
      for (void* const bytes : heap.idle[shelf]) std::free(bytes);
      for (void* const bytes : lent.idle[shelf]) memory->release(static_cast<std::uint8_t*>(bytes), capacity_of(shelf));
    }
  }

  static std::uint32_t shelf_for(std::size_t capacity) noexcept {
    return capacity <= kSmallestBlock ? 0 : static_cast<std::uint32_t>(std::bit_width((capacity - 1) / kSmallestBlock));
  }
  static std::size_t capacity_of(std::uint32_t shelf) noexcept { return kSmallestBlock << shelf; }

  Block* make(std::uint32_t shelf) {
    budget.charge(capacity_of(shelf));
    Block* block = memory == nullptr || capacity_of(shelf) < BufferMemory::kLeastBytes ? nullptr : make_lent(shelf);
    if (block == nullptr) block = make_on_heap(shelf);
    block->shelf = shelf;
    block->capacity = capacity_of(shelf);
    return block;
  }

  void give_back(Block* block) noexcept {
    const std::uint32_t shelf = block->shelf;
    budget.release(capacity_of(shelf));
    if (block->bytes == reinterpret_cast<std::uint8_t*>(block + 1)) {
      block->~Block();
      if (!keep(heap, block, shelf)) std::free(block);
      return;
    }
    std::uint8_t* const bytes = block->bytes;
    delete block;
    if (!keep(lent, bytes, shelf)) memory->release(bytes, capacity_of(shelf));
  }

  const MemoryBudget budget;

 private:
  // What nobody uses: of the heap whole blocks, of `memory` their bytes alone.
  struct Idle {
    std::array<std::vector<void*>, kNumShelves> idle;
  };

  // On the heap a block and its bytes are one piece of memory; what others share holds bytes only.
  Block* make_on_heap(std::uint32_t shelf) {
    void* place = take(heap, shelf);
    if (place == nullptr) place = std::aligned_alloc(alignof(Block), sizeof(Block) + capacity_of(shelf));
    if (place == nullptr) contract_broken("the machine has no memory left for a buffer");
    auto* const block = new (place) Block;
    block->bytes = reinterpret_cast<std::uint8_t*>(block + 1);
    return block;
  }
  Block* make_lent(std::uint32_t shelf) {
    auto* bytes = static_cast<std::uint8_t*>(take(lent, shelf));
    if (bytes == nullptr) bytes = memory->allocate(capacity_of(shelf));
    if (bytes == nullptr) return nullptr;
    auto* const block = new Block;
    block->bytes = bytes;
    return block;
  }

  void* take(Idle& from, std::uint32_t shelf) {
    const std::lock_guard lock(mutex);
    if (from.idle[shelf].empty()) return nullptr;
    void* const bytes = from.idle[shelf].back();
    from.idle[shelf].pop_back();
    idle_bytes -= capacity_of(shelf);
    return bytes;
  }
  bool keep(Idle& in, void* bytes, std::uint32_t shelf) noexcept {
    const std::lock_guard lock(mutex);
    if (idle_bytes + capacity_of(shelf) > max_idle) return false;
    in.idle[shelf].push_back(bytes);
    idle_bytes += capacity_of(shelf);
    return true;
  }

  const std::size_t max_idle;
  const std::shared_ptr<BufferMemory> memory;
  std::mutex mutex;
  std::size_t idle_bytes = 0;
  Idle heap;
  Idle lent;
};

Buffer::Buffer(const Buffer& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
}

Buffer& Buffer::operator=(Buffer other) noexcept {
  std::swap(block_, other.block_);
  return *this;
}

Buffer::~Buffer() {
  if (block_ == nullptr || block_->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (block_->home == nullptr) {
    delete block_;
    return;
  }
  const std::shared_ptr<Shelves> home = std::move(block_->home);  // outlives the block, and the lock inside
  home->give_back(block_);
}

Buffer Buffer::wrap(std::span<const std::uint8_t> bytes, std::shared_ptr<const void> keeper) {
  auto* const block = new Block;
  block->size = block->capacity = bytes.size();
  block->bytes = const_cast<std::uint8_t*>(bytes.data());  // written only when unique(), which it never is
  block->keeper = std::move(keeper);
  return Buffer(block);
}

void Buffer::reserve(std::size_t wanted, BufferPool& pool) {
  if (wanted <= capacity()) return;
  Buffer larger = pool.allocate(std::max(wanted, 2 * capacity()));
  if (size() > 0) std::memcpy(larger.mutable_data(), data(), size());
  larger.set_size(size());
  std::swap(block_, larger.block_);
}

BufferPool::BufferPool(MemoryBudget budget, std::size_t max_idle_bytes)
    : shelves_(std::make_shared<Buffer::Shelves>(std::move(budget), max_idle_bytes, nullptr)) {}

BufferPool::BufferPool(MemoryBudget budget, std::shared_ptr<BufferMemory> memory)
    : shelves_(std::make_shared<Buffer::Shelves>(std::move(budget), kIdleBytesOfRun, std::move(memory))) {}

Buffer BufferPool::allocate(std::size_t capacity) {
  const std::uint32_t shelf = Buffer::Shelves::shelf_for(capacity);
  if (shelf >= Buffer::Shelves::kNumShelves) contract_broken("a buffer of more than 2^45 bytes was asked for");
  Buffer::Block* const block = shelves_->make(shelf);
  block->home = shelves_;
  return Buffer(block);
}

const MemoryBudget& BufferPool::budget() const noexcept { return shelves_->budget; }

BufferPool& BufferPool::shared() {
  static auto* const pool = new BufferPool;  // never destroyed: buffers may live in static objects
  return *pool;
}

}  // namespace penstock
