// SPDX-License-Identifier: MIT
// The part of async operators that does not depend on the kind of their records: how many wait at once, in which order
// they leave, timeouts, attempts. For those who write such operators; others use async.h or operators by name.
#pragma once

#include <penstock/operator.h>
#include <penstock/task.h>

#include <memory>
#include <optional>
#include <string>

namespace penstock::detail {

struct AsyncLimits {
  std::uint32_t max_concurrent = 1000;
  bool ordered = true;
  std::int64_t timeout_ns = 0;     ///< Of one attempt; 0: none.
  double rate_limit = 0;           ///< Attempts per second; 0: no limit.
  double jitter = 0.5;             ///< Part of a backoff that chance may take away.
  bool retries_everything = true;  ///< False: only errors that say that they are retryable.
};

/// What is different from operator to operator: the calls themselves. A record in work has a slot, a number below
/// `AsyncWindow::slots`. A call may be for several records that follow one another; they share the slot.
class AsyncWork {
 public:
  virtual ~AsyncWork();
  /// How many records the call of the slot is for. Asked when the slot was taken; 1 unless overridden.
  virtual std::uint64_t records(std::uint32_t slot) const;
  /// Begins an attempt for the record. Returns true when it has ended already; otherwise `then` is called once when it
  /// ends, unless it is dropped.
  virtual bool begin(std::uint32_t slot, Continuation then) = 0;
  /// After an attempt has ended: keeps its result, or returns its error.
  virtual std::optional<Error> end(std::uint32_t slot) = 0;
  /// Ends an attempt that has not ended by itself.
  virtual void drop(std::uint32_t slot) noexcept = 0;
  /// When all attempts failed: makes a result by other means, or returns false and may change the error.
  virtual bool fall_back(std::uint32_t slot, Error& error);
  /// Moves the result to what `flush` emits, and forgets the record. Returns how many records `flush` would emit.
  virtual std::size_t put(std::uint32_t slot) = 0;
  /// All attempts failed: hands the records of the slot, from number `record` on, to the policy. Results that some of
  /// them have may be put. Unless overridden it rejects the one record.
  virtual Status reject(std::uint32_t slot, std::uint64_t record, Error error, RowErrors& errors);
  /// The record as it came, for quarantine.
  virtual std::string raw(std::uint32_t slot) = 0;
  /// The record is not needed any more.
  virtual void forget(std::uint32_t slot) noexcept = 0;
  /// Emits what was put, if anything was.
  virtual void flush(Emitter& out) = 0;
};

/// Keeps up to `max_concurrent` attempts going, across batches, and hands over what is done, in order unless told
/// otherwise, when no more than twice as many records are in slots. Belongs to one worker.
///
/// While it has to wait it runs the loop that resumes the coroutines of its operator; it looks at the stop signal every
/// 20 ms. Rejected records carry their number in the whole input (see OperatorTraits::in_flight).
class AsyncWindow {
 public:
  AsyncWindow(AsyncWork& work, AsyncLimits limits);
  ~AsyncWindow();

  std::uint32_t slots() const noexcept;
  /// Every record comes out or is rejected; in flight; retries by itself.
  OperatorTraits traits() const noexcept;
  std::string note() const;

  /// kInvalidArgument for limits that make no sense. For bind.
  Status check() const;
  void open(OperatorContext& context);
  /// Takes `count` records: calls `take(slot, index)` for each as soon as there is room, and begins it.
  template <class Take>
  Status take_all(std::size_t count, Emitter& out, Take&& take) {
    for (std::size_t index = 0; index < count; ++index) {
      std::uint32_t slot = 0;
      PENSTOCK_ASSIGN(slot, make_room(out));
      take(slot, index);
      begin(slot);
    }
    return hand_over(out);
  }
  Result<bool> idle(Emitter& out, bool may_wait);
  /// Waits for everything that is in flight.
  Status finish(Emitter& out);
  /// Ends what is in flight, without a result. Call it in the destructor of the operator too.
  void drop_all() noexcept;

 private:
  struct State;
  Result<std::uint32_t> make_room(Emitter& out);
  void begin(std::uint32_t slot);
  Status hand_over(Emitter& out);

  const std::unique_ptr<State> state_;
};

}  // namespace penstock::detail
