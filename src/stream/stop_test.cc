// SPDX-License-Identifier: MIT
// How a run ends before its input does: timeouts of the run and of an operator, drain, cancel, workers left behind.
#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <thread>

#include "platform/clock.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using testing::calling;
using testing::Calls;
using testing::chain;
using testing::counting_source;
using ::testing::ElementsAre;
using testing::error_text;
using testing::Gate;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_everywhere;

constexpr std::chrono::milliseconds kSoon{30};

Calls endless_source() { return counting_source(std::numeric_limits<std::int64_t>::max()); }

// Works until the run is cancelled, as user code should that takes long.
Calls patient() {
  const auto context = std::make_shared<OperatorContext*>();
  Calls calls;
  calls.open = [context](OperatorContext& given) {
    *context = &given;
    return Status();
  };
  calls.process = [context](Batch, Emitter&) {
    while (!(*context)->stop->cancelled()) std::this_thread::yield();
    return Status();
  };
  return calls;
}

// Waits for a gate that nobody opens during the run, whatever the run says.
Calls deaf(std::shared_ptr<Gate> gate) {
  Calls calls;
  calls.process = [gate](Batch, Emitter&) {
    gate->wait();
    return Status();
  };
  return calls;
}

RunOptions small_batches(const StrategyInfo& strategy) {
  RunOptions options;
  options.strategy = {strategy.name};
  options.batch_size = 10;
  options.queue_depth = 2;
  return options;
}

TEST(RunTimeout, EndsARunWhoseOperatorWorksTooLong) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    std::atomic<int> aborted{0};
    Calls slow = patient();
    slow.abort = [&] { ++aborted; };
    RunOptions options = small_batches(strategy);
    options.timeout = kSoon;
    const RunOutcome outcome = chain({{"source", endless_source()}, {"slow", slow}}).run_to_outcome(options);
    ASSERT_FALSE(outcome.status);
    EXPECT_EQ(outcome.status.error().code(), ErrorCode::kTimeout);
    EXPECT_TRUE(outcome.status.error().retryable());
    EXPECT_THAT(error_text(outcome.status), AllOf(HasSubstr("did not end within its timeout of 30.0 ms"),
                                                  HasSubstr("\"slow\" has worked on its batch 1 for")));
    EXPECT_EQ(outcome.report.outcome, Report::Outcome::kFailed);
    EXPECT_EQ(aborted, 1);
  }
}

TEST(RunTimeout, SaysWhoWaitsForWhom) {
  RunOptions options;
  options.strategy = threads;
  options.batch_size = 10;
  options.queue_depth = 1;
  options.timeout = std::chrono::milliseconds(300);
  const Result<Report> report =
      chain({{"source", endless_source()}, {"first", Calls()}, {"stuck", patient()}, {"last", Calls()}}).run(options);
  EXPECT_THAT(error_text(report), AllOf(HasSubstr("\"source\" has waited for \"first\" to take a batch for"),
                                        HasSubstr("\"first\" has waited for \"stuck\" to take a batch for"),
                                        HasSubstr("\"stuck\" has worked on its batch 1 for"),
                                        HasSubstr("\"last\" has waited for a batch from \"stuck\" for")));
}

TEST(RunTimeout, NamesTheWorkerInFrontOfALoopOfSeveralSteps) {
  const auto gate = std::make_shared<Gate>();
  const auto plus = [](std::uint64_t n) { return n + 1; };
  const auto pipeline = from_function(
                            [gate]() -> std::optional<std::uint64_t> {
                              gate->wait();
                              return std::nullopt;
                            },
                            {.name = "silent"})
                            .map(plus, {.name = "one"})
                            .map(plus, {.name = "two", .light = true})
                            .pipeline();
  RunOptions options;
  options.strategy = threads;
  options.timeout = kSoon;
  EXPECT_THAT(error_text(pipeline.run(options)), HasSubstr("\"one\" has waited for a batch from \"silent\""));
  gate->open();
}

TEST(RunTimeout, LeavesAWorkerBehindThatNeverReturns) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const auto gate = std::make_shared<Gate>();
    RunOptions options = small_batches(strategy);
    options.timeout = kSoon;
    {
      const Pipeline pipeline = chain({{"source", endless_source()}, {"deaf", deaf(gate)}});
      const RunOutcome outcome = pipeline.run_to_outcome(options);
      EXPECT_EQ(outcome.status.error().code(), ErrorCode::kTimeout);
      EXPECT_THAT(error_text(outcome.status), HasSubstr("\"deaf\" has worked on its batch 1"));
      EXPECT_EQ(outcome.report.steps.size(), 2U);
    }
    gate->open();  // it goes on after its pipeline is gone
  }
}

