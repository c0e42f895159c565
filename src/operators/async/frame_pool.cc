// SPDX-License-Identifier: MIT
// The memory of coroutine frames.
#include <penstock/task.h>

#include <array>
#include <new>

namespace penstock::detail {
namespace {

#if defined(__SANITIZE_ADDRESS__)
#define PENSTOCK_KEEPS_FRAMES false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PENSTOCK_KEEPS_FRAMES false
#endif
#endif
#ifndef PENSTOCK_KEEPS_FRAMES
#define PENSTOCK_KEEPS_FRAMES true
#endif

constexpr std::size_t kStep = 64;
constexpr std::size_t kMostFrame = 2048;                  // larger ones are not kept
constexpr std::size_t kMostKept = std::size_t{16} << 20;  // bytes, per thread
// The address sanitizer sees what touches a frame after its end only when that is freed.
constexpr bool kKeeps = PENSTOCK_KEEPS_FRAMES;
constexpr std::size_t kClasses = kMostFrame / kStep + 1;

// Freed frames by size, each the link to the next of its size. Frames may be freed by another thread than the one that
// made them: they stay there.
class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool() {
    for (Link* link : free_) {
      while (link != nullptr) ::operator delete(std::exchange(link, link->next));
    }
  }

  void* take(std::size_t bytes) {
    Link*& first = free_[class_of(bytes)];
    if (first == nullptr) return ::operator new(class_of(bytes) * kStep);
    kept_bytes_ -= class_of(bytes) * kStep;
    return std::exchange(first, first->next);
  }

  void keep(void* frame, std::size_t bytes) noexcept {
    const std::size_t size = class_of(bytes) * kStep;
    if (kept_bytes_ + size > kMostKept) return ::operator delete(frame);
    kept_bytes_ += size;
    Link*& first = free_[class_of(bytes)];
    first = new (frame) Link{first};
  }

 private:
  struct Link {
    Link* next;
  };
  static std::size_t class_of(std::size_t bytes) noexcept { return (bytes + kStep - 1) / kStep; }

  std::array<Link*, kClasses> free_{};
  std::size_t kept_bytes_ = 0;
};

// Frames may be freed after the pool of their thread: by other variables of the thread.
thread_local FramePool* frame_pool = nullptr;
struct FramePoolOwner {
  FramePool pool;
  FramePoolOwner() { frame_pool = &pool; }
  ~FramePoolOwner() { frame_pool = nullptr; }
};

FramePool* frame_pool_here() {
  thread_local FramePoolOwner owner;
  return frame_pool;
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
  FramePool* const pool = kKeeps && bytes <= kMostFrame ? frame_pool_here() : nullptr;
  return pool != nullptr ? pool->take(bytes) : ::operator new((bytes + kStep - 1) / kStep * kStep);
}

void release_frame(void* frame, std::size_t bytes) noexcept {
  if (kKeeps && bytes <= kMostFrame && frame_pool != nullptr) return frame_pool->keep(frame, bytes);
  ::operator delete(frame);
}

}  // namespace penstock::detail
