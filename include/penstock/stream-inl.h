// SPDX-License-Identifier: MIT
// How typed steps run: one by one over vectors of records, or fused into one loop. Included by stream.h only.
// Long because it holds the bodies of all templates of stream.h.
#pragma once

#include <penstock/fields.h>
#include <penstock/fused.h>
#include <penstock/pipeline.h>

#include <array>
#include <concepts>
#include <exception>
#include <tuple>

namespace penstock::detail {

/// The name of a type as the compiler spells it, for messages.
template <class T>
std::string type_name() {
  const std::string_view text = __PRETTY_FUNCTION__;  // "… [with T = Order; …]" or "… [T = Order]"
  const std::size_t begin = text.find("T = ") + 4;
  return std::string(text.substr(begin, text.find_first_of(";]", begin) - begin));
}

/// One record as text for quarantine files and messages: JSON when it has fields.
template <class T>
std::string record_text(const T& record) {
  if constexpr (Record<T>) {
    RecordBatchBuilder builder(schema_of<T>(), BufferPool::shared());
    append_record(builder, record);
    return builder.finish().row_to_json(0);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(record);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return std::string(std::string_view(record));
  } else {
    return {};
  }
}

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<Result<T>> {
  using type = T;
};

/// The parameter of a callable with one, when it can be told (no template, no overloads); else void.
template <class F>
struct OnlyParameter {
  using type = void;
};
template <class F>
  requires requires { &F::operator(); }
struct OnlyParameter<F> {
  template <class C, class R, class P>
  static P of(R (C::*)(P));
  template <class C, class R, class P>
  static P of(R (C::*)(P) const);
  template <class C, class R, class P>
  static P of(R (C::*)(P) noexcept);
  template <class C, class R, class P>
  static P of(R (C::*)(P) const noexcept);
  static void of(...);
  using type = decltype(of(&F::operator()));
};

/// How a callable is called with a record that may be needed again (to retry, to quarantine): callables that take it by
/// reference get it as it is; others get the record itself when it may be consumed, else a copy.
template <class F, class In>
struct RecordCall {
  static constexpr bool kConst = std::is_const_v<In>;
  static constexpr bool kByReference =
      std::is_invocable_v<F&, In&> && (kConst || !std::is_same_v<typename OnlyParameter<F>::type, In>);
  static constexpr bool kRepeatable = kByReference || std::is_copy_constructible_v<In>;
  using Raw =
      typename std::conditional_t<kByReference, std::invoke_result<F&, In&>, std::invoke_result<F&, In&&>>::type;
  using Plain = std::remove_cvref_t<Raw>;
  static constexpr bool kReturnsResult = kIsResult<Plain>;
  static constexpr bool kNoexcept =
      kByReference ? std::is_nothrow_invocable_v<F&, In&>
                   : std::is_nothrow_invocable_v<F&, In&&> && std::is_nothrow_move_constructible_v<In>;

  [[gnu::always_inline]] static Raw call(F& function, In& record, bool may_consume) {
    if constexpr (kByReference) {
      return function(record);
    } else {
      // A record that cannot be copied is consumed by the first attempt.
      if constexpr (kRepeatable) {
        if (!may_consume) {
          In copy(record);
          return function(std::move(copy));
        }
      }
      return function(std::move(record));
    }
  }
};
/// What a callable yields for a record: its result without reference and `Result`.
template <class F, class In>
using Yield = typename Unwrapped<typename RecordCall<F, In>::Plain>::type;

/// Thrown and caught inside typed operators only, to leave a fused loop when the run must end.
struct Stopped {};

/// The slow side of one typed step: what happens when the callable fails. Not a template, so that it is compiled once.
class StepFailures {
 public:
  void open(OperatorContext& context) noexcept {
    context_ = &context;
    may_consume_ = context.policy->max_attempts <= 1 && raw_unused();
  }

  /// In a catch block or with the error of a Result: counts an attempt. True: try the record again, after the backoff.
  bool try_again(std::uint32_t attempt);
  /// Gives the record up: rejected, or the run ends by Stopped. `ordinal`: its index in the step's input of this batch.
  void give_up(Error error, std::uint64_t ordinal, std::string raw);
  void count_fallback() noexcept { context_->errors->count_fallback(); }
  bool raw_unused() const noexcept { return context_->errors->raw_unused(); }
  /// True when a record that failed is not needed any more.
  bool may_consume() const noexcept { return may_consume_; }
  bool stopped() const noexcept { return error_.has_value(); }
  std::uint64_t rejected() const noexcept { return rejected_; }
  /// The error with which the run ends, after Stopped.
  Error take_error() { return std::move(*error_); }

