// SPDX-License-Identifier: MIT
// The specification of async operators: what map_async promises, under every strategy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/async.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

struct Row {
  std::int64_t n;
  PENSTOCK_FIELDS(n)
};

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::error_text;
using ::testing::HasSubstr;
using testing::run_everywhere;

std::vector<std::uint64_t> up_to(std::uint64_t end) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 0; i < end; ++i) all.push_back(i);
  return all;
}

// Later records of each ten are done sooner.
Task<std::uint64_t> wait_backwards(std::uint64_t n) {
  co_await sleep_for(std::chrono::microseconds(100 * (10 - n % 10)));
  co_return n;
}

TEST(MapAsync, KeepsTheOrderWhateverIsDoneFirst) {
  run_everywhere([](const RunOptions& options) {
    std::vector<std::uint64_t> out;
    const auto report =
        range(0, 300).apply(map_async(wait_backwards, {.max_concurrent = 50})).collect(out).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out, up_to(300));
    EXPECT_EQ(report->steps[1].records_in, 300U);
    EXPECT_EQ(report->steps[1].records_out, 300U);
  });
}

TEST(MapAsync, HandsOverWhatIsDoneFirstWhenToldTo) {
  run_everywhere([](const RunOptions& options) {
    std::vector<std::uint64_t> out;
    // The first one waits until all others are through: in order it could not.
    std::uint64_t done = 0;
    const auto wait = [&done](std::uint64_t n) -> Task<std::uint64_t> {
      while (n == 0 && done < 99) co_await sleep_for(1ms);
      ++done;
      co_return n;
    };
    const auto report =
        range(0, 100).apply(map_async(wait, {.max_concurrent = 2, .ordered = false})).collect(out).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_TRUE(report->plan.steps[1].unordered);
    ASSERT_EQ(out.size(), 100U);
    EXPECT_EQ(out.back(), 0U);
    std::sort(out.begin(), out.end());
    EXPECT_EQ(out, up_to(100));
  });
}

TEST(MapAsync, LetsAsManyWaitAsItIsTold) {
  for (const std::uint32_t most : {1U, 7U, 64U}) {
    std::uint32_t now = 0;
    std::uint32_t highest = 0;
    const auto count = [&](std::uint64_t n) -> Task<std::uint64_t> {
      highest = std::max(highest, ++now);
      co_await sleep_for(1ms);
      --now;
      co_return n;
    };
    std::vector<std::uint64_t> out;
    ASSERT_TRUE(range(0, 200).apply(map_async(count, {.max_concurrent = most})).collect(out).run({.batch_size = 10}));
    EXPECT_EQ(highest, most);
    EXPECT_EQ(out, up_to(200));
  }
}

TEST(MapAsync, HoldsNoMoreThanTwiceAsManyWhenTheFirstIsSlow) {
  std::uint64_t begun = 0;
  std::uint64_t begun_before_first = 0;
  const auto slow_first = [&](std::uint64_t n) -> Task<std::uint64_t> {
    ++begun;
    if (n == 0) {
      co_await sleep_for(20ms);
      begun_before_first = begun;
    }
    co_return n;
  };
  std::vector<std::uint64_t> out;
  ASSERT_TRUE(range(0, 1000).apply(map_async(slow_first, {.max_concurrent = 4})).collect(out).run());
  EXPECT_EQ(begun_before_first, 8U);
  EXPECT_EQ(out, up_to(1000));
}

TEST(MapAsync, TakesCoroutinesThatDoNotWait) {
  std::vector<std::uint64_t> out;
  const auto square = [](std::uint64_t n) -> Task<std::uint64_t> { co_return n* n; };
  ASSERT_TRUE(range(0, 4).apply(map_async(square, {.max_concurrent = 1})).collect(out).run());
  EXPECT_THAT(out, ElementsAre(0, 1, 4, 9));
}

Task<int> inner(std::uint64_t n) {
  if (n % 2 == 0) co_await sleep_for(10us);
  co_return static_cast<int>(n);
}

