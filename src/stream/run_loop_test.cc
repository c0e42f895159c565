// SPDX-License-Identifier: MIT
// How a run goes: the calls of operators and their order, failures in each of them, commit and abort, accounts,
// branches, early ends, options at their extremes.
#include "stream/run_loop.h"

#include <gmock/gmock.h>
#include <penstock/stream.h>

#include <atomic>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <thread>

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
using testing::keeping_sink;
using testing::numbers;
using testing::one_column;
using testing::run_everywhere;

std::vector<std::int64_t> up_to(std::int64_t end) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(end));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Writes down who was called, from any thread.
class Diary {
 public:
  void add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// `calls`, with the calls that happen once written down.
Calls noted(const std::string& name, Diary& diary, Calls calls = {}) {
  const auto finish = calls.finish;
  const auto commit = calls.commit;
  calls.finish = [=, &diary](Emitter& out) {
    diary.add(name + ".finish");
    return finish ? finish(out) : Status();
  };
  calls.commit = [=, &diary] {
    diary.add(name + ".commit");
    return commit ? commit() : Status();
  };
  calls.abort = [=, &diary] { diary.add(name + ".abort"); };
  return calls;
}

TEST(Run, FinishesEveryOperatorAndThenCommitsInOrder) {
  Diary diary;
  const Pipeline pipeline =
      chain({{"a", noted("a", diary, counting_source(10))}, {"b", noted("b", diary)}, {"c", noted("c", diary)}});
  run_everywhere([&](const RunOptions& options) {
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_THAT(diary.take(), ElementsAre("a.finish", "b.finish", "c.finish", "a.commit", "b.commit", "c.commit"));
  });
}

TEST(Run, HandsOnWhatFinishEmits) {
  std::vector<std::int64_t> out;
  Calls late;
  late.finish = [](Emitter& to) {
    to.emit(testing::numbers(100, 103));
    return Status();
  };
  const Pipeline pipeline =
      chain({{"source", counting_source(2)}, {"late", late}, {"later", late}, {"sink", keeping_sink(out)}});
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_THAT(out, ElementsAre(0, 1, 100, 101, 102, 100, 101, 102));
  });
}

TEST(Run, AbortsEveryOperatorWhenOneFails) {
  Diary diary;
  Calls failing;
  failing.process = [](Batch, Emitter&) -> Status { return Error(ErrorCode::kDataLoss, "broken"); };
  const Pipeline pipeline = chain(
      {{"a", noted("a", diary, counting_source(10))}, {"b", noted("b", diary, failing)}, {"c", noted("c", diary)}});
  run_everywhere([&](const RunOptions& options) {
    const RunOutcome outcome = pipeline.run_to_outcome(options);
    ASSERT_FALSE(outcome.status);
    EXPECT_EQ(outcome.status.error().code(), ErrorCode::kDataLoss);
    EXPECT_EQ(outcome.report.outcome, Report::Outcome::kFailed);
    for (const std::string& line : diary.take()) EXPECT_THAT(line, ::testing::Not(HasSubstr("commit")));
  });
}

// Which call of the operator in the middle goes wrong, and how.
struct Failure {
  const char* call;
  bool throws;
};

Calls failing_in(const Failure& failure) {
  const auto fail = [throws = failure.throws]() -> Status {
    if (throws) throw std::runtime_error("the pump broke");
    return Error(ErrorCode::kUnavailable, "the pump broke");
  };
  Calls calls;
  const std::string call = failure.call;
  if (call == "bind") {
    calls.bind = [fail](const StreamType& input) -> Result<StreamType> {
      PENSTOCK_TRY(fail());
      return input;
    };
  }
  if (call == "open") calls.open = [fail](OperatorContext&) { return fail(); };
  if (call == "process") calls.process = [fail](Batch, Emitter&) { return fail(); };
  if (call == "finish") calls.finish = [fail](Emitter&) { return fail(); };
  if (call == "commit") calls.commit = fail;
  return calls;
}