TEST(RunTimeout, BoundsARunThatFailedWhileAWorkerHangs) {
  const auto gate = std::make_shared<Gate>();
  const auto hangs = std::make_shared<Gate>();
  Calls hanging;
  hanging.process = [=](Batch, Emitter&) {
    hangs->open();
    gate->wait();
    return Status();
  };
  Calls failing;
  failing.process = [=](Batch, Emitter&) -> Status {
    hangs->wait();
    return Error(ErrorCode::kDataLoss, "broken");
  };
  Pipeline pipeline = chain({{"source", counting_source(5)}});
  pipeline.add("hanging", calling(hanging), {}, 0);
  pipeline.add("failing", calling(failing), {}, 0);
  RunOptions options;
  options.strategy = threads;
  options.timeout = kSoon;
  EXPECT_THAT(error_text(pipeline.run(options)), AnyOf(HasSubstr("failing: broken"), HasSubstr("did not end within")));
  gate->open();
}

TEST(RunTimeout, DoesNotTouchARunThatEndsInTime) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    RunOptions options = small_batches(strategy);
    options.timeout = std::chrono::hours(24 * 365);
    EXPECT_TRUE(chain({{"source", counting_source(100)}, {"sink", Calls()}}).run(options));
  }
}

TEST(OperatorTimeout, NamesTheOperatorAndItsBatch) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    Pipeline pipeline = chain({{"source", endless_source()}, {"pass", Calls()}});
    pipeline.add("slow", calling(patient()), {.timeout = kSoon});
    const Result<Report> report = pipeline.run(small_batches(strategy));
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), ErrorCode::kTimeout);
    EXPECT_EQ(report.error().where(), "slow");
    EXPECT_THAT(error_text(report),
                AllOf(HasSubstr("worked on its batch 1 for"), HasSubstr("longer than its timeout of 30.0 ms")));
  }
}

TEST(OperatorTimeout, HoldsForATypedStepAmongOthers) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const auto gate = std::make_shared<Gate>();
    const auto pass = [](std::uint64_t n) { return n; };
    const auto stall = [gate](std::uint64_t n) {
      gate->wait();
      return n;
    };
    const auto pipeline =
        range(0, 100).map(pass).map(stall, {.name = "stalled", .timeout = kSoon}).map(pass).pipeline();
    const Result<Report> report = pipeline.run(small_batches(strategy));
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), ErrorCode::kTimeout);
    EXPECT_EQ(report.error().where(), "stalled");
    gate->open();
  }
}

TEST(OperatorTimeout, DoesNotCountTheTimeOfOthers) {
  // The watched operator feeds one that outlasts its timeout many times over, until the progress was reported twice.
  struct Twice final : ProgressListener {
    void update(const Progress&) override {
      if (++calls == 2) gate.open();
    }
    std::atomic<int> calls{0};
    Gate gate;
  };
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    Twice twice;
    Calls slow;
    slow.process = [&](Batch, Emitter&) {
      twice.gate.wait();
      return Status();
    };
    Pipeline pipeline = chain({{"source", counting_source(100)}});
    pipeline.add("watched", calling(Calls()), {.timeout = std::chrono::milliseconds(100)});
    pipeline.add("slow", calling(slow));
    RunOptions options = small_batches(strategy);
    options.progress = &twice;
    const Result<Report> report = pipeline.run(options);
    EXPECT_TRUE(report) << error_text(report);
  }
}

// What a run did until somebody in its midst asked it to stop.
struct Stopped {
  RunOutcome outcome;
  std::vector<std::int64_t> out;
  std::vector<std::string> calls;
};

Stopped run_and_stop(const StrategyInfo& strategy, StopSignal::State state) {
  StopSignal stop;
  Stopped result;
  Calls sink;
  sink.traits.effects = true;
  sink.process = [&](Batch batch, Emitter&) {
    const auto values = batch.record_batch().column(0).int64s();
    result.out.insert(result.out.end(), values.begin(), values.end());
    if (result.out.size() >= 100) stop.request(state);
    return Status();
  };
  sink.finish = [&](Emitter&) {
    result.calls.push_back("finish");
    return Status();
  };
  sink.commit = [&] {
    result.calls.push_back("commit");
    return Status();
  };
  sink.abort = [&] { result.calls.push_back("abort"); };
  RunOptions options = small_batches(strategy);
  options.stop = &stop;
  result.outcome = chain({{"source", endless_source()}, {"pass", Calls()}, {"sink", sink}}).run_to_outcome(options);
  return result;
}

