// SPDX-License-Identifier: MIT
#include "operators/async/window_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "platform/clock.h"
#include "stream/backoff.h"

namespace penstock::detail {
namespace {

constexpr std::int64_t kLookNs = 20'000'000;  // how often a waiting operator looks whether the run was cancelled

Error call_took_too_long(std::int64_t timeout_ns) {
  return Error(ErrorCode::kTimeout, fmt::format("it took longer than {} ms", static_cast<double>(timeout_ns) / 1e6));
}

}  // namespace

AsyncWindow::State::State(AsyncWork& of, AsyncLimits its_limits)
    : work(of),
      limits(its_limits),
      num_slots(std::clamp(its_limits.max_concurrent, 1U, kMostConcurrent) * (its_limits.ordered ? 2 : 1)),
      pace(its_limits.rate_limit),
      slots(std::make_unique<Slot[]>(num_slots)),
      order(its_limits.ordered ? std::bit_ceil(num_slots) : 0) {
  free.reserve(num_slots);
  ended.reserve(num_slots);
  for (std::uint32_t i = num_slots; i-- > 0;) {
    slots[i].state = this;
    slots[i].index = i;
    slots[i].fire = [](Timer& timer) {
      auto& slot = static_cast<Slot&>(timer);
      slot.state->call_after_pause(slot);
    };
    free.push_back(i);
  }
}

std::uint32_t AsyncWindow::State::take_slot() {
  Slot& slot = slots[free.back()];
  free.pop_back();
  if (limits.ordered) order[taken & (order.size() - 1)] = slot.index;
  ++taken;
  slot.attempt = 1;
  ++busy;
  return slot.index;
}

void AsyncWindow::State::call(Slot& slot) {
  slot.phase = Phase::kCalling;
  if (pace.limits()) pace.begin(now_ns());
  if (limits.timeout_ns > 0) watch(slot);
  const bool ended_at_once = work.begin(slot.index, {[](void* at) {
                                                       auto& of = *static_cast<Slot*>(at);
                                                       of.state->ended.push_back(of.index);
                                                     },
                                                     &slot});
  if (ended_at_once) ended.push_back(slot.index);
}

void AsyncWindow::State::call_after_pause(Slot& slot) {
  if (!pace.limits() || pace.next_ns() <= now_ns()) return call(slot);
  loop.timers().add(slot, pace.next_ns());
}

// All attempts may take equally long, so the list is sorted.
void AsyncWindow::State::watch(Slot& slot) noexcept {
  slot.deadline_ns = now_ns() + limits.timeout_ns;
  slot.older = newest;
  slot.newer = kNone;
  (newest == kNone ? oldest : slots[newest].newer) = slot.index;
  newest = slot.index;
}

void AsyncWindow::State::unwatch(Slot& slot) noexcept {
  (slot.older == kNone ? oldest : slots[slot.older].newer) = slot.newer;
  (slot.newer == kNone ? newest : slots[slot.newer].older) = slot.older;
}

bool AsyncWindow::State::expire() {
  if (oldest == kNone) return false;
  const std::int64_t now = now_ns();
  bool any = false;
  for (; oldest != kNone && slots[oldest].deadline_ns <= now; any = true) {
    Slot& slot = slots[oldest];
    unwatch(slot);
    work.drop(slot.index);
    slot.error = call_took_too_long(limits.timeout_ns);
    ended.push_back(slot.index);
  }
  return any;
}

Result<bool> AsyncWindow::State::advance(Emitter& out) {
  const AsyncLoop::Scope scope(loop);
  loop.run_ready();
  bool any = !ended.empty();
  PENSTOCK_TRY(settle_ended(out));
  if (expire()) {
    any = true;
    PENSTOCK_TRY(settle_ended(out));
  }
  return any;
}

Status AsyncWindow::State::advance_or_wait(Emitter& out, std::int64_t until_ns) {
  if (context->stop != nullptr && context->stop->cancelled()) {
    return Error(ErrorCode::kCancelled, "the run was cancelled");
  }
  bool any = false;
  PENSTOCK_ASSIGN(any, advance(out));
  if (any) return {};
  work.flush(out);
  const std::int64_t deadline_ns = oldest == kNone ? TimerQueue::kNever : slots[oldest].deadline_ns;
  const AsyncLoop::Scope scope(loop);  // what is ready may be run while it waits
  loop.wait(std::min({until_ns, deadline_ns, now_ns() + kLookNs}));
  return {};
}

Status AsyncWindow::State::settle_ended(Emitter& out) {
  // A call that is begun meanwhile may end at once, and stand behind the others.
  for (std::size_t i = 0; i < ended.size(); ++i) {
    Slot& slot = slots[ended[i]];
    std::optional<Error> error = std::exchange(slot.error, std::nullopt);
    if (!error) {
      if (limits.timeout_ns > 0) unwatch(slot);
      error = work.end(slot.index);
    }
    PENSTOCK_TRY(settle(slot, std::move(error), out));
  }
  ended.clear();
  return deliver_first(out);
}

Status AsyncWindow::State::settle(Slot& slot, std::optional<Error> error, Emitter& out) {
  if (error && try_again(slot, *error)) return {};
  if (error && work.fall_back(slot.index, *error)) {
    context->errors->count_fallback();
    error.reset();
  }
  slot.phase = error ? Phase::kFailed : Phase::kMade;
  slot.error = std::move(error);
  --busy;
  return limits.ordered ? Status() : deliver(slot, out);
}

bool AsyncWindow::State::try_again(Slot& slot, const Error& error) {
  const ErrorPolicy* const policy = context->policy;
  if (policy == nullptr || slot.attempt >= policy->max_attempts) return false;
  if (!limits.retries_everything && !error.retryable()) return false;
  context->errors->count_retry();
  slot.phase = Phase::kPausing;
  ++slot.attempt;
  const std::int64_t pause_ns = backoff_before(slot.attempt, policy->backoff_micros) * 1000;
  loop.timers().add(slot, now_ns() + with_jitter(pause_ns, limits.jitter, slot.record, slot.attempt));
  return true;
}

Status AsyncWindow::State::deliver_first(Emitter& out) {
  if (!limits.ordered) return {};
  for (; first != taken; ++first) {
    Slot& slot = slots[order[first & (order.size() - 1)]];
    if (slot.phase != Phase::kMade && slot.phase != Phase::kFailed) break;
    PENSTOCK_TRY(deliver(slot, out));
  }
  return {};
}

Status AsyncWindow::State::deliver(Slot& slot, Emitter& out) {
  if (slot.phase == Phase::kFailed) {
    Error error = std::move(*std::exchange(slot.error, std::nullopt));
    PENSTOCK_TRY(work.reject(slot.index, slot.record, std::move(error), *context->errors));
    work.forget(slot.index);
  } else if (work.put(slot.index) >= context->batch_size) {
    work.flush(out);
  }
  slot.phase = Phase::kFree;
  free.push_back(slot.index);
  return {};
}

void AsyncWindow::State::drop_all() noexcept {
  const AsyncLoop::Scope scope(loop);
  for (std::uint32_t i = 0; i < num_slots; ++i) {
    Slot& slot = slots[i];
    if (slot.phase == Phase::kFree) continue;
    loop.timers().remove(slot);
    if (slot.phase == Phase::kCalling) work.drop(i);
    work.forget(i);
    slot.phase = Phase::kFree;
    slot.error.reset();
  }
  ended.clear();
  oldest = newest = kNone;
}

}  // namespace penstock::detail
