// SPDX-License-Identifier: MIT
#include "operators/async/timer_queue.h"

#include <algorithm>
#include <utility>

namespace penstock::detail {

std::uint64_t TimerQueue::List::push(Entry entry) {
  if (end_ - begin_ == ring_.size()) {
    std::vector<Entry> larger(std::max<std::size_t>(64, ring_.size() * 2));
    for (std::uint64_t at = begin_; at != end_; ++at) larger[at & (larger.size() - 1)] = ring_[at & (ring_.size() - 1)];
    ring_ = std::move(larger);
  }
  last_deadline_ns_ = entry.deadline_ns;
  ring_[end_ & (ring_.size() - 1)] = entry;
  return end_++;
}

void TimerQueue::List::clear(std::uint64_t place) noexcept {
  ring_[place & (ring_.size() - 1)].timer = nullptr;
  drop_removed();
}

void TimerQueue::List::pop() noexcept {
  ++begin_;
  drop_removed();
}

// The front is always one that waits.
void TimerQueue::List::drop_removed() noexcept {
  while (begin_ != end_ && front().timer == nullptr) ++begin_;
}

void TimerQueue::add(Timer& timer, std::int64_t deadline_ns) {
  // The list whose last one is the latest that fits leaves the others to those who wait shorter.
  std::uint32_t best = kInHeap;
  for (std::uint32_t i = 0; i < kLists; ++i) {
    const std::int64_t last = lists_[i].empty() ? -1 : lists_[i].last_deadline();
    if (last > deadline_ns) continue;
    if (best == kInHeap || last > (lists_[best].empty() ? -1 : lists_[best].last_deadline())) best = i;
  }
  timer.queue_ = this;
  timer.list_ = best;
  if (best != kInHeap) {
    timer.place_ = lists_[best].push({deadline_ns, &timer});
    return;
  }
  heap_.push_back({deadline_ns, &timer});
  timer.place_ = heap_.size() - 1;
  sift_up(heap_.size() - 1);
}

void TimerQueue::remove(Timer& timer) noexcept {
  if (std::exchange(timer.queue_, nullptr) == nullptr) return;
  if (timer.list_ == kInHeap) {
    remove_from_heap(timer.place_);
  } else {
    lists_[timer.list_].clear(timer.place_);
  }
}

std::int64_t TimerQueue::earliest() const noexcept {
  std::int64_t earliest = heap_.empty() ? kNever : heap_.front().deadline_ns;
  for (const List& list : lists_) {
    if (!list.empty()) earliest = std::min(earliest, list.front().deadline_ns);
  }
  return earliest;
}

Timer* TimerQueue::take_due(std::int64_t now_ns) noexcept {
  List* from = nullptr;
  std::int64_t earliest = now_ns;
  for (List& list : lists_) {
    if (list.empty() || list.front().deadline_ns > earliest) continue;
    from = &list;
    earliest = list.front().deadline_ns;
  }
  Timer* timer = nullptr;
  if (!heap_.empty() && heap_.front().deadline_ns <= earliest &&
      (from == nullptr || heap_.front().deadline_ns < earliest)) {
    timer = heap_.front().timer;
    remove_from_heap(0);
  } else if (from != nullptr) {
    timer = from->front().timer;
    from->pop();
  }
  if (timer != nullptr) timer->queue_ = nullptr;
  return timer;
}

void TimerQueue::put(std::size_t at, Entry entry) noexcept {
  heap_[at] = entry;
  entry.timer->place_ = at;
}

void TimerQueue::sift_up(std::size_t at) noexcept {
  const Entry entry = heap_[at];
  for (; at > 0 && entry.deadline_ns < heap_[(at - 1) / 2].deadline_ns; at = (at - 1) / 2) put(at, heap_[(at - 1) / 2]);
  put(at, entry);
}

void TimerQueue::sift_down(std::size_t at) noexcept {
  const Entry entry = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].deadline_ns < heap_[child].deadline_ns) ++child;
    if (entry.deadline_ns <= heap_[child].deadline_ns) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, entry);
}

void TimerQueue::remove_from_heap(std::size_t at) noexcept {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  put(at, last);
  sift_up(at);
  sift_down(last.timer->place_);
}

}  // namespace penstock::detail
