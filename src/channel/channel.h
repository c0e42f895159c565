// SPDX-License-Identifier: MIT
// A bounded queue of batches between two segments. A full channel makes its producer wait: that is backpressure.
#pragma once

#include <penstock/batch.h>
#include <penstock/buffer.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

namespace penstock {

/// Takes what is pushed into a channel in the producer's own thread, as long as nobody pops at the other end.
class BatchTaker {
 public:
  virtual ~BatchTaker() = default;
  /// Works on it at once; may say to the channel that it wants no more.
  virtual void take(Batch batch) = 0;
  /// No batch follows.
  virtual void end() noexcept = 0;
};

/// One producer, one consumer, in order. Spent batches go back the other way: see `give_back`.
///
/// Thread-safe for one pushing and one popping thread; close and cancel may come from anywhere. While both sides are
/// busy a push or pop costs two atomic operations and no lock; a side that must wait yields its core a few times and
/// then sleeps. Bytes in the channel that no buffer pool counts are charged to the budget. The ring is Lamport's (1977)
/// with cached opposite indices (as in "FastForward", Giacomoni et al. 2008).
class Channel {
 public:
  /// Holds at most `depth` batches, at least one.
  Channel(std::size_t depth, MemoryBudget budget);

  /// Waits while the channel is full. Returns false when it was cancelled or the consumer wants no more: the batch is
  /// dropped.
  bool push(Batch batch);
  /// Waits while the channel is empty. Returns false at the end: the producer closed and all was popped, or cancelled.
  bool pop(Batch& batch);

  /// By the consumer: it has worked on everything that was popped, and what came of it is where it belongs.
  void finish_popped() noexcept { worked_.store(popped_.load(std::memory_order_relaxed), std::memory_order_release); }
  /// While the producer is known to push nothing: whether the consumer has worked on all that was pushed; what it did
  /// is visible to the caller then.
  bool is_worked_off() const noexcept { return worked_.load(std::memory_order_acquire) == pushed(); }
  /// How many batches were pushed so far.
  std::uint64_t pushed() const noexcept { return pushed_.load(std::memory_order_acquire); }

  /// By the consumer: true when `pop` would not wait.
  bool ready() noexcept { return !wants_more() || !empty() || closed_.load(std::memory_order_seq_cst); }

  /// By the consumer: hands a batch that is not needed any more towards the thread that made it, which frees it when it
  /// pushes next. A few are kept; more are freed here.
  void give_back(Batch spent) noexcept;
  /// Before work begins: where spent batches go on to that the producer did not make, the channel that feeds the
  /// producer.
  void set_upstream(Channel* upstream) noexcept { upstream_ = upstream; }

  /// While both ends are in one thread, that one: from now on what is pushed goes straight to `taker`, or, with null,
  /// is to be popped again. The budget is not charged meanwhile.
  void hand_to(BatchTaker* taker) noexcept { taker_ = taker; }

  /// By the producer: no batch follows.
  void close() noexcept;
  /// By the consumer: it needs no more; later pushes and pops return false.
  void stop_consuming() noexcept;
  /// Both sides return false from now on.
  void cancel() noexcept;

  bool wants_more() const noexcept {
    return !cancelled_.load(std::memory_order_relaxed) && !refused_.load(std::memory_order_relaxed);
  }
  /// How many batches it may hold now.
  std::size_t depth() const noexcept { return limit_.load(std::memory_order_relaxed); }
  /// From now on at most so many, at least one; what is inside stays. Never more than at first. From any thread.
  void lower_depth(std::size_t depth) noexcept;
  /// How many batches are inside; for progress and messages.
  std::size_t size() const noexcept;

 private:
  bool full() noexcept;
  bool empty() noexcept;
  template <class Ready>
  void wait_until(Ready ready);
  void wake() noexcept;
  void free_spent() noexcept;

  static constexpr std::size_t kMostSpent = 4;

  const std::size_t depth_;  // room in the ring
  std::atomic<std::size_t> limit_;
  const MemoryBudget budget_;
  const std::unique_ptr<Batch[]> slots_;
  BatchTaker* taker_ = nullptr;

  alignas(64) std::atomic<std::uint64_t> pushed_{0};
  std::uint64_t popped_seen_ = 0;  // the producer's last look at popped_
  alignas(64) std::atomic<std::uint64_t> popped_{0};
  std::uint64_t pushed_seen_ = 0;         // the consumer's last look at pushed_
  std::atomic<std::uint64_t> worked_{0};  // written by the consumer

  // The ring of spent batches, in which the consumer produces.
  Channel* upstream_ = nullptr;
  alignas(64) std::atomic<std::uint64_t> given_back_{0};
  std::array<Batch, kMostSpent> spent_;
  alignas(64) std::atomic<std::uint64_t> freed_{0};

  alignas(64) std::atomic<bool> closed_{false};
  std::atomic<bool> refused_{false};
  std::atomic<bool> cancelled_{false};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace penstock
