// SPDX-License-Identifier: MIT
// For tests of the engine: operators whose every call is a callable, gates instead of sleeps, every way to run.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <penstock/pipeline.h>
#include <penstock/testing.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stream/strategies.h"

namespace penstock::testing {

/// A folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "penstock_test_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// The names of what is in it, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string path_;
};

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What an operator does; what is not set does what the base class does. One set serves all instances of a run.
struct Calls {
  OperatorTraits traits = {};
  std::function<Result<StreamType>(const StreamType&)> bind = {};  ///< By default: emits what comes in.
  std::function<Status(OperatorContext&)> open = {};
  std::function<Status(Batch, Emitter&)> process = {};  ///< By default: passes on.
  std::function<std::uint64_t()> records_wanted = {};
  std::function<Status(Emitter&)> finish = {};
  std::function<Status()> commit = {};
  std::function<void()> abort = {};
  std::function<Result<Source::Next>(Emitter&)> produce = {};  ///< Makes it a source.
  std::function<std::uint64_t()> records_read = {};
  std::function<std::string()> result = {};
};

template <class Base>
class CalledOperator : public Base {
 public:
  explicit CalledOperator(Calls calls) : calls_(std::move(calls)) {}
  Result<StreamType> bind(const StreamType& input) override {
    return calls_.bind ? calls_.bind(input) : Result<StreamType>(input);
  }
  OperatorTraits traits() const override { return calls_.traits; }
  Status open(OperatorContext& context) override { return calls_.open ? calls_.open(context) : Status(); }
  std::uint64_t records_wanted() const noexcept override {
    return calls_.records_wanted ? calls_.records_wanted() : Operator::kAll;
  }
  Status finish(Emitter& out) override { return calls_.finish ? calls_.finish(out) : Status(); }
  Status commit() override { return calls_.commit ? calls_.commit() : Status(); }
  void abort() noexcept override {
    if (calls_.abort) calls_.abort();
  }
  std::string result() const override { return calls_.result ? calls_.result() : std::string(); }

 protected:
  Calls calls_;
};

class CalledTransform final : public CalledOperator<Operator> {
 public:
  using CalledOperator::CalledOperator;
  Status process(Batch batch, Emitter& out) override {
    if (calls_.process) return calls_.process(std::move(batch), out);
    out.emit(std::move(batch));
    return {};
  }
};

class CalledSource final : public CalledOperator<Source> {
 public:
  using CalledOperator::CalledOperator;
  Result<Next> produce(Emitter& out) override { return calls_.produce(out); }
  std::uint64_t records_read() const noexcept override {
    return calls_.records_read ? calls_.records_read() : kUnknown;
  }
};

class CalledFactory final : public OperatorFactory {
 public:
  explicit CalledFactory(std::function<Calls()> make) : make_(std::move(make)) {}
  Result<std::unique_ptr<Operator>> make() const override {
    Calls calls = make_();
    if (calls.produce) return std::unique_ptr<Operator>(std::make_unique<CalledSource>(std::move(calls)));
    return std::unique_ptr<Operator>(std::make_unique<CalledTransform>(std::move(calls)));
  }

 private:
  std::function<Calls()> make_;
};

/// Every instance calls the same `calls`, which share what they captured.
inline std::shared_ptr<const OperatorFactory> calling(Calls calls) {
  return std::make_shared<CalledFactory>([calls = std::move(calls)] { return calls; });
}
/// Every instance, and so every worker, has calls of its own.
inline std::shared_ptr<const OperatorFactory> calling_each(std::function<Calls()> make) {
  return std::make_shared<CalledFactory>(std::move(make));
}

inline SchemaPtr one_column(std::string name = "n") {
  return std::make_shared<const Schema>(std::vector<Field>{{std::move(name), Type::kInt64}});
}

inline RecordBatch numbers(std::int64_t begin, std::int64_t end, BufferPool& pool = BufferPool::shared()) {
  RecordBatchBuilder builder(one_column(), pool);
  for (std::int64_t i = begin; i < end; ++i) builder.column(0).append_int64(i);
  return builder.finish();
}

