// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <penstock/async_window.h>

#include "operators/async/window_state.h"
#include "platform/clock.h"

namespace penstock::detail {
namespace {

constexpr std::int64_t kIdleNs = 1'000'000;  // the longest that a record waits for an operator without input

}  // namespace

AsyncWork::~AsyncWork() = default;
std::uint64_t AsyncWork::records(std::uint32_t) const { return 1; }
bool AsyncWork::fall_back(std::uint32_t, Error&) { return false; }

Status AsyncWork::reject(std::uint32_t slot, std::uint64_t record, Error error, RowErrors& errors) {
  Rejection rejection{.record = record, .reason = error.message(), .raw = {}};
  if (!errors.raw_unused()) rejection.raw = raw(slot);
  Status status = errors.reject(std::move(rejection));
  if (status) return {};
  return std::move(status).error().caused_by(std::move(error));
}

AsyncWindow::AsyncWindow(AsyncWork& work, AsyncLimits limits) : state_(std::make_unique<State>(work, limits)) {}

AsyncWindow::~AsyncWindow() = default;

std::uint32_t AsyncWindow::slots() const noexcept { return state_->num_slots; }

OperatorTraits AsyncWindow::traits() const noexcept {
  return {.unordered = !state_->limits.ordered,
          .retries_rows = true,
          .in_flight = state_->limits.max_concurrent,
          .rows = RowEffect::kKeeps};
}

std::string AsyncWindow::note() const {
  const AsyncLimits& limits = state_->limits;
  std::string note = fmt::format("up to {} records wait at once, in one thread", limits.max_concurrent);
  if (limits.timeout_ns > 0) note += fmt::format("; {} ms each", static_cast<double>(limits.timeout_ns) / 1e6);
  if (limits.rate_limit > 0) note += fmt::format("; at most {} begin in a second", limits.rate_limit);
  return note;
}

Status AsyncWindow::check() const {
  const AsyncLimits& limits = state_->limits;
  if (limits.max_concurrent < 1 || limits.max_concurrent > State::kMostConcurrent) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("max_concurrent must be from 1 to {}, found {}",
                                                          State::kMostConcurrent, limits.max_concurrent));
  }
  if (limits.timeout_ns < 0) return Error(ErrorCode::kInvalidArgument, "the timeout of a call is negative");
  if (!(limits.rate_limit >= 0)) return Error(ErrorCode::kInvalidArgument, "rate_limit must be 0 or more");
  if (!(limits.jitter >= 0 && limits.jitter <= 1)) {
    return Error(ErrorCode::kInvalidArgument, "jitter must be from 0 to 1");
  }
  return {};
}

void AsyncWindow::open(OperatorContext& context) { state_->context = &context; }

Result<std::uint32_t> AsyncWindow::make_room(Emitter& out) {
  State& state = *state_;
  for (;;) {
    std::int64_t until_ns = TimerQueue::kNever;
    if (state.has_room()) {
      if (!state.pace.limits() || state.pace.next_ns() <= now_ns()) return state.take_slot();
      until_ns = state.pace.next_ns();
    }
    PENSTOCK_TRY(state.advance_or_wait(out, until_ns));
  }
}

void AsyncWindow::begin(std::uint32_t slot) {
  const AsyncLoop::Scope scope(state_->loop);
  state_->number(state_->slots[slot]);
  state_->call(state_->slots[slot]);
}

Status AsyncWindow::hand_over(Emitter& out) {
  PENSTOCK_TRY(state_->advance(out));
  state_->work.flush(out);
  return {};
}

Result<bool> AsyncWindow::idle(Emitter& out, bool may_wait) {
  if (state_->free.size() == state_->num_slots) return false;
  if (may_wait) {
    PENSTOCK_TRY(state_->advance_or_wait(out, now_ns() + kIdleNs));
  }
  PENSTOCK_TRY(hand_over(out));
  return state_->free.size() != state_->num_slots;
}

Status AsyncWindow::finish(Emitter& out) {
  while (state_->free.size() != state_->num_slots) {
    PENSTOCK_TRY(state_->advance_or_wait(out, TimerQueue::kNever));
  }
  state_->work.flush(out);
  return {};
}

void AsyncWindow::drop_all() noexcept { state_->drop_all(); }

}  // namespace penstock::detail
