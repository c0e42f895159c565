// SPDX-License-Identifier: MIT
// Streams of typed records and of record batches: how pipelines are written in C++.
#pragma once

#include <penstock/stream-inl.h>

namespace penstock {

/// A callable that can be called with one record of type `In`.
template <class F, class In>
concept OperatorFor = std::move_constructible<F> && (std::invocable<F&, In&> || std::invocable<F&, In&&>);

/// A callable that decides about records of type `In`: returns bool or Result<bool>.
template <class F, class In>
concept PredicateFor = std::move_constructible<F> && std::invocable<F&, const In&> &&
                       (std::convertible_to<std::invoke_result_t<F&, const In&>, bool> ||
                        std::same_as<std::remove_cvref_t<std::invoke_result_t<F&, const In&>>, Result<bool>>);

/// What a flat_map's callable calls for every record that it makes: `emit(record)`.
template <class T>
using Emit = detail::Emit<T>;

/// `function`, and `fallback(record, error)` which makes the record when `function` failed and all attempts are used
/// up.
template <class F, class G>
auto with_fallback(F function, G fallback) {
  return detail::WithFallback<F, G>{std::move(function), std::move(fallback)};
}

namespace detail {

struct NoChain {};  ///< The next step begins a chain of its own.
template <class In, class... Steps>
struct StepChain {
  std::tuple<Steps...> steps;
};
template <class Origin, class... Steps>
struct SourceChain {
  Origin origin;
  std::tuple<Steps...> steps;
};

}  // namespace detail

/// Records of type `T` on their way: a handle on a pipeline that grows. Each call returns a new stream with one more
/// step; nothing runs before `Pipeline::run`. `Stream<RecordBatch>` is a stream of rows in columns.
///
/// Callables are copied, one per worker, so their state is per worker; they may throw, or return Result<U>: the step's
/// error policy decides about the record. `Chain` is what the compiler may fuse into one loop; never name it.
/// Thread-compatible. Building costs one copy of the list of steps per call.
template <class T, class Chain = detail::NoChain>
class Stream {
 public:
  using record_type = T;

  Stream(Pipeline pipeline, Pipeline::StepId last, Chain chain = {})
      : pipeline_(std::move(pipeline)), last_(last), chain_(std::move(chain)) {}
  /// Forgets what may be fused, so that streams of the same record type are of the same type.
  template <class Other>
    requires(std::is_same_v<Chain, detail::NoChain> && !std::is_same_v<Other, detail::NoChain>)
  Stream(const Stream<T, Other>& other) : Stream(other.pipeline(), other.last()) {}  // NOLINT: implicit on purpose

  /// Replaces every record by `function(record)`.
  template <class F>
  auto map(F function, StepOptions options = {}) const {
    static_assert(OperatorFor<F, T>, "penstock: map(): the callable does not accept the record type of this stream");
    if constexpr (OperatorFor<F, T>) {
      using Out = detail::Yield<F, T>;
      static_assert(!std::is_void_v<Out>, "penstock: map(): the callable returns nothing; use for_each() for effects");
      if constexpr (!std::is_void_v<Out>) {
        return append<Out>("map", detail::MapStep<F>{std::move(function)}, std::move(options));
      } else {
        return *this;
      }
    } else {
      return *this;  // keep going, so that there is one error, not a cascade
    }
  }

  /// Changes every record in place by `function(record)`, which returns nothing or a Status. Cheaper than map for
  /// records with strings: nothing is copied or moved, unless the step's policy needs the record as it was.
  template <class F>
  auto update(F function, StepOptions options = {}) const {
    static_assert(std::invocable<F&, T&>,
                  "penstock: update(): the callable does not accept the record type of this stream");
    if constexpr (std::invocable<F&, T&>) {
      return append<T>("update", detail::UpdateStep<F>{std::move(function)}, std::move(options));
    } else {
      return *this;
    }
  }