TEST(MapAsync, CoroutinesMayAwaitOthers) {
  // Many in a row that end at once: no call may lie within another.
  const auto sum = [](std::uint64_t n) -> Task<std::string> {
    std::int64_t total = 0;
    for (int i = 0; i < 100'000; ++i) total += co_await inner(1);
    total += co_await inner(n);
    co_return std::to_string(total);
  };
  std::vector<std::string> out;
  ASSERT_TRUE(range(0, 3).apply(map_async(sum)).collect(out).run());
  EXPECT_THAT(out, ElementsAre("100000", "100001", "100002"));
}

// ---- Failures ------------------------------------------------------------------------------------------------------

// Gives, throws, or returns an error; some wait before.
Task<Result<std::uint64_t>> picky(std::uint64_t n) {
  if (n % 3 == 0) co_await sleep_for(50us);
  if (n % 10 == 4) throw std::runtime_error("a four");
  if (n % 10 == 7) co_return Error(ErrorCode::kDataLoss, "a seven");
  co_return n;
}

TEST(MapAsync, NamesTheFirstRecordThatFails) {
  run_everywhere([](const RunOptions& options) {
    std::vector<std::uint64_t> out;
    const auto report = range(0, 100).apply(map_async(picky, {.name = "picky"})).collect(out).run(options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().record(), 4);
    EXPECT_EQ(report.error().where(), "picky");
    EXPECT_THAT(report.error().to_text(), HasSubstr("threw an exception: a four"));
  });
}

TEST(MapAsync, QuarantinesInOrderWithTheNumbersOfTheRecords) {
  run_everywhere([](const RunOptions& options) {
    const testing::TemporaryFolder folder;
    std::vector<std::uint64_t> out;
    const auto report =
        range(0, 30)
            .apply(map_async(picky, {.name = "picky", .on_error = quarantine(folder.file("bad.jsonl"))}))
            .collect(out)
            .run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out.size(), 24U);
    std::string expected;
    for (const int n : {4, 7, 14, 17, 24, 27}) {
      expected += fmt::format("{{\"operator\":\"picky\",\"record\":{},\"reason\":\"{}\",\"raw\":\"{}\"}}\n", n,
                              n % 10 == 4 ? "threw an exception: a four" : "a seven", n);
    }
    EXPECT_EQ(testing::read_text(folder.file("bad.jsonl")), expected);
    EXPECT_EQ(report->steps[1].first_rejection, "record 4: threw an exception: a four");
  });
}

TEST(MapAsync, TriesSingleRecordsAgainAfterAPause) {
  run_everywhere([](const RunOptions& options) {
    std::vector<int> attempts(50, 0);
    const auto third_time = [&attempts](const std::uint64_t& n) -> Task<std::uint64_t> {
      co_await sleep_for(10us);
      if (n % 5 == 0 && ++attempts[n] < 3) throw std::runtime_error("not yet");
      co_return n;
    };
    std::vector<std::uint64_t> out;
    const auto report =
        range(0, 50).apply(map_async(third_time, {.on_error = retry(3, 100)})).collect(out).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out, up_to(50));
    EXPECT_EQ(report->steps[1].retries, 20U);
  });
}

TEST(MapAsync, GivesUpAfterTheLastAttemptAndKeepsTheRecordAsItCame) {
  int attempts = 0;
  const auto never = [&attempts](std::string text) -> Task<std::string> {
    ++attempts;
    text += " changed";
    co_await sleep_for(10us);
    throw std::runtime_error("no");
    co_return text;
  };
  const testing::TemporaryFolder folder;
  std::vector<std::string> out;
  const auto report = from(std::vector<std::string>{"as it came"})
                          .apply(map_async(never, {.on_error = retry(4, 10, quarantine(folder.file("bad.jsonl")))}))
                          .collect(out)
                          .run();
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(attempts, 4);
  EXPECT_THAT(testing::read_text(folder.file("bad.jsonl")), HasSubstr("\"raw\":\"as it came\""));
}

TEST(MapAsync, FallsBackWhenAllAttemptsFailed) {
  const auto zero = [](const std::uint64_t&, const Error&) { return std::uint64_t{0}; };
  std::vector<std::uint64_t> out;
  const auto report = range(3, 9).apply(map_async(with_fallback(picky, zero))).collect(out).run();
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_THAT(out, ElementsAre(3, 0, 5, 6, 0, 8));
  EXPECT_EQ(report->steps[1].fallbacks, 2U);
}

// Says when it is destroyed.
struct Mark {
  int* destroyed;
  explicit Mark(int& count) : destroyed(&count) {}
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() { ++*destroyed; }
};

TEST(MapAsync, EndsACallThatTakesTooLong) {
  int destroyed = 0;
  const auto hang = [&destroyed](std::uint64_t n) -> Task<std::uint64_t> {
    const Mark mark(destroyed);
    co_await sleep_for(n == 5 ? 1h : 1us);
    co_return n;
  };
  std::vector<std::uint64_t> out;
  const auto failed =
      range(0, 10).apply(map_async(hang, {.name = "hang", .timeout = 30ms})).collect(out).run({.batch_size = 2});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().where(), "hang");
  EXPECT_EQ(failed.error().record(), 5);
  EXPECT_THAT(error_text(failed), HasSubstr("it took longer than 30 ms"));
  ASSERT_NE(failed.error().cause(), nullptr);
  EXPECT_EQ(failed.error().cause()->code(), ErrorCode::kTimeout);

  out.clear();
  destroyed = 0;
  const auto skipped =
      range(0, 10).apply(map_async(hang, {.on_error = skip(), .timeout = 30ms})).collect(out).run({.batch_size = 2});
  ASSERT_TRUE(skipped) << error_text(skipped);
  EXPECT_THAT(out, ElementsAre(0, 1, 2, 3, 4, 6, 7, 8, 9));
  EXPECT_EQ(destroyed, 10);
}