TEST(Drain, FinishesAndCommitsWhatIsInFlight) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const Stopped stopped = run_and_stop(strategy, StopSignal::State::kDrain);
    ASSERT_TRUE(stopped.outcome.status) << error_text(stopped.outcome.status);
    EXPECT_EQ(stopped.outcome.report.outcome, Report::Outcome::kDrained);
    EXPECT_THAT(stopped.calls, ElementsAre("finish", "commit"));
    ASSERT_GE(stopped.out.size(), 100U);
    // Nothing lost and nothing doubled up to where the source stopped.
    EXPECT_EQ(stopped.out.size(), stopped.outcome.report.records_in);
    EXPECT_EQ(stopped.out.back(), static_cast<std::int64_t>(stopped.out.size()) - 1);
  }
}

TEST(Cancel, CommitsNothing) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const Stopped stopped = run_and_stop(strategy, StopSignal::State::kCancel);
    ASSERT_FALSE(stopped.outcome.status);
    EXPECT_EQ(stopped.outcome.status.error().code(), ErrorCode::kCancelled);
    EXPECT_EQ(stopped.outcome.report.outcome, Report::Outcome::kCancelled);
    EXPECT_THAT(stopped.calls, ElementsAre("abort"));
  }
}

TEST(Cancel, LeavesNoFileBehind) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const testing::TemporaryFolder folder;
    StopSignal stop;
    const auto refuse = [&](std::uint64_t n) -> std::uint64_t {
      if (n == 50'000) stop.request(StopSignal::State::kCancel);
      throw std::runtime_error("no");
    };
    RunOptions options = small_batches(strategy);
    options.stop = &stop;
    const auto pipeline = range(0, std::numeric_limits<std::uint64_t>::max())
                              .map(refuse, {.on_error = quarantine(folder.file("bad.jsonl"))})
                              .pipeline();
    EXPECT_FALSE(pipeline.run(options));
    EXPECT_THAT(folder.names(), IsEmpty());
  }
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

// The numbers of this process's children; other tests leave some behind on purpose.
std::string children() {
  std::string numbers;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream list(thread.path() / "children");
    for (std::string number; list >> number;) numbers += number + " ";
  }
  return numbers;
}

TEST(Cancel, InTheMiddleLeavesNoProcessAndNoDescriptor) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const std::size_t before = open_descriptors();
    const std::string children_before = children();
    StopSignal stop;
    std::size_t seen = 0;
    std::int64_t asked_ns = 0;
    Calls sink;
    sink.traits.effects = true;
    sink.process = [&](Batch batch, Emitter&) {
      seen += batch.num_records();
      if (seen < 500 || asked_ns > 0) return Status();
      asked_ns = now_ns();
      stop.request(StopSignal::State::kCancel);
      return Status();
    };
    Pipeline pipeline = chain({{"source", endless_source()}});
    pipeline.add("shared", calling(Calls()), {.stateless = true});
    pipeline.add("sink", calling(sink));
    RunOptions options = small_batches(strategy);
    options.stop = &stop;
    EXPECT_EQ(pipeline.run_to_outcome(options).report.outcome, Report::Outcome::kCancelled);
    std::cout << fmt::format("{}: {:.1f} ms from cancel to end\n", strategy.name,
                             static_cast<double>(now_ns() - asked_ns) / 1e6);
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(children(), children_before);
  }
}

TEST(Cancel, IsNotTakenBackByADrain) {
  StopSignal stop;
  stop.request(StopSignal::State::kCancel);
  stop.request(StopSignal::State::kDrain);
  EXPECT_TRUE(stop.cancelled());
}

TEST(Stop, BeforeTheRunBegins) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    StopSignal drain;
    drain.request(StopSignal::State::kDrain);
    RunOptions options = small_batches(strategy);
    options.stop = &drain;
    const Result<Report> drained = chain({{"source", endless_source()}, {"sink", Calls()}}).run(options);
    ASSERT_TRUE(drained) << error_text(drained);
    EXPECT_EQ(drained->outcome, Report::Outcome::kDrained);
    EXPECT_EQ(drained->records_in, 0U);

    StopSignal cancel;
    cancel.request(StopSignal::State::kCancel);
    options.stop = &cancel;
    const Result<Report> cancelled = chain({{"source", endless_source()}, {"sink", Calls()}}).run(options);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code(), ErrorCode::kCancelled);
  }
}

TEST(Cancel, LeavesAWorkerBehindThatOutlivesEverything) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    const auto arrived = std::make_shared<Gate>();
    const auto gate = std::make_shared<Gate>();
    {
      StopSignal stop;
      std::thread user([&] {
        arrived->wait();
        stop.request(StopSignal::State::kCancel);
      });
      Calls source = endless_source();
      source.produce = [arrived, gate](Emitter&) -> Result<Source::Next> {
        arrived->open();
        gate->wait();
        return Source::Next::kMore;
      };
      RunOptions options = small_batches(strategy);
      options.stop = &stop;
      const Result<Report> report = chain({{"source", source}, {"sink", Calls()}}).run(options);
      user.join();
      ASSERT_FALSE(report);
      EXPECT_EQ(report.error().code(), ErrorCode::kCancelled);
    }
    gate->open();
  }
}

