// SPDX-License-Identifier: MIT
#include "operators/async/async_loop.h"

#include <algorithm>

#include "platform/clock.h"

namespace penstock::detail {
namespace {

constexpr std::int64_t kNotWorthASleep = 20'000;  // ns: going to sleep and waking up takes longer

thread_local AsyncLoop* loop_at_work = nullptr;

}  // namespace

LoopPart::~LoopPart() = default;

AsyncLoop& AsyncLoop::current() {
  if (loop_at_work == nullptr) contract_broken("something was awaited outside of the coroutine of an async operator");
  return *loop_at_work;
}

AsyncLoop::Scope::Scope(AsyncLoop& loop) noexcept : before_(loop_at_work) { loop_at_work = &loop; }
AsyncLoop::Scope::~Scope() { loop_at_work = before_; }

void AsyncLoop::run_ready() {
  reactor_->poll();
  const std::int64_t now = now_ns();
  while (Timer* const timer = timers_.take_due(now)) timer->fire(*timer);
}

void AsyncLoop::wait(std::int64_t until_ns) {
  until_ns = std::min(until_ns, timers_.earliest());
  if (until_ns - now_ns() > kNotWorthASleep) reactor_->wait(until_ns);
}

void start_timer(Timer& timer, std::chrono::nanoseconds time) {
  const std::int64_t now = now_ns();
  const std::int64_t most = TimerQueue::kNever - 1 - now;
  AsyncLoop::current().timers().add(timer, now + std::min<std::int64_t>(time.count(), most));
}

void stop_timer(Timer& timer) noexcept {
  if (timer.queue_ != nullptr) timer.queue_->remove(timer);
}

}  // namespace penstock::detail
