// SPDX-License-Identifier: MIT
// The hand-written rivals' queues: a ring between two threads, and a queue with a mutex that may be unbounded.
#pragma once

#include <immintrin.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::benchmark {

/// Spins a little, then gives the core away.
class Patience {
 public:
  void wait() noexcept {
    if (++tries_ < 64) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
  }

 private:
  int tries_ = 0;
};

/// Bounded ring whose slots are reused, so that batches and strings keep their capacity. Single producer, single
/// consumer. Each side keeps a copy of the other's position and looks at the shared one only when the copy says full or
/// empty.
template <typename T>
class Ring {
 public:
  /// `capacity` must be a power of two.
  explicit Ring(std::size_t capacity) : slots_(capacity), mask_(capacity - 1) {}

  /// Waits for a free slot. Producer only; the slot holds what was there a round ago.
  T& claim() noexcept {
    if (head_ - seen_tail_ == slots_.size()) {
      for (Patience patience; (seen_tail_ = tail_.load(std::memory_order_acquire)) + slots_.size() == head_;)
        patience.wait();
    }
    return slots_[head_ & mask_];
  }
  /// Hands the claimed slot over.
  void publish() noexcept { shared_head_.store(++head_, std::memory_order_release); }
  /// Says that nothing follows.
  void close() noexcept { closed_.store(true, std::memory_order_release); }

  /// Waits for a record; null when closed and empty. Consumer only.
  T* front() noexcept {
    for (Patience patience; my_tail_ == seen_head_; patience.wait()) {
      const bool closed = closed_.load(std::memory_order_acquire);
      seen_head_ = shared_head_.load(std::memory_order_acquire);
      if (my_tail_ == seen_head_ && closed) return nullptr;
    }
    return &slots_[my_tail_ & mask_];
  }
  /// Gives the slot of `front` back.
  void pop() noexcept { tail_.store(++my_tail_, std::memory_order_release); }

 private:
  std::vector<T> slots_;
  std::size_t mask_;
  alignas(64) std::size_t head_ = 0;  // producer's
  std::size_t seen_tail_ = 0;
  alignas(64) std::atomic<std::size_t> shared_head_{0};
  std::atomic<bool> closed_{false};
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::size_t my_tail_ = 0;  // consumer's
  std::size_t seen_head_ = 0;
};

/// A queue with a mutex and two condition variables; `limit` 0 means unbounded. Thread-safe.
template <typename T>
class LockedQueue {
 public:
  explicit LockedQueue(std::size_t limit) : limit_(limit) {}

  void push(T value) {
    std::unique_lock lock(mutex_);
    if (limit_ > 0) not_full_.wait(lock, [&] { return queue_.size() < limit_; });
    queue_.push_back(std::move(value));
    lock.unlock();
    not_empty_.notify_one();
  }
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    not_empty_.notify_all();
  }
  /// False when closed and empty.
  bool pop(T& value) {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return !queue_.empty() || closed_; });
    if (queue_.empty()) return false;
    value = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    not_full_.notify_one();
    return true;
  }

 private:
  std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable not_empty_, not_full_;
  std::deque<T> queue_;
  bool closed_ = false;
};

}  // namespace penstock::benchmark