  /// Keeps the records for which `predicate(record)` is true.
  template <class F>
  auto filter(F predicate, StepOptions options = {}) const {
    static_assert(PredicateFor<F, T>,
                  "penstock: filter(): the callable must take a const record of this stream and return bool");
    if constexpr (PredicateFor<F, T>) {
      return append<T>("filter", detail::FilterStep<F>{std::move(predicate)}, std::move(options));
    } else {
      return *this;
    }
  }

  /// Replaces every record by those for which `function(record, emit)` calls `emit`.
  template <class U, class F>
  auto flat_map(F function, StepOptions options = {}) const {
    constexpr bool kFits = std::invocable<F&, const T&, Emit<U>&>;
    static_assert(kFits, "penstock: flat_map(): the callable must take a const record of this stream and an Emit<U>&");
    if constexpr (kFits) {
      return append<U>("flat_map", detail::FlatMapStep<F, U>{std::move(function)}, std::move(options));
    } else {
      return Stream<U>(pipeline_, last_);
    }
  }

  /// Ends the stream: calls `function(record)` for every record, in order.
  template <class F>
  Pipeline for_each(F function, StepOptions options = {}) const {
    constexpr bool kFits = std::invocable<F&, const T&>;
    static_assert(kFits, "penstock: for_each(): the callable does not accept a const record of this stream");
    if constexpr (kFits) {
      return append<void>("for_each", detail::ForEachStep<F>{std::move(function)}, std::move(options)).pipeline();
    } else {
      return pipeline_;
    }
  }

  /// Ends the stream: appends every record to `records`, which must outlive the run.
  Pipeline collect(std::vector<T>& records, StepOptions options = {}) const {
    static_assert(std::is_copy_constructible_v<T>,
                  "penstock: collect(): the record type of this stream cannot be copied; use for_each()");
    if (options.name.empty()) options.name = "collect";
    if constexpr (std::is_copy_constructible_v<T>) {
      return for_each([&records](const T& record) { records.push_back(record); }, std::move(options));
    } else {
      return pipeline_;
    }
  }

  /// Adds an operator of the registry, which works on record batches; typed records with PENSTOCK_FIELDS are put into
  /// columns for it.
  Stream<RecordBatch> then(std::string op, Options op_options = {}, StepOptions options = {}) const {
    Stream<RecordBatch> rows = as_batches();
    Pipeline pipeline = rows.pipeline();
    const Pipeline::StepId id = pipeline.add(std::move(op), std::move(op_options), std::move(options), rows.last());
    return {std::move(pipeline), id};
  }
  /// Ends the stream with an operator of the registry, usually a sink.
  Pipeline to(std::string op, Options op_options = {}, StepOptions options = {}) const {
    return then(std::move(op), std::move(op_options), std::move(options)).pipeline();
  }
  /// Ends the stream with a sink as made by write_csv and others.
  template <class Sink>
    requires requires(const Sink& sink) { sink.options; }
  Pipeline to(const Sink& sink, StepOptions options = {}) const {
    return to(sink.op, sink.options, std::move(options));
  }