  /// The error that stands for the exception being handled.
  static Error current_exception_error();

 private:
  OperatorContext* context_ = nullptr;
  bool may_consume_ = false;
  std::uint64_t rejected_ = 0;
  std::optional<Error> error_;
};

// ---- Steps: what the user's callables do ---------------------------------------------------------------------------

/// Room for the value of a callable; destroyed also when a later step leaves by Stopped.
template <class T>
struct Slot {
  union {
    T value;
  };
  bool full = false;
  Slot() noexcept {}
  ~Slot() {
    if (full) value.~T();
  }
};

/// A callable with another one that replaces its failures; made by `with_fallback`.
template <class F, class G>
struct WithFallback {
  F function;
  G fallback;
  template <class In>
  auto operator()(In&& record) -> std::invoke_result_t<F&, In> {
    return function(std::forward<In>(record));
  }
};
template <class F>
inline constexpr bool kHasFallback = false;
template <class F, class G>
inline constexpr bool kHasFallback<WithFallback<F, G>> = true;

/// One attempt: builds the value of `function(record)` in `slot`, or returns the error. Never throws.
template <class Out, class F, class In>
[[gnu::always_inline]] inline std::optional<Error> attempt(F& function, In& record, Slot<Out>& slot, bool may_consume) {
  using Call = RecordCall<F, In>;
  try {
    if constexpr (Call::kReturnsResult) {
      auto result = Call::call(function, record, may_consume);
      if (!result) [[unlikely]]
        return std::move(result).error();
      new (&slot.value) Out(std::move(*result));
    } else {
      new (&slot.value) Out(Call::call(function, record, may_consume));
    }
    slot.full = true;
    return std::nullopt;
  } catch (...) {
    return StepFailures::current_exception_error();
  }
}

/// After a failed attempt: tries again, falls back, or gives the record up (the slot stays empty), as the policy says.
/// `ordinal()` gives the record's number in the step's input.
template <class Out, class F, class In, class Ordinal>
[[gnu::noinline, gnu::cold]] void recover(F& function, In& record, Slot<Out>& slot, StepFailures& failures, Error error,
                                          Ordinal ordinal) {
  for (std::uint32_t tries = 1; RecordCall<F, In>::kRepeatable && failures.try_again(tries); ++tries) {
    std::optional<Error> again = attempt<Out>(function, record, slot, false);
    if (!again) return;
    error = std::move(*again);
  }
  if constexpr (kHasFallback<F>) {
    auto fall_back = [&](const In& in) { return function.fallback(in, error); };
    std::optional<Error> again = attempt<Out>(fall_back, std::as_const(record), slot, false);
    if (!again) return failures.count_fallback();
    error = std::move(*again).caused_by(std::move(error));
  }
  failures.give_up(std::move(error), ordinal(), failures.raw_unused() ? std::string() : record_text(record));
}

/// Calls `function` for `record` and builds the value in `slot`; the slot stays empty when the record was rejected.
template <bool kConsume, class Out, class F, class In, class Ordinal>
[[gnu::always_inline]] inline void call(F& function, In& record, Slot<Out>& slot, StepFailures& failures,
                                        Ordinal ordinal) {
  using Call = RecordCall<F, In>;
  if constexpr (Call::kNoexcept && !Call::kReturnsResult) {
    new (&slot.value) Out(Call::call(function, record, kConsume));
    slot.full = true;
  } else {
    std::optional<Error> error = attempt<Out>(function, record, slot, kConsume && !kHasFallback<F>);
    if (error) [[unlikely]]
      recover<Out>(function, record, slot, failures, std::move(*error), ordinal);
  }
}

/// Turns a callable without value, or with a Status, into one with a bool.
template <class F, class... Arguments>
auto call_for_effect(F& function, Arguments&... arguments) {
  if constexpr (kIsResult<std::remove_cvref_t<std::invoke_result_t<F&, Arguments&...>>>) {
    auto result = function(arguments...);
    return result ? Result<bool>(true) : Result<bool>(std::move(result).error());
  } else {
    function(arguments...);
    return true;
  }
}

/// Each step has: `Out<In>`, and `run<kConsume>(record, failures, passed, ordinal, next)` that hands its results to
/// `next`; kConsume: a record that failed is not needed any more.
template <class F>
struct MapStep {
  static constexpr RowEffect kRows = RowEffect::kKeeps;
  static constexpr bool kCounts = false;  // in = out + rejected: nothing to count
  F function;
  template <class In>
  using Out = Yield<F, In>;

