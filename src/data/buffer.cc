// SPDX-License-Identifier: MIT
#include <penstock/buffer.h>
#include <penstock/result.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

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

/// Freed blocks by size: shelf i holds blocks of 64 << i bytes.
struct Buffer::Shelves {
  static constexpr std::size_t kSmallestBlock = 64;
  static constexpr std::size_t kNumShelves = 40;

  Shelves(MemoryBudget budget_of_pool, std::size_t max_idle_bytes)
      : budget(std::move(budget_of_pool)), max_idle(max_idle_bytes) {}
  ~Shelves() {
    for (auto& shelf : idle) {
      for (void* memory : shelf) std::free(memory);
    }
  }

  static std::uint32_t shelf_for(std::size_t capacity) noexcept {
    return capacity <= kSmallestBlock ? 0 : static_cast<std::uint32_t>(std::bit_width((capacity - 1) / kSmallestBlock));
  }
  static std::size_t capacity_of(std::uint32_t shelf) noexcept { return kSmallestBlock << shelf; }

  void* take(std::uint32_t shelf) {
    const std::size_t capacity = capacity_of(shelf);
    budget.charge(capacity);
    {
      const std::lock_guard lock(mutex);
      if (!idle[shelf].empty()) {
        void* const memory = idle[shelf].back();
        idle[shelf].pop_back();
        idle_bytes -= capacity;
        return memory;
      }
    }
    void* const memory = std::aligned_alloc(alignof(Block), sizeof(Block) + capacity);
    if (memory == nullptr) contract_broken("the machine has no memory left for a buffer");
    return memory;
  }

  void give_back(void* memory, std::uint32_t shelf) noexcept {
    const std::size_t capacity = capacity_of(shelf);
    budget.release(capacity);
    {
      const std::lock_guard lock(mutex);
      if (idle_bytes + capacity <= max_idle) {
        idle[shelf].push_back(memory);
        idle_bytes += capacity;
        return;
      }
    }
    std::free(memory);
  }

  const MemoryBudget budget;
  const std::size_t max_idle;
  std::mutex mutex;
  std::size_t idle_bytes = 0;
  std::array<std::vector<void*>, kNumShelves> idle;
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
  const std::uint32_t shelf = block_->shelf;
  block_->~Block();
  home->give_back(block_, shelf);
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
    : shelves_(std::make_shared<Buffer::Shelves>(std::move(budget), max_idle_bytes)) {}

Buffer BufferPool::allocate(std::size_t capacity) {
  const std::uint32_t shelf = Buffer::Shelves::shelf_for(capacity);
  if (shelf >= Buffer::Shelves::kNumShelves) contract_broken("a buffer of more than 2^45 bytes was asked for");
  auto* const block = new (shelves_->take(shelf)) Buffer::Block;
  block->shelf = shelf;
  block->bytes = reinterpret_cast<std::uint8_t*>(block + 1);
  block->capacity = Buffer::Shelves::capacity_of(shelf);
  block->home = shelves_;
  return Buffer(block);
}

const MemoryBudget& BufferPool::budget() const noexcept { return shelves_->budget; }

BufferPool& BufferPool::shared() {
  static auto* const pool = new BufferPool;  // never destroyed: buffers may live in static objects
  return *pool;
}

}  // namespace penstock