  /// The rows as typed records; columns are found by the names of the fields. Rows that do not fit are rejected.
  template <Record U>
  Stream<U> as(StepOptions options = {}) const {
    static_assert(std::is_same_v<T, RecordBatch>,
                  "penstock: as(): the records of this stream are typed already; use map()");
    Pipeline pipeline = pipeline_;
    if (options.name.empty()) options.name = "to " + detail::type_name<U>();
    const auto id = pipeline.add("as", detail::factory_of<detail::FromRecordBatches<U>>(), std::move(options), last_);
    return {std::move(pipeline), id};
  }
  /// The records as rows in columns.
  Stream<RecordBatch> as_batches() const {
    if constexpr (std::is_same_v<T, RecordBatch>) {
      return {pipeline_, last_};
    } else {
      static_assert(Record<T>, "penstock: the record type has no columns; list its members with PENSTOCK_FIELDS");
      Pipeline pipeline = pipeline_;
      if constexpr (Record<T>) {
        pipeline.add("as_batches", detail::factory_of<detail::ToRecordBatches<T>>(), {.name = "to columns"}, last_);
      }
      const auto id = pipeline.last();
      return {std::move(pipeline), id};
    }
  }
  /// Calls `function(RecordBatch)` for whole batches; `schema` is that of the results when it differs.
  template <class F>
  Stream<RecordBatch> map_batches(F function, SchemaPtr schema = nullptr, StepOptions options = {}) const {
    constexpr bool kFits = std::is_invocable_r_v<Result<RecordBatch>, F&, RecordBatch&>;
    static_assert(kFits, "penstock: map_batches(): the callable must take a RecordBatch and return one");
    Stream<RecordBatch> rows = as_batches();
    if constexpr (kFits) {
      Pipeline pipeline = rows.pipeline();
      const auto id = pipeline.add("map_batches",
                                   detail::factory_of<detail::BatchFunction<F>>(std::move(function), std::move(schema)),
                                   std::move(options), rows.last());
      return {std::move(pipeline), id};
    } else {
      return rows;
    }
  }

  /// Goes on with what `steps(stream)` returns: for steps that come as a function, such as `map_async` of async.h.
  template <class F>
  auto apply(F&& steps) const {
    static_assert(std::invocable<F&, const Stream&>, "penstock: apply(): the callable must take a stream");
    return steps(*this);
  }

  /// Lets `branch(stream)` add steps that end in a sink, and goes on from here with the same records.
  template <class F>
  Stream<T> tee(F branch) const {
    static_assert(std::is_invocable_r_v<Pipeline, F&, Stream<T>>,
                  "penstock: tee(): the callable must take a stream and return the pipeline that ends it");
    if constexpr (std::is_invocable_r_v<Pipeline, F&, Stream<T>>) {
      return {branch(Stream<T>(pipeline_, last_)), last_};
    } else {
      return *this;
    }
  }

  /// Everything so far; a pipeline may end without a sink.
  const Pipeline& pipeline() const noexcept { return pipeline_; }
  Pipeline::StepId last() const noexcept { return last_; }

 private:
  template <class Out, class Step>
  auto append(const char* op, Step step, StepOptions options) const {
    Pipeline pipeline = pipeline_;
    const auto id = pipeline.add(op, detail::factory_of<detail::TypedOperator<T, Step>>(std::tuple<Step>(step)),
                                 std::move(options), last_);
    return append_to_chain<Out>(chain_, std::move(pipeline), id, std::move(step));
  }

  template <class Out, class Step>
  static auto append_to_chain(const detail::NoChain&, Pipeline pipeline, Pipeline::StepId id, Step step) {
    using Next = detail::StepChain<T, Step>;
    return Stream<Out, Next>(std::move(pipeline), id, Next{{std::move(step)}});
  }
  template <class Out, class Step, class In, class... Steps>
  static auto append_to_chain(const detail::StepChain<In, Steps...>& chain, Pipeline pipeline, Pipeline::StepId id,
                              Step step) {
    using Next = detail::StepChain<In, Steps..., Step>;
    Next next{std::tuple_cat(chain.steps, std::tuple<Step>(std::move(step)))};
    pipeline.set_fused(id, detail::factory_of<detail::TypedOperator<In, Steps..., Step>>(next.steps),
                       sizeof...(Steps) + 1);
    return Stream<Out, Next>(std::move(pipeline), id, std::move(next));
  }
  template <class Out, class Step, class Origin, class... Steps>
  static auto append_to_chain(const detail::SourceChain<Origin, Steps...>& chain, Pipeline pipeline,
                              Pipeline::StepId id, Step step) {
    using Next = detail::SourceChain<Origin, Steps..., Step>;
    Next next{chain.origin, std::tuple_cat(chain.steps, std::tuple<Step>(std::move(step)))};
    pipeline.set_fused(id, detail::factory_of<detail::TypedSource<Origin, Steps..., Step>>(next.origin, next.steps),
                       sizeof...(Steps) + 2);
    return Stream<Out, Next>(std::move(pipeline), id, std::move(next));
  }

