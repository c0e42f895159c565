// SPDX-License-Identifier: MIT
// Samples: what lies between two of them, how few are kept, and what a run that is monitored reports.
#include "stream/sampler.h"

#include <gmock/gmock.h>
#include <penstock/pipeline.h>

#include <nlohmann/json.hpp>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::Calls;
using testing::counting_source;
using ::testing::ElementsAre;
using testing::error_text;
using ::testing::Field;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;
using Json = nlohmann::json;

TEST(MetricsBetween, AreRatesOfWhatWasCountedAndLevelsAsTheyAre) {
  const MonitorSample before{
      .seconds = 1, .cpu_seconds = 2, .records_in = 100, .steps = {{.blocked_seconds = 0.5}, {.blocked_seconds = 0}}};
  const MonitorSample now{.seconds = 3,
                          .cpu_seconds = 4,
                          .memory_bytes = 250,
                          .in_flight_bytes = 7,
                          .records_in = 1100,
                          .errors = 3,
                          .steps = {{.blocked_seconds = 1.5}, {.blocked_seconds = 0.2, .queue = 6}}};
  const MetricValues values = metrics_between(before, now, {.cores = 4, .memory_limit = 1000, .queue_depths = {0, 8}});
  EXPECT_DOUBLE_EQ(values.cpu_usage, 25);  // 2 s of 2 s on 4 cores
  EXPECT_DOUBLE_EQ(values.memory, 25);
  EXPECT_DOUBLE_EQ(values.memory_bytes, 250);
  EXPECT_DOUBLE_EQ(values.in_flight_bytes, 7);
  EXPECT_DOUBLE_EQ(values.throughput, 500);
  EXPECT_DOUBLE_EQ(values.records, 1100);
  EXPECT_DOUBLE_EQ(values.errors, 3);
  EXPECT_DOUBLE_EQ(values.queue, 75);
  EXPECT_DOUBLE_EQ(values.blocked, 50);
  EXPECT_DOUBLE_EQ(values.seconds, 3);
}

TEST(MetricsBetween, OfTheFirstSampleAreSinceTheStart) {
  const MonitorSample now{.seconds = 2, .cpu_seconds = 1, .records_in = 10, .steps = {{.blocked_seconds = 1}}};
  const MetricValues values = metrics_between({}, now, {.cores = 1, .queue_depths = {0}});
  EXPECT_DOUBLE_EQ(values.cpu_usage, 50);
  EXPECT_DOUBLE_EQ(values.throughput, 5);
  EXPECT_DOUBLE_EQ(values.blocked, 50);
  EXPECT_DOUBLE_EQ(values.memory, 0);  // of a size that nobody knows
}

// `count` samples, one for each second from 1 on; that of second `peak` has 9 batches in its queue, the others one.
SampleLog log_of(std::uint64_t count, std::uint64_t peak = 0) {
  SampleLog log;
  for (std::uint64_t i = 1; i <= count; ++i)
    log.add({.seconds = static_cast<double>(i),
             .memory_bytes = i == peak ? 100U : 1U,
             .steps = {{.queue = i == peak ? 9U : 1U}}});
  return log;
}

TEST(SampleLog, KeepsAllWhileTheyAreFew) {
  SampleLog log = log_of(SampleLog::kMost);
  EXPECT_EQ(log.per_kept(), 1U);
  EXPECT_THAT(log.take(), SizeIs(SampleLog::kMost));
}

TEST(SampleLog, NeverKeepsMoreAndLiesEvenlyInTime) {
  for (const std::uint64_t count : {SampleLog::kMost + 1, 5 * SampleLog::kMost, 123'457UL}) {
    SampleLog log = log_of(count);
    EXPECT_EQ(log.added(), count);
    const auto apart = static_cast<double>(log.per_kept());
    const std::vector<MonitorSample> kept = log.take();
    EXPECT_LE(kept.size(), SampleLog::kMost);
    EXPECT_GE(kept.size(), SampleLog::kMost / 2);
    for (std::size_t i = 0; i < kept.size(); ++i)
      ASSERT_DOUBLE_EQ(kept[i].seconds, static_cast<double>(i + 1) * apart) << count;
  }
}

TEST(SampleLog, KeepsPeaks) {
  const std::vector<MonitorSample> kept = log_of(10'000, 4'321).take();
  std::uint64_t most_memory = 0;
  std::uint32_t most_queued = 0;
  for (const MonitorSample& sample : kept) {
    most_memory = std::max(most_memory, sample.memory_bytes);
    most_queued = std::max(most_queued, sample.steps[0].queue);
  }
  EXPECT_EQ(most_memory, 100U);
  EXPECT_EQ(most_queued, 9U);
}

TEST(SampleLog, HasTheLastSampleWhateverCameBefore) {
  for (const std::uint64_t before : {0UL, 1UL, 1000UL, 1001UL, 1002UL}) {
    for (const bool join : {false, true}) {
      SampleLog log = log_of(before);
      log.add_last({.seconds = 1e6, .steps = {{}}}, join);
      const std::vector<MonitorSample> kept = log.take();
      ASSERT_THAT(kept, ::testing::Not(IsEmpty()));
      EXPECT_EQ(kept.back().seconds, 1e6);
      EXPECT_LE(kept.size(), SampleLog::kMost);
      if (join && before == 1) {
        EXPECT_THAT(kept, SizeIs(1));
      }
    }
  }
}

// Rejects every third record, and stands still at the last one until the run's monitor has said what the test waits
// for.
class Waiting final : public ProgressListener {
 public:
  void update(const Progress& progress) override {
    if (progress.use) has_use_ = true;
    tell();
  }
  void alert(const AlertEvent& event) override {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    }
    tell();
  }
  std::vector<AlertEvent> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  void wait_for_an_alert_and_use() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !events_.empty() && has_use_; });
  }

 private:
  void tell() {
    {
      const std::lock_guard lock(mutex_);
    }
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<AlertEvent> events_;
  std::atomic<bool> has_use_{false};
};