TEST(Cancel, EndsTheWaitBeforeAnotherAttempt) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    StopSignal stop;
    const auto busy = [&](std::uint64_t) -> std::uint64_t {
      stop.request(StopSignal::State::kCancel);
      throw std::runtime_error("busy");
    };
    Calls batch_busy;
    batch_busy.process = [&](Batch, Emitter&) -> Status {
      stop.request(StopSignal::State::kCancel);
      return Error(ErrorCode::kUnavailable, "busy");
    };
    RunOptions options = small_batches(strategy);
    options.stop = &stop;
    const std::int64_t one_hour = std::int64_t{3600} * 1'000'000;
    const auto records = range(0, 10).map(busy, {.on_error = retry(10, one_hour)}).pipeline();
    EXPECT_EQ(records.run(options).error().code(), ErrorCode::kCancelled);

    StopSignal again;
    options.stop = &again;
    batch_busy.process = [&](Batch, Emitter&) -> Status {
      again.request(StopSignal::State::kCancel);
      return Error(ErrorCode::kUnavailable, "busy");
    };
    Pipeline batches = chain({{"source", counting_source(10)}});
    batches.add("busy", calling(batch_busy), {.on_error = retry(10, one_hour)});
    EXPECT_EQ(batches.run(options).error().code(), ErrorCode::kCancelled);
  }
}

// Tells the progress of a run, and lets others wait until it was told.
class Listener final : public ProgressListener {
 public:
  void update(const Progress& progress) override {
    {
      const std::lock_guard lock(mutex_);
      last_ = progress;
      ++updates_;
    }
    changed_.notify_all();
  }
  /// Waits for an update that began after this call.
  void wait_for_another() {
    std::unique_lock lock(mutex_);
    const int before = updates_;
    changed_.wait(lock, [&] { return updates_ >= before + 2; });
  }
  Progress last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int updates_ = 0;
  Progress last_;
};

TEST(Progress, IsToldWhileTheRunWorks) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    Listener listener;
    RunOptions options = small_batches(strategy);
    options.progress = &listener;
    const auto wait_at_50 = [&](std::uint64_t n) {
      if (n == 50) listener.wait_for_another();
      if (n == 51) throw std::runtime_error("no");
      return n;
    };
    const auto pipeline = range(0, 100).map(wait_at_50, {.name = "waiting", .on_error = skip()}).pipeline();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    const Progress progress = listener.last();
    EXPECT_EQ(progress.source.total, 100U);
    EXPECT_STREQ(progress.source.unit, "records");
    ASSERT_EQ(progress.steps.size(), 2U);
    EXPECT_EQ(progress.steps[1].name, "waiting");
    EXPECT_GE(progress.records_in, 40U);  // all but its own batch
    EXPECT_GT(progress.seconds, 0);
  }
}

TEST(Drain, DoesNotWaitForAHugeBatchToFill) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    Listener listener;
    StopSignal stop;
    RunOptions options = small_batches(strategy);
    options.batch_size = 1 << 20;
    options.progress = &listener;
    options.stop = &stop;
    std::vector<std::uint64_t> out;
    const auto trickle = [&, n = std::uint64_t{0}]() mutable -> std::optional<std::uint64_t> {
      if (n == 10) {
        stop.request(StopSignal::State::kDrain);
        listener.wait_for_another();
      }
      return n++;
    };
    const Result<Report> report =
        from_function(trickle).map([](std::uint64_t n) { return n; }).collect(out).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_GE(out.size(), 11U);
    EXPECT_LT(out.size(), 1000U);
  }
}

TEST(Cancel, DoesNotWaitForAHugeBatchToBeWorkedOff) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    Listener listener;
    StopSignal stop;
    RunOptions options = small_batches(strategy);
    options.batch_size = 1 << 20;
    options.progress = &listener;
    options.stop = &stop;
    std::uint64_t worked_on = 0;
    const auto work = [&](std::uint64_t n) {
      if (n == 10) {
        stop.request(StopSignal::State::kCancel);
        listener.wait_for_another();
      }
      ++worked_on;
    };
    const auto pipeline = range(0, std::uint64_t{1} << 20).for_each(work);
    EXPECT_EQ(pipeline.run(options).error().code(), ErrorCode::kCancelled);
    EXPECT_LT(worked_on, 1000U);
  }
}

}  // namespace
}  // namespace penstock
