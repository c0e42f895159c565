// SPDX-License-Identifier: MIT
// Who works with a graph: any number of those that add to it, or of those that look things up, or one alone.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace penstock {

/// Lets one group in at a time. Thread-safe. When two groups want in, neither waits for ever: newcomers of the one that
/// is in wait as soon as others do.
class Turns {
 public:
  enum class Group : std::uint8_t { kAdding, kSearching, kAlone };

  /// One member of a group, from its construction to its destruction.
  class Turn {
   public:
    Turn(Turns& turns, Group group) : turns_(turns), group_(group) { turns_.begin(group_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { turns_.end(); }

   private:
    Turns& turns_;
    const Group group_;
  };

 private:
  void begin(Group group) {
    std::unique_lock lock(mutex_);
    std::size_t& own = waiting_[static_cast<std::size_t>(group)];
    ++own;
    ++all_waiting_;
    may_begin_.wait(lock, [&] {
      const bool joins = group == group_ && group != Group::kAlone && all_waiting_ == own;
      return inside_ == 0 || joins;
    });
    --own;
    --all_waiting_;
    group_ = group;
    ++inside_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) may_begin_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable may_begin_;
  // guarded by mutex_
  std::array<std::size_t, 3> waiting_ = {};
  std::size_t all_waiting_ = 0;
  std::size_t inside_ = 0;
  Group group_ = Group::kAlone;
};

}  // namespace penstock
