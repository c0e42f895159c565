// SPDX-License-Identifier: MIT
// Brings what several workers finish in any order back into the order in which it was handed out.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace penstock {

/// A window over numbered parcels: tickets count from 0, each is submitted once, and parcels are delivered in their
/// order.
///
/// Thread-safe. A worker whose ticket lies `width` or more behind the next to be delivered waits: that bounds what is
/// held. The worker with the lowest ticket never waits for another one's, so nobody waits for ever as long as each
/// works on one ticket at a time. Parcels are delivered by whichever worker brings the next one, one at a time, outside
/// of the lock.
template <class Parcel>
class ReorderWindow {
 public:
  explicit ReorderWindow(std::size_t width) : slots_(std::max<std::size_t>(width, 1)) {}

  /// Hands over the parcel of `ticket`; `deliver(Parcel)` is called for it and for those behind it that are there.
  /// Returns false when it was cancelled: the parcel is dropped.
  template <class Deliver>
  bool submit(std::uint64_t ticket, Parcel parcel, Deliver&& deliver) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_ || ticket - next_ < slots_.size(); });
    if (cancelled_) return false;
    slots_[ticket % slots_.size()] = std::move(parcel);
    const bool claimed = claimed_ && ticket == next_;
    if (!claimed && (delivering_ || ticket != next_)) return true;  // whoever delivers comes to it
    deliver_from_next(lock, deliver);
    return !cancelled_;
  }

  /// Waits until everything before `ticket` was delivered. What the caller then delivers by itself comes before what it
  /// submits. Returns false when it was cancelled.
  bool claim(std::uint64_t ticket) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_ || (ticket == next_ && (claimed_ || !delivering_)); });
    delivering_ = claimed_ = !cancelled_;
    return claimed_;
  }

  /// Lets workers be further ahead than before; does nothing when `width` is less than they may be already.
  void widen(std::size_t width) {
    const std::lock_guard lock(mutex_);
    if (width <= slots_.size()) return;
    std::vector<std::optional<Parcel>> wider(width);
    for (std::uint64_t ticket = next_; ticket < next_ + slots_.size(); ++ticket)
      wider[ticket % width] = std::move(slots_[ticket % slots_.size()]);
    slots_ = std::move(wider);
    changed_.notify_all();
  }

  /// Everybody who waits returns, now and later.
  void cancel() noexcept {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  template <class Deliver>
  void deliver_from_next(std::unique_lock<std::mutex>& lock, Deliver& deliver) {
    delivering_ = true;
    claimed_ = false;
    while (!cancelled_ && slots_[next_ % slots_.size()]) {
      Parcel parcel = std::move(*slots_[next_ % slots_.size()]);
      slots_[next_ % slots_.size()].reset();
      lock.unlock();
      deliver(std::move(parcel));
      lock.lock();
      ++next_;
      changed_.notify_all();
    }
    delivering_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::vector<std::optional<Parcel>> slots_;
  std::uint64_t next_ = 0;   // the ticket to be delivered next
  bool delivering_ = false;  // somebody delivers outside of the lock
  bool claimed_ = false;     // it is the worker of next_, before its parcel is complete
  bool cancelled_ = false;
};

}  // namespace penstock