TEST(Run, NamesTheOperatorThatFailsInWhateverCall) {
  for (const char* const call : {"bind", "open", "process", "finish", "commit"}) {
    for (const bool throws : {false, true}) {
      SCOPED_TRACE(fmt::format("{} {}", call, throws ? "throws" : "returns an error"));
      Diary diary;
      const Pipeline pipeline = chain(
          {{"source", counting_source(10)}, {"pump", failing_in({call, throws})}, {"sink", noted("sink", diary)}});
      run_everywhere([&](const RunOptions& options) {
        const RunOutcome outcome = pipeline.run_to_outcome(options);
        ASSERT_FALSE(outcome.status);
        EXPECT_EQ(outcome.status.error().where(), "pump");
        EXPECT_THAT(error_text(outcome.status), HasSubstr("the pump broke"));
        EXPECT_EQ(outcome.status.error().code(), throws ? ErrorCode::kUserCode : ErrorCode::kUnavailable);
        EXPECT_THAT(diary.take(), ::testing::Not(::testing::Contains("sink.commit")));
      });
    }
  }
}

TEST(Run, TakesWhatIsNoStandardExceptionToo) {
  Calls odd;
  odd.process = [](Batch, Emitter&) -> Status { throw 42; };
  const Pipeline pipeline = chain({{"source", counting_source(10)}, {"odd", odd}});
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)), AllOf(HasSubstr("odd: "), HasSubstr("not a std::exception")));
  });
}

TEST(Run, NamesTheSourceThatFails) {
  Calls source = counting_source(10);
  source.produce = [](Emitter&) -> Result<Source::Next> { throw std::runtime_error("dry"); };
  const Pipeline pipeline = chain({{"well", source}, {"sink", Calls()}});
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)), HasSubstr("well: threw an exception: dry"));
  });
}

TEST(Run, NamesTheOperatorThatLosesRecords) {
  Calls losing;
  losing.traits.rows = RowEffect::kKeeps;
  losing.process = [](Batch batch, Emitter& out) {
    if (batch.record_batch().column(0).int64s()[0] != 7) out.emit(std::move(batch));
    return Status();
  };
  Diary diary;
  const Pipeline pipeline = chain({{"source", counting_source(14)}, {"sieve", losing}, {"sink", noted("sink", diary)}});
  RunOptions options;
  options.batch_size = 1;
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    options.strategy = {strategy.name};
    const Result<Report> report = pipeline.run(options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), ErrorCode::kInternal);
    EXPECT_THAT(error_text(report), AllOf(HasSubstr("sieve: of 14 records 13 came out and 0 were rejected"),
                                          HasSubstr("bug in the operator")));
    EXPECT_THAT(diary.take(), ::testing::Not(::testing::Contains("sink.commit")));
  }
}

TEST(Run, NamesTheOperatorThatInventsRecords) {
  Calls doubling;
  doubling.traits.rows = RowEffect::kDrops;
  doubling.process = [](Batch batch, Emitter& out) {
    out.emit(batch.copy());
    out.emit(std::move(batch));
    return Status();
  };
  const Pipeline pipeline = chain({{"source", counting_source(5)}, {"twice", doubling}});
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)), HasSubstr("twice: of 5 records 10 came out"));
  });
}

TEST(Run, NamesTheSourceThatLosesRecords) {
  Calls source = counting_source(10);
  source.records_read = [] { return std::uint64_t{11}; };
  const Pipeline pipeline = chain({{"leaky", source}, {"sink", Calls()}});
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)),
                HasSubstr("leaky: it read 11 records, but emitted 10 and rejected 0"));
  });
}

TEST(Branches, GiveEveryConsumerEveryRecord) {
  std::vector<std::uint64_t> squares;
  std::vector<std::uint64_t> all;
  const auto pipeline =
      range(0, 2000)
          .tee([&](const auto& stream) { return stream.map([](std::uint64_t n) { return n * n; }).collect(squares); })
          .collect(all);
  run_everywhere([&](const RunOptions& options) {
    squares.clear();
    all.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    ASSERT_EQ(squares.size(), 2000U);
    ASSERT_EQ(all.size(), 2000U);
    for (std::uint64_t i = 0; i < 2000; ++i) {
      ASSERT_EQ(all[i], i);
      ASSERT_EQ(squares[i], i * i);
    }
  });
}

TEST(Branches, DoNotSeeWhatTheOthersDoToTheirRecords) {
  std::vector<std::string> changed;
  std::vector<std::string> untouched;
  const auto shout = [](std::string& text) -> std::string {
    text += "!";
    return text;
  };
  const auto pipeline = from(std::vector<std::string>(100, "ho"))
                            .tee([&](const auto& stream) { return stream.map(shout).collect(changed); })
                            .collect(untouched);
  run_everywhere([&](const RunOptions& options) {
    changed.clear();
    untouched.clear();
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_EQ(changed, std::vector<std::string>(100, "ho!"));
    EXPECT_EQ(untouched, std::vector<std::string>(100, "ho"));
  });
}