/// A source of the record batches {n: 0} … {n: count - 1}, in batches of at most the run's batch size.
inline Calls counting_source(std::int64_t count) {
  struct State {
    std::int64_t next = 0;
    OperatorContext* context = nullptr;
  };
  const auto state = std::make_shared<State>();
  Calls calls;
  calls.bind = [](const StreamType&) { return StreamType::of_schema(one_column()); };
  calls.open = [state](OperatorContext& context) {
    *state = {0, &context};
    return Status();
  };
  calls.produce = [state, count](Emitter& out) -> Result<Source::Next> {
    const std::int64_t end = std::min(count, state->next + static_cast<std::int64_t>(state->context->batch_size));
    out.emit(numbers(state->next, end, *state->context->pool));
    state->next = end;
    return end < count ? Source::Next::kMore : Source::Next::kEnd;
  };
  calls.records_read = [state] { return static_cast<std::uint64_t>(state->next); };
  return calls;
}

/// Passes numbers on, and calls `look(n)` for each before.
template <class Look>
Calls looking(Look look) {
  Calls calls;
  calls.traits.rows = RowEffect::kKeeps;
  calls.process = [look](Batch batch, Emitter& out) {
    for (const std::int64_t n : batch.record_batch().column(0).int64s()) look(n);
    out.emit(std::move(batch));
    return Status();
  };
  return calls;
}

/// A sink that appends every number to `to`.
inline Calls keeping_sink(std::vector<std::int64_t>& to) {
  Calls calls;
  calls.traits.effects = true;
  calls.process = [&to](Batch batch, Emitter&) {
    const auto values = batch.record_batch().column(0).int64s();
    to.insert(to.end(), values.begin(), values.end());
    return Status();
  };
  return calls;
}

/// source -> steps in a row, named by the first of each pair.
inline Pipeline chain(std::vector<std::pair<std::string, Calls>> steps) {
  Pipeline pipeline("test");
  for (auto& [name, calls] : steps) {
    pipeline.add(name, calling(std::move(calls)), {}, pipeline.steps().empty() ? Pipeline::kNone : Pipeline::kLast);
  }
  return pipeline;
}

/// source of `records` numbers -> "step", which workers may share -> sink that keeps them.
inline Pipeline around(std::int64_t records, std::shared_ptr<const OperatorFactory> step,
                       std::vector<std::int64_t>& out, StepOptions options = {}) {
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(records)), {}, Pipeline::kNone);
  options.stateless = true;
  pipeline.add("step", std::move(step), std::move(options));
  pipeline.add("sink", calling(keeping_sink(out)));
  return pipeline;
}

/// The summary of a strategy that one test adds for itself.
inline constexpr const char* kForOneTest = "for one test";

/// `auto`, except that it never stays in one thread.
inline Result<Plan> decide_auto_at_once(const StrategyInput& input) {
  PENSTOCK_ASSIGN(Plan plan, decide_auto(input));
  plan.adapting.all_at_once = true;
  for (PlanSegment& segment : plan.segments) segment.most_workers = std::min(segment.most_workers, 3U);
  return plan;
}

/// Known to every test program that includes this.
inline const bool kDividesAtOnce =
    add_strategy({"auto_at_once", "auto that always divides", decide_auto_at_once}).has_value();

/// All strategies that can run every pipeline.
inline std::vector<StrategyInfo> every_strategy() {
  std::vector<StrategyInfo> strategies = all_strategies();
  std::erase_if(strategies, [](const StrategyInfo& strategy) { return strategy.summary == kForOneTest; });
  return strategies;
}

/// Calls `body(options)` for every strategy, several batch sizes and queue depths.
template <class Body>
void run_everywhere(Body&& body) {
  for (const StrategyInfo& strategy : every_strategy()) {
    for (const std::size_t batch_size : {1U, 7U, 1000U}) {
      for (const std::size_t queue_depth : {1U, 10U}) {
        SCOPED_TRACE(fmt::format("strategy {}, batch_size {}, queue_depth {}", strategy.name, batch_size, queue_depth));
        RunOptions options;
        options.strategy = {strategy.name};
        options.batch_size = batch_size;
        options.queue_depth = queue_depth;
        body(options);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

inline std::string error_text(const Status& status) { return status ? std::string() : status.error().to_text(); }
template <class T>
std::string error_text(const Result<T>& result) {
  return result ? std::string() : result.error().to_text();
}

}  // namespace penstock::testing
