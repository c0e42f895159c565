// SPDX-License-Identifier: MIT
// The same step in threads and in processes: it passes batches on, makes new ones, or works on each for a millisecond.
#include <penstock/pipeline.h>

#include <ctime>

#include "timing.h"

namespace penstock::benchmark::handover {
namespace {

constexpr std::size_t kRows = std::size_t{1} << 17;  // of 8 bytes: 1 MiB

SchemaPtr one_column() {
  static const auto schema = std::make_shared<const Schema>(std::vector<Field>{{"n", Type::kInt64}});
  return schema;
}

/// Emits the same batch again and again: making it is not the question.
class Repeated final : public Source {
 public:
  explicit Repeated(std::uint64_t batches) : left_(batches) {}
  Result<StreamType> bind(const StreamType& /*input*/) override { return StreamType::of_schema(one_column()); }
  Status open(OperatorContext& context) override {
    RecordBatchBuilder builder(one_column(), *context.pool);
    for (std::size_t i = 0; i < kRows; ++i) builder.column(0).append_int64(static_cast<std::int64_t>(i));
    batch_ = builder.finish();
    return {};
  }
  Result<Next> produce(Emitter& out) override {
    out.emit(batch_);
    return --left_ > 0 ? Next::kMore : Next::kEnd;
  }

 private:
  std::uint64_t left_;
  RecordBatch batch_;
};

enum class Step : std::uint8_t { kPasses, kMakes, kWorks };

std::int64_t thread_cpu_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

template <Step kStep>
class Stepping final : public Operator {
 public:
  Result<StreamType> bind(const StreamType& input) override { return input; }
  OperatorTraits traits() const override { return {.stateless = true, .rows = RowEffect::kKeeps}; }
  Status open(OperatorContext& context) override {
    pool_ = context.pool;
    return {};
  }
  Status process(Batch batch, Emitter& out) override {
    if constexpr (kStep == Step::kMakes) {
      Buffer values = pool_->allocate(kRows * 8);
      auto* const to = reinterpret_cast<std::int64_t*>(values.mutable_data());
      const auto from = batch.record_batch().column(0).int64s();
      for (std::size_t i = 0; i < kRows; ++i) to[i] = from[i] + 1;
      values.set_size(kRows * 8);
      out.emit(RecordBatch(one_column(), {Column(Type::kInt64, kRows, 0, {}, std::move(values))}, kRows));
      return {};
    }
    if constexpr (kStep == Step::kWorks) {
      for (const std::int64_t end = thread_cpu_ns() + 1'000'000; thread_cpu_ns() < end;) {
      }
    }
    out.emit(std::move(batch));
    return {};
  }

 private:
  BufferPool* pool_ = nullptr;
};

class Counting final : public Operator {
 public:
  explicit Counting(std::uint64_t& rows) : rows_(rows) {}
  Result<StreamType> bind(const StreamType& input) override { return input; }
  OperatorTraits traits() const override { return {.effects = true, .rows = RowEffect::kKeeps}; }
  Status process(Batch batch, Emitter& out) override {
    const auto values = batch.record_batch().column(0).int64s();
    rows_ += values.size() + static_cast<std::uint64_t>(values.back());
    out.emit(std::move(batch));
    return {};
  }

 private:
  std::uint64_t& rows_;
};

template <class Op, class... Args>
class Factory final : public OperatorFactory {
 public:
  explicit Factory(Args... args) : args_(args...) {}
  Result<std::unique_ptr<Operator>> make() const override {
    return std::apply([](Args... args) { return std::unique_ptr<Operator>(std::make_unique<Op>(args...)); }, args_);
  }

 private:
  std::tuple<Args...> args_;
};

struct Way {
  const char* strategy = "";
  std::uint32_t workers = 1;
};

template <Step kStep, Way kWay>
Outcome run(std::uint64_t batches) {
  std::uint64_t sum = 0;
  Pipeline pipeline("handover");
  pipeline.add("source", std::make_shared<Factory<Repeated, std::uint64_t>>(batches), {}, Pipeline::kNone);
  pipeline.add("step", std::make_shared<Factory<Stepping<kStep>>>());
  pipeline.add("sink", std::make_shared<Factory<Counting, std::uint64_t&>>(sum));
  RunOptions options;
  options.strategy = {kWay.strategy, kWay.workers};
  options.metrics = false;
  const Result<Report> report = pipeline.run(options);
  if (!report) contract_broken(report.error().to_text().c_str());
  return {.result = sum};
}

/// Whole runs of a few batches: what counts is how fast workers are there, and gone.
template <Way kWay>
Outcome run_often(std::uint64_t times) {
  Outcome outcome;
  for (std::uint64_t i = 0; i < times; ++i) outcome.result += run<Step::kPasses, kWay>(8).result;
  return outcome;
}

constexpr char kThreads[] = "threads";
constexpr char kParallel[] = "parallel";
constexpr char kProcesses[] = "processes";
constexpr Way kThread = {kThreads, 0};
constexpr Way kProcess = {kProcesses, 1};
constexpr Way kTwoThreads = {kParallel, 2};
constexpr Way kTwoProcesses = {kProcesses, 2};
constexpr Way kFourThreads = {kParallel, 4};
constexpr Way kFourProcesses = {kProcesses, 4};

const Register registered({
    {"passed on", "a thread", run<Step::kPasses, kThread>, true},
    {"passed on", "a process", run<Step::kPasses, kProcess>},
    {"made anew", "a thread", run<Step::kMakes, kThread>, true},
    {"made anew", "a process", run<Step::kMakes, kProcess>},
    {"1 ms of work", "two threads", run<Step::kWorks, kTwoThreads>, true, 500},
    {"1 ms of work", "two processes", run<Step::kWorks, kTwoProcesses>, false, 500},
    {"whole runs of 8 batches", "four threads", run_often<kFourThreads>, true, 50},
    {"whole runs of 8 batches", "four processes", run_often<kFourProcesses>, false, 50},
});

}  // namespace
}  // namespace penstock::benchmark::handover