  template <bool kConsume, class In, class Ordinal, class Next>
  [[gnu::always_inline]] void run(In& record, StepFailures& failures, std::uint64_t&, Ordinal ordinal, Next&& next) {
    Slot<Out<In>> slot;
    call<kConsume, Out<In>>(function, record, slot, failures, ordinal);
    if (slot.full) [[likely]]
      next(slot.value);
  }
};

/// `function(record)` changes the record in place.
template <class F>
struct UpdateStep {
  static constexpr RowEffect kRows = RowEffect::kKeeps;
  static constexpr bool kCounts = false;
  F function;
  template <class In>
  using Out = In;

  template <bool kConsume, class In, class Ordinal, class Next>
  [[gnu::always_inline]] void run(In& record, StepFailures& failures, std::uint64_t&, Ordinal ordinal, Next&& next) {
    if constexpr (std::is_nothrow_invocable_v<F&, In&> && std::is_void_v<std::invoke_result_t<F&, In&>>) {
      function(record);
      next(record);
    } else if constexpr (kConsume) {
      Slot<bool> done;
      auto in_place = [this](In& in) { return call_for_effect(function, in); };
      call<kConsume, bool>(in_place, record, done, failures, ordinal);
      if (done.full) [[likely]]
        next(record);
    } else {  // a failure must leave the record as it was
      Slot<In> slot;
      auto on_copy = [this](const In& in) -> Result<In> {
        In copy(in);
        auto done = call_for_effect(function, copy);
        if constexpr (kIsResult<decltype(done)>) {
          if (!done) return std::move(done).error();
        }
        return copy;
      };
      call<kConsume, In>(on_copy, std::as_const(record), slot, failures, ordinal);
      if (slot.full) next(slot.value);
    }
  }
};

template <class F>
struct FilterStep {
  static constexpr RowEffect kRows = RowEffect::kDrops;
  static constexpr bool kCounts = true;
  F function;
  template <class In>
  using Out = In;

  template <bool kConsume, class In, class Ordinal, class Next>
  [[gnu::always_inline]] void run(In& record, StepFailures& failures, std::uint64_t& passed, Ordinal ordinal,
                                  Next&& next) {
    Slot<bool> keep;
    call<kConsume, bool>(function, static_cast<const In&>(record), keep, failures, ordinal);
    if (keep.full && keep.value) {
      ++passed;
      next(record);
    }
  }
};

/// What a flat_map's callable puts its records into.
template <class T>
class Emit {
 public:
  explicit Emit(std::vector<T>& to) : to_(to) {}
  void operator()(T record) { to_.push_back(std::move(record)); }

 private:
  std::vector<T>& to_;
};

/// `function(record, emit)`; what it emitted before it failed is dropped.
template <class F, class T>
struct FlatMapStep {
  static constexpr RowEffect kRows = RowEffect::kChanges;
  static constexpr bool kCounts = true;
  F function;
  template <class In>
  using Out = T;

  template <bool kConsume, class In, class Ordinal, class Next>
  void run(In& record, StepFailures& failures, std::uint64_t& passed, Ordinal ordinal, Next&& next) {
    std::vector<T> made;
    Slot<bool> done;
    auto collect = [&](const In& in) {
      made.clear();
      Emit<T> emit(made);
      return call_for_effect(function, in, emit);
    };
    call<kConsume, bool>(collect, std::as_const(record), done, failures, ordinal);
    if (!done.full) return;
    for (T& out : made) {
      ++passed;
      next(out);
    }
  }
};

/// The end of a stream: sees every record.
template <class F>
struct ForEachStep {
  static constexpr RowEffect kRows = RowEffect::kChanges;
  static constexpr bool kCounts = false;
  F function;
  template <class In>
  using Out = void;