TEST(Branches, RefuseRecordsThatCannotBeCopied) {
  struct Counter {
    int n = 0;
    std::optional<std::unique_ptr<int>> operator()() {
      return n < 5 ? std::optional<std::unique_ptr<int>>(std::make_unique<int>(n++)) : std::nullopt;
    }
  };
  const auto pipeline = from_function(Counter{}, {.name = "unique"})
                            .tee([](const auto& stream) { return stream.for_each([](const std::unique_ptr<int>&) {}); })
                            .for_each([](const std::unique_ptr<int>&) {});
  run_everywhere([&](const RunOptions& options) {
    EXPECT_THAT(error_text(pipeline.run(options)),
                AllOf(HasSubstr("unique: records that cannot be copied have several consumers"),
                      HasSubstr("make the record type copyable")));
  });
}

TEST(MoveOnlyRecords, FlowThroughEveryKindOfStep) {
  struct Counter {
    int n = 0;
    std::optional<std::unique_ptr<int>> operator()() {
      return n < 50 ? std::optional<std::unique_ptr<int>>(std::make_unique<int>(n++)) : std::nullopt;
    }
  };
  std::vector<int> out;
  const auto pipeline = from_function(Counter{})
                            .filter([](const std::unique_ptr<int>& n) { return *n % 2 == 0; })
                            .map(
                                [](std::unique_ptr<int> n) {
                                  if (*n == 4) throw std::runtime_error("no fours");
                                  return n;
                                },
                                {.on_error = skip()})
                            .for_each([&](const std::unique_ptr<int>& n) { out.push_back(*n); });
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out.size(), 24U);
    EXPECT_EQ(out[2], 6);
  });
}

TEST(Run, TakesBackWhatWasCommittedWhenALaterCommitFails) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.file("first.csv")) << "old";
  Calls failing;
  failing.commit = [] { return Status(Error(ErrorCode::kUnavailable, "the second sink cannot commit")); };
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(10)), {}, Pipeline::kNone);
  pipeline.add("csv.write", {{"path", folder.file("first.csv")}});
  pipeline.add("csv.write", {{"path", folder.file("new.csv")}}, {.on_error = quarantine(folder.file("bad"))});
  pipeline.add("second", calling(failing));
  run_everywhere([&](const RunOptions& options) {
    const RunOutcome outcome = pipeline.run_to_outcome(options);
    EXPECT_THAT(error_text(outcome.status), HasSubstr("the second sink cannot commit"));
    EXPECT_THAT(outcome.report.outputs, ::testing::IsEmpty());
    EXPECT_THAT(folder.names(), ElementsAre("first.csv"));
    EXPECT_EQ(testing::read_text(folder.file("first.csv")), "old");
  });
}

// Passes `count` records on and has enough.
Calls first_only(std::int64_t count) {
  const auto left = std::make_shared<std::atomic<std::int64_t>>();
  Calls calls;
  calls.open = [left, count](OperatorContext&) {
    *left = count;
    return Status();
  };
  calls.process = [left](Batch batch, Emitter& out) {
    const auto take = std::min<std::int64_t>(*left, static_cast<std::int64_t>(batch.num_records()));
    *left -= take;
    out.emit(batch.record_batch().head(static_cast<std::size_t>(take)));
    return Status();
  };
  calls.records_wanted = [left] { return static_cast<std::uint64_t>(*left); };
  calls.traits.ends_early = true;
  return calls;
}

// Emits without end.
Calls endless_source() {
  Calls calls = counting_source(std::numeric_limits<std::int64_t>::max());
  return calls;
}

TEST(EarlyEnd, EndsASourceWithoutEnd) {
  std::vector<std::int64_t> out;
  const Pipeline pipeline =
      chain({{"source", endless_source()}, {"pass", Calls()}, {"first", first_only(23)}, {"sink", keeping_sink(out)}});
  run_everywhere([&](const RunOptions& options) {
    out.clear();
    const RunOutcome outcome = pipeline.run_to_outcome(options);
    ASSERT_TRUE(outcome.status) << error_text(outcome.status);
    EXPECT_EQ(outcome.report.outcome, Report::Outcome::kDone);
    EXPECT_EQ(out, up_to(23));
  });
}

