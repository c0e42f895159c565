// SPDX-License-Identifier: MIT
// Times that somebody waits for, the earliest first.
#pragma once

#include <penstock/task.h>

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace penstock::detail {

/// Most who wait wait equally long, so most times come in ascending order: such a time goes behind one of a few sorted
/// lists, in constant time; only what fits behind none of them goes into a heap. Not thread-safe.
class TimerQueue {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// Requires a timer that is in no queue.
  void add(Timer& timer, std::int64_t deadline_ns);
  /// Does nothing when it is not in the queue.
  void remove(Timer& timer) noexcept;
  /// Takes out the earliest one that is due at `now_ns`, or null.
  Timer* take_due(std::int64_t now_ns) noexcept;
  /// kNever when there is none.
  std::int64_t earliest() const noexcept;

 private:
  struct Entry {
    std::int64_t deadline_ns;
    Timer* timer;  // null: removed
  };

  // A queue in a ring whose size is a power of two. Places are numbers that never wrap.
  class List {
   public:
    bool empty() const noexcept { return begin_ == end_; }
    const Entry& front() const noexcept { return ring_[begin_ & (ring_.size() - 1)]; }
    std::int64_t last_deadline() const noexcept { return last_deadline_ns_; }
    std::uint64_t push(Entry entry);
    void clear(std::uint64_t place) noexcept;
    void pop() noexcept;

   private:
    void drop_removed() noexcept;
    std::vector<Entry> ring_;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    std::int64_t last_deadline_ns_ = 0;
  };

  static constexpr std::uint32_t kLists = 4;
  static constexpr std::uint32_t kInHeap = kLists;

  void put(std::size_t at, Entry entry) noexcept;
  void sift_up(std::size_t at) noexcept;
  void sift_down(std::size_t at) noexcept;
  void remove_from_heap(std::size_t at) noexcept;

  std::array<List, kLists> lists_;
  std::vector<Entry> heap_;
};

}  // namespace penstock::detail