  template <bool kConsume, class In, class Ordinal, class Next>
  [[gnu::always_inline]] void run(In& record, StepFailures& failures, std::uint64_t&, Ordinal ordinal, Next&&) {
    Slot<bool> done;
    auto forward = [this](const In& in) noexcept(std::is_nothrow_invocable_v<F&, const In&>) {
      return call_for_effect(function, in);
    };
    call<kConsume, bool>(forward, std::as_const(record), done, failures, ordinal);
  }
};

// ---- Operators made of steps ---------------------------------------------------------------------------------------

template <class In, class... Steps>
struct OutputOf {
  using type = In;
};
template <class In, class First, class... Rest>
struct OutputOf<In, First, Rest...> {
  using Middle = typename First::template Out<In>;
  using type = typename OutputOf<Middle, Rest...>::type;
};

/// The loop over records through all steps, and its accounts. `In` goes in; what the last step yields goes to a sink.
template <class In, class... Steps>
class StepLoop {
 public:
  static constexpr std::size_t kSteps = sizeof...(Steps);
  using Out = typename OutputOf<In, Steps...>::type;
  static constexpr bool kEnds = std::is_void_v<Out>;                                  // the last step keeps nothing
  static constexpr bool kAtMostOne = ((Steps::kRows != RowEffect::kChanges) && ...);  // out of every record
  using Kept = std::conditional_t<kEnds, char, Out>;

  explicit StepLoop(std::tuple<Steps...> steps) : steps_(std::move(steps)) {}

  void open(std::span<OperatorContext> contexts) {
    for (std::size_t i = 0; i < kSteps; ++i) failures_[i].open(contexts[i]);
  }

  /// Calls `each(push)`, which calls `push(record)` for the records of a batch; what comes out goes to `out(record)`.
  /// Returns OK, or the error that ends the run.
  template <class Sink, class Each>
  Status run(Sink&& out, Each&& each) {
    bool consume = true;
    for (const StepFailures& failures : failures_) consume = consume && failures.may_consume();
    return consume ? run_as<true>(out, each) : run_as<false>(out, each);
  }

  StepCounts counts(std::size_t step) const noexcept { return counts_[step]; }

 private:
  struct Frame {
    std::uint64_t records = 0;                   // into the first step, before the one at hand
    std::array<std::uint64_t, kSteps> passed{};  // out of steps that count
    std::array<std::uint64_t, kSteps> rejected_before{};
  };

  // Two loops, so that the common one has no path on which a record must be kept: where the callables do not throw, the
  // compiler then sees that nothing can fail. Everything the loop writes is local, so that it may live in registers.
  template <bool kConsume, class Sink, class Each>
  Status run_as(Sink& out, Each& each) {
    Frame frame;
    frame.rejected_before = rejected();
    Status status;
    try {
      std::tuple<Steps...> steps = std::move(*steps_);
      struct Restore {
        std::tuple<Steps...>& from;
        std::optional<std::tuple<Steps...>>& to;
        ~Restore() { to.emplace(std::move(from)); }  // closures cannot be assigned
      } restore{steps, steps_};
      each([&](In& record) {
        push<kConsume, 0>(steps, record, frame, out);
        ++frame.records;
      });
    } catch (const Stopped&) {
      ++frame.records;  // the one at which it ended
      for (StepFailures& failures : failures_) {
        if (failures.stopped()) status = failures.take_error();
      }
    }
    account(frame);
    return status;
  }

  std::array<std::uint64_t, kSteps> rejected() const noexcept {
    std::array<std::uint64_t, kSteps> all{};
    for (std::size_t i = 0; i < kSteps; ++i) all[i] = failures_[i].rejected();
    return all;
  }

  // Records of this batch that entered step `step`, given how many entered the first.
  std::uint64_t entered(const Frame& frame, std::size_t step, std::uint64_t records) const noexcept {
    static constexpr bool kCounts[] = {Steps::kCounts...};
    std::uint64_t in = records;
    for (std::size_t i = 0; i < kSteps && i < step; ++i) {
      in = kCounts[i] ? frame.passed[i] : in - (failures_[i].rejected() - frame.rejected_before[i]);
    }
    return in;
  }