Pipeline waiting_at_the_end(Waiting& listener) {
  Pipeline pipeline("slow");
  pipeline.add("count", calling(counting_source(10)), {.name = "source"}, Pipeline::kNone);
  Calls sink;
  sink.finish = [&listener](Emitter&) -> Status {
    listener.wait_for_an_alert_and_use();
    return {};
  };
  pipeline.add("wait", calling(sink), {.name = "sink"});
  return pipeline;
}

TEST(Monitoring, TellsOfAlertsWhileTheRunWorksAndKeepsThem) {
  for (const Strategy& strategy : {serial, threads}) {
    Waiting listener;
    const Result<Report> report = waiting_at_the_end(listener).run(
        {.strategy = strategy,
         .progress = &listener,
         .monitor = {.interval = 10ms, .alerts = {{.name = "all", .when = "records = 10"}}}});
    ASSERT_TRUE(report) << error_text(report);
    ASSERT_TRUE(report->monitor);
    EXPECT_THAT(report->monitor->events, ElementsAre(Field(&AlertEvent::alert, "all")));
    EXPECT_THAT(listener.events(), SizeIs(1));
    EXPECT_EQ(report->monitor->samples.back().records_in, 10U);
    EXPECT_THAT(report->monitor->samples.back().memory_bytes, Gt(0U));
    EXPECT_THAT(report->to_text(), HasSubstr("alert \"all\" fired after "));
  }
}

TEST(Monitoring, OfAShortRunHasItsEnd) {
  Pipeline pipeline("short");
  pipeline.add("count", calling(counting_source(10)), {.name = "source"}, Pipeline::kNone);
  pipeline.add("pass", calling(Calls()), {.name = "sink"});
  const Result<Report> report =
      pipeline.run({.monitor = {.interval = 1h, .alerts = {{.name = "read", .when = "records >= 10"}}}});
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_THAT(report->monitor->samples, SizeIs(1));
  EXPECT_THAT(report->monitor->events, SizeIs(1));
  const Json json = Json::parse(report->to_json())["monitor"];
  EXPECT_EQ(json["records_in"], Json({10}));
  EXPECT_EQ(json["alerts"][0]["event"], "fired");
}

TEST(Monitoring, IsNotThereUnlessItIsAskedFor) {
  Pipeline pipeline("quiet");
  pipeline.add("count", calling(counting_source(1)), {.name = "source"}, Pipeline::kNone);
  const Result<Report> report = pipeline.run();
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_FALSE(report->monitor);
  EXPECT_THAT(report->to_json(), ::testing::Not(HasSubstr("\"monitor\"")));
}

TEST(Monitoring, RefusesRulesThatCannotBeWatchedBeforeARecordMoves) {
  Pipeline pipeline("wrong");
  Calls source = counting_source(1);
  source.produce = [](Emitter&) -> Result<Source::Next> { return Error(ErrorCode::kInternal, "it ran"); };
  pipeline.add("count", calling(source), {.name = "source"}, Pipeline::kNone);
  EXPECT_THAT(error_text(pipeline.run({.monitor = {.alerts = {{.name = "a", .when = "nothing > 1"}}}})),
              HasSubstr("alert a"));
  EXPECT_THAT(error_text(pipeline.run({.monitor = {.on = true, .interval = 1ms}})), HasSubstr("at least 10 ms"));
  EXPECT_THAT(error_text(pipeline.run(
                  {.monitor = {.alerts = {{.name = "a", .when = "errors > 1"}, {.name = "a", .when = "errors > 2"}}}})),
              HasSubstr("there is an alert \"a\" already"));
}

}  // namespace
}  // namespace penstock