TEST(EarlyEnd, WaitsForTheOtherBranch) {
  std::vector<std::int64_t> few;
  std::vector<std::int64_t> all;
  Pipeline pipeline = chain({{"source", counting_source(500)}});
  const auto source = pipeline.last();
  pipeline.add("first", calling(first_only(3)));
  pipeline.add("few", calling(keeping_sink(few)));
  pipeline.add("all", calling(keeping_sink(all)), {}, source);
  run_everywhere([&](const RunOptions& options) {
    few.clear();
    all.clear();
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_EQ(few, up_to(3));
    EXPECT_EQ(all, up_to(500));
  });
}

TEST(EarlyEnd, DoesNotCutOffWhatAnEarlierStepWrites) {
  std::vector<std::int64_t> written;
  Calls writer;
  writer.traits.effects = true;
  writer.process = [&written](Batch batch, Emitter& out) {
    const auto values = batch.record_batch().column(0).int64s();
    written.insert(written.end(), values.begin(), values.end());
    out.emit(std::move(batch));
    return Status();
  };
  std::vector<std::int64_t> out;
  const Pipeline pipeline = chain(
      {{"source", counting_source(500)}, {"writer", writer}, {"first", first_only(3)}, {"sink", keeping_sink(out)}});
  run_everywhere([&](const RunOptions& options) {
    written.clear();
    out.clear();
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_EQ(written, up_to(500));
    EXPECT_EQ(out, up_to(3));
  });
}

// Of 0, 1, 2 …: rejects every third.
std::uint64_t no_third(std::uint64_t n) { return n % 3 == 0 ? throw std::runtime_error("a third") : n; }

TEST(EarlyEnd, LooksAtNoRecordBehindTheLastThatIsWanted) {
  const testing::TemporaryFolder folder;
  Calls source = counting_source(1'000'000);
  Calls thirds;
  thirds.traits.rows = RowEffect::kDrops;
  OperatorContext* context = nullptr;
  thirds.open = [&](OperatorContext& opened) {
    context = &opened;
    return Status();
  };
  thirds.process = [&](Batch batch, Emitter& out) -> Status {
    RecordBatchBuilder kept(one_column(), *context->pool);
    const auto values = batch.record_batch().column(0).int64s();
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (values[row] % 3 != 0) {
        kept.column(0).append_int64(values[row]);
      } else {
        PENSTOCK_TRY(context->errors->reject({.record = row, .reason = "a third", .raw = {}}));
      }
    }
    out.emit(kept.finish());
    return {};
  };
  Pipeline pipeline("test");
  pipeline.add("source", calling(source), {}, Pipeline::kNone);
  pipeline.add("thirds", calling(thirds), {.on_error = quarantine(folder.file("bad"))});
  pipeline.add("first", calling(first_only(23)));
  std::string expected;
  run_everywhere([&](const RunOptions& options) {
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(report->steps[0].records_out, 35U);  // 34 is the 23rd that is no third
    EXPECT_EQ(report->steps[1].records_rejected, 12U);
    if (expected.empty()) expected = testing::read_text(folder.file("bad"));
    EXPECT_EQ(testing::read_text(folder.file("bad")), expected);
  });
}

TEST(EarlyEnd, LooksAtNoRecordTooManyOfWhatIsEmittedAtTheEnd) {
  // As behind an aggregate: all records come in `finish`, in batches as large as it likes.
  Calls gathers;
  gathers.process = [](Batch, Emitter&) { return Status(); };
  gathers.finish = [](Emitter& out) {
    for (std::int64_t begin = 0; begin < 1000 && out.emit(numbers(begin, begin + 250)); begin += 250) {
    }
    return Status();
  };
  std::vector<std::int64_t> seen;
  Calls sees;
  sees.traits.rows = RowEffect::kKeeps;
  sees.process = [&seen](Batch batch, Emitter& out) {
    const auto values = batch.record_batch().column(0).int64s();
    seen.insert(seen.end(), values.begin(), values.end());
    out.emit(std::move(batch));
    return Status();
  };
  std::vector<std::int64_t> out;
  Calls sink = keeping_sink(out);
  const Pipeline pipeline = chain({{"source", counting_source(10)},
                                   {"gathers", gathers},
                                   {"sees", sees},
                                   {"first", first_only(23)},
                                   {"sink", sink}});
  run_everywhere([&](const RunOptions& options) {
    seen.clear();
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out, up_to(23));
    EXPECT_EQ(seen, up_to(23));
  });
}