  void account(const Frame& frame) noexcept {
    for (std::size_t i = 0; i < kSteps; ++i) {
      counts_[i].records_in += entered(frame, i, frame.records);
      if (i + 1 < kSteps || !kEnds) counts_[i].records_out += entered_after(frame, i);
    }
  }
  std::uint64_t entered_after(const Frame& frame, std::size_t step) const noexcept {
    static constexpr bool kCounts[] = {Steps::kCounts...};
    if (kCounts[step]) return frame.passed[step];
    return entered(frame, step, frame.records) - (failures_[step].rejected() - frame.rejected_before[step]);
  }

  template <bool kConsume, std::size_t I, class R, class Sink>
  [[gnu::always_inline]] inline void push(std::tuple<Steps...>& steps, R& record, Frame& frame, Sink& out) {
    if constexpr (I == kSteps) {
      out(record);
    } else {
      // The record at hand has entered the first step but is not in frame.records yet.
      const auto ordinal = [&] { return entered(frame, I, frame.records + 1) - 1; };
      std::get<I>(steps).template run<kConsume>(record, failures_[I], frame.passed[I], ordinal,
                                                [&](auto& next) { push<kConsume, I + 1>(steps, next, frame, out); });
    }
  }

  std::optional<std::tuple<Steps...>> steps_;
  std::array<StepFailures, kSteps> failures_;
  std::array<StepCounts, kSteps> counts_{};
};

template <class T>
StreamType typed_stream() {
  StreamType type;
  type.key = record_key<T>();
  type.record_name = type_name<T>();
  if constexpr (Record<T>) type.schema = schema_of<T>();
  if constexpr (is_flat_record<T>) type.from_flat = &TypedRecords<T>::from_flat;
  return type;
}

/// kInvalidArgument unless `input` carries records of the kind `key`.
Status check_input(const StreamType& input, const void* key, const std::string& record_name);

/// Whether a callable can hold nothing that changes from record to record.
template <class F>
inline constexpr bool kHoldsNothing = std::is_empty_v<F> || std::is_function_v<std::remove_pointer_t<F>>;
template <class F, class G>
inline constexpr bool kHoldsNothing<WithFallback<F, G>> = kHoldsNothing<F> && kHoldsNothing<G>;

template <class... Steps>
OperatorTraits traits_of_steps() {
  OperatorTraits traits;
  traits.stateless = (kHoldsNothing<decltype(Steps::function)> && ...);
  traits.retries_rows = true;
  constexpr RowEffect kRows[] = {Steps::kRows...};
  traits.rows = sizeof...(Steps) == 1 ? kRows[0] : RowEffect::kChanges;
  return traits;
}

/// Runs the loop of `each` and puts what comes out into `made`; `expected`: how many records go in.
template <class Loop, class Each>
Status fill_vector(Loop& loop, std::vector<typename Loop::Kept>& made, std::size_t expected, Each&& each) {
  using Kept = typename Loop::Kept;
  if constexpr (Loop::kEnds) {
    return loop.run([](const auto&) {}, [&](auto push) { each(push); });
  } else if constexpr (Loop::kAtMostOne && std::is_trivially_copyable_v<Kept> &&
                       std::is_default_constructible_v<Kept>) {
    made.resize(expected);  // cheaper than to look at the capacity for every record
    Kept* to = made.data();
    Status status = loop.run([&to](const Kept& record) { *to++ = record; }, [&](auto push) { each(push); });
    made.resize(static_cast<std::size_t>(to - made.data()));
    return status;
  } else {
    made.reserve(expected);
    return loop.run([&made](Kept& record) { made.push_back(std::move(record)); }, [&](auto push) { each(push); });
  }
}

/// How many records a loop works on before it looks again whether the run was stopped: seldom enough to cost nothing,
/// often enough for callables that take a millisecond.
inline constexpr std::size_t kRecordsPerLook = 64;

/// Calls `push` for all records, or until the run is cancelled.
template <class In, class Push>
[[gnu::always_inline]] inline void push_all(std::vector<In>& records, const StopSignal& stop, Push& push) {
  In* at = records.data();
  In* const end = at + records.size();
  while (at != end && !stop.cancelled()) {
    for (In* const look = static_cast<std::size_t>(end - at) > kRecordsPerLook ? at + kRecordsPerLook : end; at != look;
         ++at)
      push(*at);
  }
}

/// Steps over batches of typed records.
template <class In, class... Steps>
class TypedOperator final : public Operator, public FusedSteps {
 public:
  explicit TypedOperator(std::tuple<Steps...> steps) : loop_(std::move(steps)) {}

  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(check_input(input, record_key<In>(), type_name<In>()));
    if constexpr (Loop::kEnds) {
      return StreamType{};
    } else {
      return typed_stream<typename Loop::Out>();
    }
  }
  OperatorTraits traits() const override {
    OperatorTraits traits = traits_of_steps<Steps...>();
    traits.effects = Loop::kEnds;
    return traits;
  }
  Status open_steps(std::span<OperatorContext> steps) override {
    stop_ = steps[0].stop;
    loop_.open(steps);
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    if constexpr (Loop::kAtMostOne && std::is_same_v<In, typename Loop::Out> && std::is_move_assignable_v<In>) {
      return process_in_place(std::move(batch), out);
    } else {
      auto made = std::make_unique<TypedRecords<typename Loop::Kept>>();
      std::vector<In>& records = batch.records<In>();
      Status status =
          fill_vector<Loop>(loop_, made->records, records.size(), [&](auto& push) { push_all(records, *stop_, push); });
      out.give_back(std::move(batch));
      if constexpr (!Loop::kEnds) out.emit(Batch(std::move(made)));
      return status;
    }
  }
  StepCounts counts(std::size_t step) const noexcept override { return loop_.counts(step); }

