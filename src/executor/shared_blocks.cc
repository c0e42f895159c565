// SPDX-License-Identifier: MIT
#include "executor/shared_blocks.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

namespace penstock {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kGrowBytes = std::size_t{1} << 18;

std::uint64_t whole_pages(std::size_t size_bytes) noexcept {
  return (std::max<std::size_t>(size_bytes, 1) + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace

SharedBlocks::SharedBlocks(SharedRegion region, std::size_t first_byte)
    : region_(std::move(region)), backed_end_(first_byte == 0 ? 0 : whole_pages(first_byte)) {}

Result<std::shared_ptr<SharedBlocks>> SharedBlocks::create(const std::string& label) {
  PENSTOCK_ASSIGN(SharedRegion region, SharedRegion::create_anonymous(label, kRegionBytes));
  PENSTOCK_TRY(region.map());
  return std::make_shared<SharedBlocks>(std::move(region), 0);
}

Result<BlockPlace> SharedBlocks::take(std::size_t size_bytes) {
  const std::uint64_t size = whole_pages(size_bytes);
  const std::lock_guard lock(mutex_);
  auto at = std::find_if(free_.begin(), free_.end(), [&](const auto& range) { return range.second >= size; });
  if (at == free_.end()) {
    const std::uint64_t more = std::max<std::uint64_t>(size, kGrowBytes);
    const std::uint64_t most = std::min<std::uint64_t>(limit_, region_.size_bytes());
    if (backed_end_ > most || more > most - backed_end_) {
      return Error(ErrorCode::kResourceExhausted, "a batch is too large for the memory that processes share");
    }
    PENSTOCK_TRY(region_.allocate(backed_end_, more));
    at = free_.emplace(backed_end_, more).first;
    backed_end_ += more;
  }
  const auto [offset, room] = *at;
  free_.erase(at);
  if (room > size) free_.emplace(offset + size, room - size);
  taken_.emplace(offset, size);
  return BlockPlace{offset, size};
}

void SharedBlocks::give_back(std::uint64_t offset) noexcept {
  const std::lock_guard lock(mutex_);
  const auto taken = taken_.find(offset);
  if (taken == taken_.end()) return;
  auto at = free_.emplace(offset, taken->second).first;
  taken_.erase(taken);
  if (const auto next = std::next(at); next != free_.end() && at->first + at->second == next->first) {
    at->second += next->second;
    free_.erase(next);
  }
  if (at == free_.begin()) return;
  const auto before = std::prev(at);
  if (before->first + before->second != at->first) return;
  before->second += at->second;
  free_.erase(at);
}

std::uint8_t* SharedBlocks::allocate(std::size_t size_bytes) noexcept {
  try {
    const Result<BlockPlace> place = take(size_bytes);
    return place ? reinterpret_cast<std::uint8_t*>(region_.data() + place->offset) : nullptr;
  } catch (const std::bad_alloc&) {  // of a worker with a limit; its own memory may do
    return nullptr;
  }
}

void SharedBlocks::release(std::uint8_t* bytes, std::size_t /*size_bytes*/) noexcept {
  give_back(static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(bytes) - region_.data()));
}

std::optional<BlockPlace> SharedBlocks::place_of(const void* bytes, std::size_t size_bytes) const noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(region_.data());
  const auto at = reinterpret_cast<std::uintptr_t>(bytes);
  if (at < begin || at - begin > region_.size_bytes() || size_bytes > region_.size_bytes() - (at - begin))
    return std::nullopt;
  return BlockPlace{at - begin, size_bytes};
}

}  // namespace penstock
