// SPDX-License-Identifier: MIT
// Operators that wait, in C++: a coroutine for each record, thousands of them at once in one thread.
#pragma once

#include <penstock/async_window.h>
#include <penstock/stream.h>
#include <penstock/task.h>

namespace penstock {

/// How the calls of an async operator are made.
struct AsyncOptions {
  std::string name = {};      ///< As StepOptions::name.
  ErrorPolicy on_error = {};  ///< As StepOptions::on_error; `retry` tries single records again, after its backoff.
  std::uint32_t max_concurrent = 1000;  ///< Most records that wait at once, at least 1.
  bool ordered = true;                  ///< False: what is done first leaves first.
  std::chrono::nanoseconds timeout{0};  ///< Of one attempt for one record; 0: none.
  double rate_limit = 0;                ///< Most attempts begun in a second; 0: no limit.
  double jitter = 0.5;                  ///< From 0 to 1: a backoff is shortened by chance, by at most this part of it.
};

namespace detail {

template <class T>
inline constexpr bool kIsTask = false;
template <class T>
inline constexpr bool kIsTask<Task<T>> = true;

/// What the coroutine of `F` gives for an `In`: without Task and Result.
template <class F, class In>
using AsyncYield = typename Unwrapped<typename RecordCall<F, In>::Plain::value_type>::type;

/// A coroutine per record. The records of calls under way, and results that wait for their turn, are in its slots.
template <class F, class In>
class AsyncOperator final : public Operator, private AsyncWork {
 public:
  using Out = AsyncYield<F, In>;

  AsyncOperator(F function, AsyncLimits limits)
      : function_(std::move(function)), window_(*this, limits), slots_(window_.slots()) {}
  ~AsyncOperator() override { window_.drop_all(); }

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(check_input(input, record_key<In>(), type_name<In>()));
    PENSTOCK_TRY(window_.check());
    return typed_stream<Out>();
  }
  OperatorTraits traits() const override { return window_.traits(); }
  std::string note() const override { return window_.note(); }
  Status open(OperatorContext& context) override {
    may_consume_ = context.policy->max_attempts <= 1 && context.errors->raw_unused() && !kHasFallback<F>;
    window_.open(context);
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    std::vector<In>& records = batch.records<In>();
    const auto take = [&](std::uint32_t slot, std::size_t index) {
      slots_[slot].record.emplace(std::move(records[index]));
    };
    Status status = window_.take_all(records.size(), out, take);
    out.give_back(std::move(batch));
    return status;
  }
  Result<bool> idle(Emitter& out, bool may_wait) override { return window_.idle(out, may_wait); }
  Status finish(Emitter& out) override { return window_.finish(out); }
  void abort() noexcept override { window_.drop_all(); }

 private:
  using Call = RecordCall<F, In>;
  using Given = typename Call::Plain::value_type;

  struct Place {
    std::optional<In> record;
    Task<Given> task;
    std::optional<Error> failure;  // of the call that should have made the task
    std::optional<Out> result;
  };

  bool begin(std::uint32_t slot, Continuation then) override {
    Place& place = slots_[slot];
    try {
      place.task = Call::call(function_, *place.record, may_consume_);
    } catch (...) {
      place.failure = StepFailures::current_exception_error();
      return true;
    }
    return place.task.start(then);
  }
  std::optional<Error> end(std::uint32_t slot) override {
    Place& place = slots_[slot];
    if (place.failure) return std::exchange(place.failure, std::nullopt);
    std::optional<Error> error;
    try {
      if constexpr (kIsResult<Given>) {
        Given given = place.task.take();
        if (given) {
          place.result.emplace(std::move(*given));
        } else {
          error = std::move(given).error();
        }
      } else {
        place.result.emplace(place.task.take());
      }
    } catch (...) {
      error = StepFailures::current_exception_error();
    }
    place.task.reset();
    return error;
  }
  void drop(std::uint32_t slot) noexcept override { slots_[slot].task.reset(); }
  bool fall_back(std::uint32_t slot, Error& error) override {
    if constexpr (kHasFallback<F>) {
      Place& place = slots_[slot];
      Slot<Out> made;
      auto call = [&](const In& in) { return function_.fallback(in, error); };
      std::optional<Error> again = attempt<Out>(call, std::as_const(*place.record), made, false);
      if (again) {
        error = std::move(*again).caused_by(std::move(error));
      } else {
        place.result.emplace(std::move(made.value));
      }
      return !again;
    }
    return false;
  }
  std::size_t put(std::uint32_t slot) override {
    if (!made_) made_ = std::make_unique<TypedRecords<Out>>();
    made_->records.push_back(std::move(*slots_[slot].result));
    forget(slot);
    return made_->records.size();
  }
  std::string raw(std::uint32_t slot) override { return record_text(*slots_[slot].record); }
  void forget(std::uint32_t slot) noexcept override {
    slots_[slot].record.reset();
    slots_[slot].result.reset();
  }
  void flush(Emitter& out) override {
    if (made_) out.emit(Batch(std::move(made_)));
  }

  F function_;
  AsyncWindow window_;
  std::vector<Place> slots_;
  bool may_consume_ = false;
  std::unique_ptr<TypedRecords<Out>> made_;
};

template <class F>
struct MapAsync {
  F function;
  AsyncOptions options;

  template <class In, class Chain>
  auto operator()(const Stream<In, Chain>& stream) const {
    constexpr bool kFits = OperatorFor<F, In>;
    static_assert(kFits, "penstock: map_async(): the callable does not accept the record type of this stream");
    if constexpr (kFits) {
      constexpr bool kWaits = kIsTask<typename RecordCall<F, In>::Plain>;
      static_assert(kWaits, "penstock: map_async(): the callable must return a Task, as coroutines do; use map()");
      if constexpr (kWaits) {
        Pipeline pipeline = stream.pipeline();
        const AsyncLimits limits{.max_concurrent = options.max_concurrent,
                                 .ordered = options.ordered,
                                 .timeout_ns = options.timeout.count(),
                                 .rate_limit = options.rate_limit,
                                 .jitter = options.jitter};
        const auto id = pipeline.add("map_async", factory_of<AsyncOperator<F, In>>(function, limits),
                                     {.name = options.name, .on_error = options.on_error}, stream.last());
        return Stream<AsyncYield<F, In>>(std::move(pipeline), id);
      } else {
        return stream;
      }
    } else {
      return stream;
    }
  }
};

}  // namespace detail

/// Replaces every record by what the coroutine `function(record)` gives, a Task<U> or Task<Result<U>>, while up to
/// `options.max_concurrent` of them wait in one thread: `stream.apply(ps::map_async(f, {.max_concurrent = 100}))`.
///
/// Order:   kept, unless options.ordered is false. A record that takes long holds up at most twice max_concurrent
/// others. Errors:  what the coroutine throws or gives, and kTimeout; the step's policy decides about the record. The
/// error that
///          ends a run is that of the first record that failed, in their order; unordered: that was seen first.
/// Cancel:  coroutines are destroyed where they wait; see Task.
/// State:   one copy of `function` for the whole step, which outlives its coroutines; its captures may be used in them.
/// Cost:    some 100 ns per record beside the coroutine's own; about 200 bytes and the record for each that waits.
template <class F>
auto map_async(F function, AsyncOptions options = {}) {
  return detail::MapAsync<F>{std::move(function), std::move(options)};
}

}  // namespace penstock
