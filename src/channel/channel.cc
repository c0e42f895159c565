// SPDX-License-Identifier: MIT
#include "channel/channel.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace penstock {
namespace {

// Giving the core away this often before sleeping lets two threads that share a core hand batches over without the
// cost of a futex; more costs CPU time when the other side really is slow.
constexpr int kYields = 4;

}  // namespace

Channel::Channel(std::size_t depth, MemoryBudget budget)
    : depth_(std::max<std::size_t>(depth, 1)),
      limit_(depth_),
      budget_(std::move(budget)),
      slots_(std::make_unique<Batch[]>(depth_)) {}

void Channel::lower_depth(std::size_t depth) noexcept {
  std::size_t now = limit_.load(std::memory_order_relaxed);
  while (std::max<std::size_t>(depth, 1) < now &&
         !limit_.compare_exchange_weak(now, std::max<std::size_t>(depth, 1), std::memory_order_relaxed)) {
  }
}

std::size_t Channel::size() const noexcept {
  const std::uint64_t popped = popped_.load(std::memory_order_acquire);
  return static_cast<std::size_t>(pushed_.load(std::memory_order_acquire) - popped);
}

bool Channel::full() noexcept {
  const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  if (pushed - popped_seen_ < depth()) return false;
  popped_seen_ = popped_.load(std::memory_order_seq_cst);
  return pushed - popped_seen_ >= depth();
}

bool Channel::empty() noexcept {
  const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
  if (popped != pushed_seen_) return false;
  pushed_seen_ = pushed_.load(std::memory_order_seq_cst);
  return popped == pushed_seen_;
}

// A sleeper announces itself before its last look, and the other side looks for sleepers after its change; with
// sequentially consistent order one of the two sees the other, so no wake-up is lost.
template <class Ready>
void Channel::wait_until(Ready ready) {
  for (int i = 0; i < kYields; ++i) {
    if (ready()) return;
    sched_yield();
  }
  std::unique_lock lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  changed_.wait(lock, ready);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

void Channel::wake() noexcept {
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void Channel::give_back(Batch spent) noexcept {
  if (taker_ != nullptr) return;
  const std::uint64_t at = given_back_.load(std::memory_order_relaxed);
  if (spent.made_here() || at - freed_.load(std::memory_order_acquire) == kMostSpent) return;
  spent_[at % kMostSpent] = std::move(spent);
  given_back_.store(at + 1, std::memory_order_release);
}

void Channel::free_spent() noexcept {
  const std::uint64_t end = given_back_.load(std::memory_order_acquire);
  for (std::uint64_t at = freed_.load(std::memory_order_relaxed); at != end; ++at) {
    Batch spent = std::move(spent_[at % kMostSpent]);
    if (upstream_ != nullptr && !spent.made_here()) upstream_->give_back(std::move(spent));
    freed_.store(at + 1, std::memory_order_release);
  }
}

bool Channel::push(Batch batch) {
  if (taker_ != nullptr) {
    if (wants_more()) taker_->take(std::move(batch));
    return wants_more();
  }
  free_spent();
  if (full()) {
    wait_until([this] {
      return cancelled_.load(std::memory_order_seq_cst) || refused_.load(std::memory_order_seq_cst) || !full();
    });
  }
  if (!wants_more()) return false;
  budget_.charge(batch.unpooled_bytes());
  const std::uint64_t at = pushed_.load(std::memory_order_relaxed);
  slots_[at % depth_] = std::move(batch);
  pushed_.store(at + 1, std::memory_order_seq_cst);
  wake();
  return true;
}

bool Channel::pop(Batch& batch) {
  if (empty()) {
    wait_until([this] {
      return cancelled_.load(std::memory_order_seq_cst) || refused_.load(std::memory_order_seq_cst) || !empty() ||
             closed_.load(std::memory_order_seq_cst);
    });
  }
  if (!wants_more() || empty()) return false;
  const std::uint64_t at = popped_.load(std::memory_order_relaxed);
  batch = std::move(slots_[at % depth_]);
  budget_.release(batch.unpooled_bytes());
  popped_.store(at + 1, std::memory_order_seq_cst);
  wake();
  return true;
}

void Channel::close() noexcept {
  if (taker_ != nullptr) std::exchange(taker_, nullptr)->end();
  closed_.store(true, std::memory_order_seq_cst);
  wake();
}

void Channel::stop_consuming() noexcept {
  refused_.store(true, std::memory_order_seq_cst);
  wake();
}

void Channel::cancel() noexcept {
  cancelled_.store(true, std::memory_order_seq_cst);
  wake();
}

}  // namespace penstock