 private:
  using Loop = StepLoop<In, Steps...>;

  // Records that come out take the place of those that went in.
  Status process_in_place(Batch batch, Emitter& out) {
    std::vector<In>& records = batch.records<In>();
    In* to = records.data();
    const auto keep = [&to](In& record) {
      if (to != &record) *to = std::move(record);
      ++to;
    };
    Status status = loop_.run(keep, [&](auto push) { push_all(records, *stop_, push); });
    records.erase(records.begin() + (to - records.data()), records.end());
    out.emit(std::move(batch));
    return status;
  }

  const StopSignal* stop_ = nullptr;
  Loop loop_;
};

/// A source of typed records with steps behind it in one loop. `Origin` has `Out`, `fill(limit, push)` which pushes at
/// most `limit` records and returns false at the end, `total()`, and `kMostPerFill`, after how many records to look
/// whether the run was stopped.
template <class Origin, class... Steps>
class TypedSource final : public Source, public FusedSteps {
 public:
  TypedSource(Origin origin, std::tuple<Steps...> steps) : origin_(std::move(origin)), loop_(std::move(steps)) {}

  Result<StreamType> bind(const StreamType&) override {
    if constexpr (Loop::kEnds) {
      return StreamType{};
    } else {
      return typed_stream<typename Loop::Out>();
    }
  }
  OperatorTraits traits() const override {
    OperatorTraits traits;
    traits.retries_rows = true;
    traits.effects = Loop::kEnds;
    return traits;
  }
  Status open_steps(std::span<OperatorContext> steps) override {
    context_ = &steps[0];
    stop_ = steps[0].stop;
    loop_.open(steps.subspan(1));
    return {};
  }
  Result<Next> produce(Emitter& out) override {
    auto made = std::make_unique<TypedRecords<typename Loop::Kept>>();
    bool more = true;
    Status status = fill_vector<Loop>(loop_, made->records, context_->batch_size, [&](auto& push) {
      for (std::size_t left = context_->batch_size; left > 0 && more && stop_->state() == StopSignal::State::kRun;) {
        const std::size_t some = left < Origin::kMostPerFill ? left : Origin::kMostPerFill;
        more = origin_.fill(some, push);
        left -= some;
      }
    });
    produced_ = sizeof...(Steps) == 0 ? produced_ + made->records.size() : loop_counts_in();
    if constexpr (!Loop::kEnds) out.emit(Batch(std::move(made)));
    if (!status) return std::move(status).error();
    done_.store(produced_, std::memory_order_relaxed);
    return more ? Next::kMore : Next::kEnd;
  }
  SourceProgress progress() const noexcept override {
    return {done_.load(std::memory_order_relaxed), origin_.total(), "records"};
  }
  StepCounts counts(std::size_t step) const noexcept override {
    return step == 0 ? StepCounts{0, produced_} : loop_.counts(step - 1);
  }