TEST(EarlyEnd, DoesNotCutOffAQuarantineBeforeRecordsAreAdded) {
  const testing::TemporaryFolder folder;
  Pipeline pipeline = range(0, 500)
                          .map(no_third, {.on_error = quarantine(folder.file("bad"))})
                          .flat_map<std::uint64_t>([](std::uint64_t n, auto& emit) { emit(n); })
                          .pipeline();
  pipeline.add("first", calling([] {
                 Calls nothing;
                 nothing.records_wanted = [] { return 0; };
                 return nothing;
               }()));
  std::string expected;
  run_everywhere([&](const RunOptions& options) {
    ASSERT_TRUE(pipeline.run(options));
    if (expected.empty()) expected = testing::read_text(folder.file("bad"));
    EXPECT_THAT(expected, HasSubstr("\"record\":498"));
    EXPECT_EQ(testing::read_text(folder.file("bad")), expected);
  });
}

TEST(TwoSources, RunInEveryStrategy) {
  std::vector<std::int64_t> a;
  std::vector<std::int64_t> b;
  Pipeline pipeline("two");
  pipeline.add("source", calling(counting_source(100)), {}, Pipeline::kNone);
  pipeline.add("a", calling(keeping_sink(a)));
  pipeline.add("source", calling(counting_source(200)), {}, Pipeline::kNone);
  pipeline.add("b", calling(keeping_sink(b)));
  run_everywhere([&](const RunOptions& options) {
    a.clear();
    b.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(a, up_to(100));
    EXPECT_EQ(b, up_to(200));
    EXPECT_EQ(report->records_in, 300U);
  });
}

TEST(Run, NeedsNoSink) {
  const Pipeline pipeline = chain({{"source", counting_source(100)}});
  run_everywhere([&](const RunOptions& options) {
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->records_out, 100U);
  });
}

TEST(Run, TakesNothingAsInput) {
  std::vector<std::uint64_t> out;
  const auto empty_range = range(5, 5).map([](std::uint64_t n) { return n; }).collect(out);
  const auto empty_vector = from(std::vector<std::uint64_t>()).collect(out);
  run_everywhere([&](const RunOptions& options) {
    EXPECT_TRUE(empty_range.run(options));
    const Result<Report> report = empty_vector.run(options);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->records_in, 0U);
    EXPECT_THAT(out, IsEmpty());
  });
}

TEST(Run, MayBeRepeated) {
  int sum = 0;
  const auto pipeline = from(std::vector<int>{1, 2, 3}).for_each([&](int n) { sum += n; });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pipeline.run());
  EXPECT_EQ(sum, 18);
}

TEST(Run, CopiesOfACallableStartAnew) {
  // State in a callable belongs to the worker of one run.
  std::vector<int> out;
  const auto pipeline =
      from(std::vector<int>{1, 2, 3}).map([total = 0](int n) mutable { return total += n; }).collect(out);
  ASSERT_TRUE(pipeline.run());
  ASSERT_TRUE(pipeline.run());
  EXPECT_THAT(out, ElementsAre(1, 3, 6, 1, 3, 6));
}

TEST(Run, MayRunAtTheSameTimeAsAnother) {
  const auto sum = [](std::atomic<std::uint64_t>& to) {
    return range(0, 10'000).map([](std::uint64_t n) { return n; }).for_each([&to](std::uint64_t n) { to += n; });
  };
  std::atomic<std::uint64_t> total{0};
  const Pipeline pipeline = sum(total);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back([&] { EXPECT_TRUE(pipeline.run(threads)); });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * (10'000ULL * 9'999 / 2));
}