  Pipeline pipeline_;
  Pipeline::StepId last_;
  [[no_unique_address]] Chain chain_;
};

// ---- Sources -------------------------------------------------------------------------------------------------------

namespace detail {

/// begin, begin + 1, …, end - 1.
struct RangeOrigin {
  using Out = std::uint64_t;
  static constexpr std::size_t kMostPerFill = kRecordsPerLook;
  std::uint64_t next;
  std::uint64_t end;
  std::uint64_t begin = next;
  std::uint64_t total() const noexcept { return end - begin; }
  template <class Push>
  [[gnu::always_inline]] bool fill(std::size_t limit, Push& push) {
    std::uint64_t at = next;
    const std::uint64_t stop = end - at > limit ? at + limit : end;
    for (; at < stop; ++at) {
      std::uint64_t record = at;
      push(record);
    }
    next = at;
    return next < end;
  }
};

/// The elements of a shared vector.
template <class T>
struct VectorOrigin {
  using Out = T;
  static constexpr std::size_t kMostPerFill = kRecordsPerLook;
  std::shared_ptr<const std::vector<T>> records;
  std::size_t next = 0;
  std::uint64_t total() const noexcept { return records->size(); }
  template <class Push>
  bool fill(std::size_t limit, Push& push) {
    for (; next < records->size() && limit > 0; ++next, --limit) {
      T record = (*records)[next];
      push(record);
    }
    return next < records->size();
  }
};

/// What a callable returns until it returns nothing.
template <class F, class T>
struct FunctionOrigin {
  using Out = T;
  static constexpr std::size_t kMostPerFill = 1;  // it may wait for every record
  F function;
  std::uint64_t total() const noexcept { return 0; }
  template <class Push>
  bool fill(std::size_t limit, Push& push) {
    for (; limit > 0; --limit) {
      std::optional<T> record = function();
      if (!record) return false;
      push(*record);
    }
    return true;
  }
};

template <class Origin>
auto source_stream(const char* op, Origin origin, StepOptions options) {
  Pipeline pipeline;
  const auto id =
      pipeline.add(op, factory_of<TypedSource<Origin>>(origin, std::tuple<>()), std::move(options), Pipeline::kNone);
  using Chain = SourceChain<Origin>;
  return Stream<typename Origin::Out, Chain>(std::move(pipeline), id, Chain{std::move(origin), {}});
}

}  // namespace detail

/// A stream of the numbers from `begin` up to and without `end`.
inline auto range(std::uint64_t begin, std::uint64_t end, StepOptions options = {}) {
  return detail::source_stream("range", detail::RangeOrigin{begin, end < begin ? begin : end}, std::move(options));
}

/// A stream of the elements of `records`.
template <class T>
auto from(std::vector<T> records, StepOptions options = {}) {
  return detail::source_stream(
      "from", detail::VectorOrigin<T>{std::make_shared<const std::vector<T>>(std::move(records))}, std::move(options));
}

/// A stream of what `function()` returns, a std::optional<T>, until it is empty. Exceptions end the run.
template <class F>
auto from_function(F function, StepOptions options = {}) {
  using Next = std::remove_cvref_t<std::invoke_result_t<F&>>;
  static_assert(detail::kIsOptional<Next>,
                "penstock: from_function(): the callable must return a std::optional of the next record");
  if constexpr (detail::kIsOptional<Next>) {
    using T = typename Next::value_type;
    return detail::source_stream("from_function", detail::FunctionOrigin<F, T>{std::move(function)},
                                 std::move(options));
  }
}

/// A stream from a source of the registry.
inline Stream<RecordBatch> read(std::string op, Options op_options = {}, StepOptions options = {}) {
  Pipeline pipeline;
  const auto id = pipeline.add(std::move(op), std::move(op_options), std::move(options), Pipeline::kNone);
  return {std::move(pipeline), id};
}

}  // namespace penstock