 private:
  using Loop = StepLoop<typename Origin::Out, Steps...>;
  std::uint64_t loop_counts_in() const noexcept {
    if constexpr (sizeof...(Steps) > 0) {
      return loop_.counts(0).records_in;
    } else {
      return 0;
    }
  }

  Origin origin_;
  const StopSignal* stop_ = nullptr;
  Loop loop_;
  const OperatorContext* context_ = nullptr;
  std::uint64_t produced_ = 0;
  std::atomic<std::uint64_t> done_{0};
};

template <class Op, class... Parts>
class FactoryOf final : public OperatorFactory {
 public:
  explicit FactoryOf(Parts... parts) : parts_(std::move(parts)...) {}
  Result<std::unique_ptr<Operator>> make() const override {
    return std::apply(
        [](const Parts&... parts) -> Result<std::unique_ptr<Operator>> { return std::make_unique<Op>(parts...); },
        parts_);
  }

 private:
  std::tuple<Parts...> parts_;
};

template <class Op, class... Parts>
std::shared_ptr<const OperatorFactory> factory_of(Parts... parts) {
  return std::make_shared<FactoryOf<Op, Parts...>>(std::move(parts)...);
}

// ---- Between typed records and record batches ----------------------------------------------------------------------

template <Record T>
class FromRecordBatches final : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(check_input(input, record_key<RecordBatch>(), "record batch"));
    T record{};
    PENSTOCK_ASSIGN(columns_, find_fields(*input.schema, T::penstock_field_names(),
                                          field_types(record.penstock_fields()), type_name<T>()));
    return typed_stream<T>();
  }
  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }
  Status open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    const RecordBatch& rows = batch.record_batch();
    auto typed = std::make_unique<TypedRecords<T>>();
    typed->records.reserve(rows.num_rows());
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      const FieldMismatch mismatch = read_record(rows, row, columns_, typed->records.emplace_back());
      if (mismatch.reason == nullptr) [[likely]]
        continue;
      typed->records.pop_back();
      PENSTOCK_TRY(reject(rows, row, mismatch));
    }
    out.emit(Batch(std::move(typed)));
    return {};
  }

 private:
  Status reject(const RecordBatch& rows, std::size_t row, FieldMismatch mismatch) {
    Rejection rejection{
        .record = row, .reason = mismatch.reason, .raw = {}, .column = schema_of<T>()->fields()[mismatch.field].name};
    if (!context_->errors->raw_unused()) rejection.raw = rows.row_to_json(row);
    return context_->errors->reject(std::move(rejection));
  }

  std::vector<std::size_t> columns_;
  OperatorContext* context_ = nullptr;
};

template <Record T>
class ToRecordBatches final : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(check_input(input, record_key<T>(), type_name<T>()));
    return StreamType::of_schema(schema_of<T>());
  }
  OperatorTraits traits() const override { return {.stateless = true, .light = true, .rows = RowEffect::kKeeps}; }
  Status open(OperatorContext& context) override {
    pool_ = context.pool;
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    RecordBatchBuilder builder(schema_of<T>(), *pool_);
    for (const T& record : batch.records<T>()) append_record(builder, record);
    out.emit(builder.finish());
    return {};
  }

 private:
  BufferPool* pool_ = nullptr;
};

/// A callable on whole record batches; the schema of its results must not change.
template <class F>
class BatchFunction final : public Operator {
 public:
  BatchFunction(F function, SchemaPtr schema) : function_(std::move(function)), schema_(std::move(schema)) {}
  Result<StreamType> bind(const StreamType& input) override {
    PENSTOCK_TRY(check_input(input, record_key<RecordBatch>(), "record batch"));
    return StreamType::of_schema(schema_ == nullptr ? input.schema : schema_);
  }
  Status process(Batch batch, Emitter& out) override {
    Result<RecordBatch> made = function_(batch.record_batch());
    if (!made) return std::move(made).error();
    out.emit(std::move(*made));
    return {};
  }

 private:
  F function_;
  SchemaPtr schema_;
};

}  // namespace penstock::detail
