// SPDX-License-Identifier: MIT
// The loop of one async operator: it resumes coroutines whose time has come, or whose socket is ready.
#pragma once

#include <array>
#include <memory>

#include "operators/async/loop_part.h"
#include "operators/async/reactor.h"
#include "operators/async/timer_queue.h"

namespace penstock::detail {

/// Used by one thread at a time.
class AsyncLoop {
 public:
  AsyncLoop() : reactor_(make_reactor()) {}

  /// That of the operator at work in this thread. A broken contract where there is none.
  static AsyncLoop& current();

  /// Makes it the current one as long as the object lives.
  class Scope {
   public:
    explicit Scope(AsyncLoop& loop) noexcept;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

   private:
    AsyncLoop* const before_;
  };

  TimerQueue& timers() noexcept { return timers_; }
  Reactor& reactor() noexcept { return *reactor_; }
  /// The part of this kind, which is a `Part`.
  template <class Part>
  Part& part(LoopPart::Kind kind) {
    if (!parts_[kind]) parts_[kind] = std::make_unique<Part>();
    return static_cast<Part&>(*parts_[kind]);
  }

  /// Runs what is ready, without waiting.
  void run_ready();
  /// Waits until something may be ready, or until this time of the steady clock.
  void wait(std::int64_t until_ns);

 private:
  TimerQueue timers_;
  std::unique_ptr<Reactor> reactor_;
  std::array<std::unique_ptr<LoopPart>, LoopPart::kKinds> parts_;
};

}  // namespace penstock::detail