TEST(RunOptionsAtTheirExtremes, StillGiveTheSameRecords) {
  std::vector<std::uint64_t> out;
  const auto pipeline = range(0, 300)
                            .map([](std::uint64_t n) { return n + 1; })
                            .filter([](std::uint64_t n) { return n % 3 == 0; })
                            .collect(out);
  std::vector<RunOptions> extremes;
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    for (const std::size_t batch_size : {std::size_t{0}, std::size_t{1}, std::size_t{300}, std::size_t{1} << 20}) {
      for (const std::size_t queue_depth : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
        for (const std::uint32_t workers : {0U, 1U, 2U, 1000U}) {
          RunOptions options;
          // A thousand processes take the system a while.
          options.strategy = {strategy.name, strategy.name == "processes" ? std::min(workers, 20U) : workers};
          options.batch_size = batch_size;
          options.queue_depth = queue_depth;
          options.memory_limit = workers == 2 ? 1 : 0;
          options.metrics = workers != 1;
          options.trace = workers == 1000;
          extremes.push_back(options);
        }
      }
    }
  }
  for (const RunOptions& options : extremes) {
    SCOPED_TRACE(fmt::format("{}, batch_size {}, queue_depth {}, workers {}", options.strategy.name, options.batch_size,
                             options.queue_depth, options.strategy.workers));
    out.clear();
    const Result<Report> report = pipeline.run(options);
    ASSERT_TRUE(report) << error_text(report);
    ASSERT_EQ(out.size(), 100U);
    EXPECT_EQ(out.back(), 300U);
    EXPECT_EQ(report->records_in, 300U);
    EXPECT_EQ(report->records_out, 100U);
    EXPECT_EQ(report->records_dropped, 200U);
  }
}

TEST(RunOptionsAtTheirExtremes, UnknownStrategyIsAnErrorWithASuggestion) {
  const Result<Report> report = range(0, 3).pipeline().run(Strategy{"thread"});
  EXPECT_THAT(error_text(report),
              AllOf(HasSubstr("unknown strategy: \"thread\""), HasSubstr("did you mean \"threads\"?")));
}

// The sink takes nothing until the source was held back; so the source never gets further than the limit allows.
TEST(MemoryLimit, HoldsTheSourceBack) {
  constexpr std::int64_t kBatches = 200;
  constexpr std::int64_t kRows = 1024;  // 8 KiB per batch
  const auto gate = std::make_shared<Gate>();
  const auto produced = std::make_shared<std::atomic<std::int64_t>>(0);
  const auto seen = std::make_shared<std::vector<std::int64_t>>();
  Calls source = counting_source(kBatches * kRows);
  const auto produce = source.produce;
  source.produce = [=](Emitter& out) {
    ++*produced;
    return produce(out);
  };
  Calls slow;
  slow.traits.effects = true;
  slow.process = [=](Batch, Emitter&) {
    seen->push_back(*produced);
    return Status();
  };
  RunOptions options;
  options.strategy = threads;
  options.batch_size = kRows;
  options.queue_depth = 100'000;
  options.memory_limit = 10 * kRows * 8;
  const Result<Report> report = chain({{"source", source}, {"sink", slow}}).run(options);
  ASSERT_TRUE(report) << error_text(report);
  // One batch in the sink's hands, one just made, and the one with which the limit was passed.
  EXPECT_LE(report->buffer_peak_bytes, options.memory_limit + 3 * (kRows * 8 + 128));
  for (std::size_t i = 0; i < seen->size(); ++i) ASSERT_LE((*seen)[i] - static_cast<std::int64_t>(i), 14);
}

TEST(MemoryLimit, CountsTypedRecordsToo) {
  std::vector<std::uint64_t> out;
  RunOptions options;
  options.strategy = threads;
  options.batch_size = 1000;
  options.queue_depth = 100'000;
  options.memory_limit = 50'000;
  const Result<Report> report = range(0, 500'000)
                                    .for_each([&](std::uint64_t n) {
                                      if (n % 1000 == 0) out.push_back(n);
                                    })
                                    .run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(out.size(), 500U);
  EXPECT_GT(report->buffer_peak_bytes, 0U);
  EXPECT_LE(report->buffer_peak_bytes, options.memory_limit + 2 * 8000U);
}

TEST(MemoryLimit, ReturnsEveryByteInTheEnd) {
  const auto context = std::make_shared<MemoryBudget>();
  Calls sink;
  sink.open = [context](OperatorContext& given) {
    *context = given.pool->budget();
    return Status();
  };
  const Pipeline pipeline = chain({{"source", counting_source(5000)}, {"pass", Calls()}, {"sink", sink}});
  run_everywhere([&](const RunOptions& options) {
    ASSERT_TRUE(pipeline.run(options));
    EXPECT_EQ(context->used(), 0U);
    EXPECT_GT(context->peak(), 0U);
  });
}

}  // namespace
}  // namespace penstock