TEST(MapAsync, TriesAgainWhatTookTooLong) {
  int attempts = 0;
  const auto second = [&attempts](std::uint64_t n) -> Task<std::uint64_t> {
    if (++attempts == 1) co_await sleep_for(1h);
    co_return n;
  };
  std::vector<std::uint64_t> out;
  const auto report =
      range(0, 1).apply(map_async(second, {.on_error = retry(2, 0), .timeout = 10ms})).collect(out).run();
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(attempts, 2);
  EXPECT_THAT(out, ElementsAre(0));
}

// ---- Pace, stop, end -----------------------------------------------------------------------------------------------

TEST(MapAsync, BeginsNoMoreThanSoManyInASecond) {
  const auto pass = [](std::uint64_t n) -> Task<std::uint64_t> { co_return n; };
  std::vector<std::uint64_t> out;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(range(0, 11).apply(map_async(pass, {.rate_limit = 100})).collect(out).run());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 100ms);
  EXPECT_EQ(out, up_to(11));
}

TEST(MapAsync, DestroysWhatWaitsWhenTheRunIsCancelled) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    int destroyed = 0;
    StopSignal stop;
    const auto hang = [&](std::uint64_t n) -> Task<std::uint64_t> {
      const Mark mark(destroyed);
      if (n == 9) stop.request(StopSignal::State::kCancel);
      co_await sleep_for(1h);
      co_return n;
    };
    std::vector<std::uint64_t> out;
    RunOptions options;
    options.strategy = {strategy.name};
    options.stop = &stop;
    const RunOutcome outcome =
        range(0, 100).apply(map_async(hang, {.max_concurrent = 10})).collect(out).run_to_outcome(options);
    EXPECT_EQ(outcome.report.outcome, Report::Outcome::kCancelled);
    EXPECT_EQ(destroyed, 10);
    EXPECT_TRUE(out.empty());
  }
}

TEST(MapAsync, FinishesWhatIsInFlightWhenTheRunIsDrained) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    StopSignal stop;
    const auto wait = [&](std::uint64_t n) -> Task<std::uint64_t> {
      if (n == 20) stop.request(StopSignal::State::kDrain);
      co_await sleep_for(1ms);
      co_return n;
    };
    std::vector<std::uint64_t> out;
    RunOptions options;
    options.strategy = {strategy.name};
    options.stop = &stop;
    options.batch_size = 10;
    const auto report = range(0, 1'000'000).apply(map_async(wait, {.max_concurrent = 15})).collect(out).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(report->outcome, Report::Outcome::kDrained);
    EXPECT_EQ(out.size(), report->records_in);
    EXPECT_EQ(out, up_to(out.size()));
  }
}

TEST(MapAsync, HandsOverWhatIsDoneWhileItsInputIsIdle) {
  // The source gives its second record when the first has come out at the end.
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    SCOPED_TRACE(strategy.name);
    std::atomic<int> came_out{0};
    int given = 0;
    testing::Calls calls = testing::counting_source(2);
    calls.bind = [](const StreamType&) { return StreamType::of_schema(testing::one_column()); };
    calls.open = [](OperatorContext&) { return Status(); };
    calls.records_read = nullptr;
    calls.produce = [&](Emitter& out) -> Result<Source::Next> {
      if (given > came_out) {
        std::this_thread::yield();
        return Source::Next::kMore;
      }
      if (given == 3) return Source::Next::kEnd;
      out.emit(testing::numbers(given, given + 1));
      ++given;
      return Source::Next::kMore;
    };
    Pipeline pipeline("test");
    const auto id = pipeline.add("source", testing::calling(calls), {}, Pipeline::kNone);
    Stream<RecordBatch> rows(pipeline, id);
    const auto wait = [](Row row) -> Task<Row> {
      co_await sleep_for(100us);
      co_return row;
    };
    RunOptions options;
    options.strategy = {strategy.name};
    const auto report = rows.as<Row>().apply(map_async(wait)).for_each([&](const Row&) { ++came_out; }).run(options);
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(came_out, 3);
  }
}

TEST(MapAsync, RefusesLimitsThatMakeNoSense) {
  const auto check = [](AsyncOptions options) {
    std::vector<std::uint64_t> out;
    return error_text(range(0, 1).apply(map_async(wait_backwards, options)).collect(out).check());
  };
  EXPECT_THAT(check({.max_concurrent = 0}), HasSubstr("max_concurrent must be from 1 to 1000000, found 0"));
  EXPECT_THAT(check({.timeout = -1s}), HasSubstr("timeout of a call is negative"));
  EXPECT_THAT(check({.rate_limit = -1}), HasSubstr("rate_limit must be 0 or more"));
  EXPECT_THAT(check({.jitter = 2}), HasSubstr("jitter must be from 0 to 1"));
  EXPECT_EQ(check({}), "");
}

}  // namespace
}  // namespace penstock
