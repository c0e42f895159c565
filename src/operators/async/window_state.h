// SPDX-License-Identifier: MIT
// The records in work of one async operator.
#pragma once

#include <penstock/async_window.h>

#include <vector>

#include "operators/async/async_loop.h"
#include "operators/async/pace.h"

namespace penstock::detail {

/// What an AsyncWindow is made of. A slot goes from free to calling, perhaps through some pauses back to calling, then
/// to made or failed, and is free again when the record has left.
struct AsyncWindow::State {
  enum class Phase : std::uint8_t { kFree, kCalling, kPausing, kMade, kFailed };
  static constexpr std::uint32_t kMostConcurrent = 1'000'000;
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);

  struct Slot : Timer {  // of the pause
    State* state = nullptr;
    std::uint32_t index = 0;
    Phase phase = Phase::kFree;
    std::uint32_t attempt = 0;
    std::uint64_t record = 0;
    std::int64_t deadline_ns = 0;  // of the attempt
    std::uint32_t older = kNone;   // the neighbours in the list of attempts with a deadline
    std::uint32_t newer = kNone;
    std::optional<Error> error;
  };

  State(AsyncWork& of, AsyncLimits its_limits);

  bool has_room() const noexcept { return busy < limits.max_concurrent && !free.empty(); }
  std::uint32_t take_slot();
  /// Gives the records of a slot that was just taken their numbers.
  void number(Slot& slot) noexcept {
    slot.record = next_record;
    next_record += work.records(slot.index);
  }
  /// Begins an attempt now.
  void call(Slot& slot);
  /// Begins the next attempt after a pause, as soon as the pace allows it.
  void call_after_pause(Slot& slot);
  /// Runs what is ready, and hands over what is done. Returns whether there was anything.
  Result<bool> advance(Emitter& out);
  /// The same; waits for it, but not beyond `until_ns`, nor longer than it takes to see that the run is cancelled.
  Status advance_or_wait(Emitter& out, std::int64_t until_ns);
  void drop_all() noexcept;

  AsyncWork& work;
  const AsyncLimits limits;
  const std::uint32_t num_slots;
  OperatorContext* context = nullptr;
  AsyncLoop loop;
  Pace pace;
  std::unique_ptr<Slot[]> slots;
  std::vector<std::uint32_t> free;
  std::vector<std::uint32_t> ended;  // attempts, not looked at yet
  std::vector<std::uint32_t> order;  // a ring, its size a power of two: slots in the order of their records
  std::uint64_t first = 0;           // in `order`
  std::uint64_t taken = 0;           // slots so far; behind the last in `order`
  std::uint64_t next_record = 0;     // its number
  std::uint32_t busy = 0;            // slots that call or pause
  std::uint32_t oldest = kNone;      // of the attempts with a deadline
  std::uint32_t newest = kNone;

 private:
  void watch(Slot& slot) noexcept;
  void unwatch(Slot& slot) noexcept;
  bool expire();
  Status settle_ended(Emitter& out);
  Status settle(Slot& slot, std::optional<Error> error, Emitter& out);
  bool try_again(Slot& slot, const Error& error);
  Status deliver_first(Emitter& out);
  Status deliver(Slot& slot, Emitter& out);
};

}  // namespace penstock::detail
