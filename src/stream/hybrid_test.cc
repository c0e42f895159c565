// SPDX-License-Identifier: MIT
// The strategy hybrid: where each step says.
#include <gmock/gmock.h>
#include <penstock/stream.h>
#include <unistd.h>

#include <set>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::Calls;
using testing::counting_source;
using ::testing::ElementsAre;
using testing::error_text;
using ::testing::HasSubstr;
using testing::keeping_sink;

struct Placed {
  std::string name;
  Strategy on;
  Calls calls = {};
  bool stateless = true;
};

// source -> steps -> sink.
Pipeline pipeline_of(const std::vector<Placed>& steps, std::vector<std::int64_t>& out) {
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(100)), {}, Pipeline::kNone);
  for (const Placed& step : steps)
    pipeline.add(step.name, calling(step.calls), {.stateless = step.stateless, .on = step.on});
  pipeline.add("sink", calling(keeping_sink(out)));
  return pipeline;
}

// "source|a,b *2|sink process": segments, their workers if several, what they are if not threads.
std::string shape_of(const Result<Plan>& plan) {
  if (!plan) return error_text(plan);
  std::string text;
  for (const PlanSegment& segment : plan->segments) {
    if (!text.empty()) text += '|';
    for (const std::size_t step : segment.steps)
      text += (step == segment.steps.front() ? "" : ",") + plan->steps[step].name;
    if (segment.workers > 1) text += " *" + std::to_string(segment.workers);
    if (segment.worker != "thread") text += " " + segment.worker;
  }
  return text;
}

std::string shape(const std::vector<Placed>& steps) {
  std::vector<std::int64_t> out;
  return shape_of(pipeline_of(steps, out).plan({.strategy = hybrid}));
}

TEST(Hybrid, RunsEachStepWhereItSays) {
  EXPECT_EQ(shape({{"a", processes(2)}, {"b", parallel(3)}, {"c", threads}, {"d", serial}}),
            "source|a *2 process|b *3|c,d|sink");
}

TEST(Hybrid, GivesAThreadToStepsThatSayNothing) {
  EXPECT_EQ(shape({{"a", {}}, {"b", processes(1)}}), "source|a|b process|sink");
  EXPECT_EQ(shape({{"a", {}}}), "source|a|sink");
}

TEST(Hybrid, KeepsStepsOfOnePlaceInTheSameWorkers) {
  EXPECT_EQ(shape({{"a", parallel(2)}, {"b", parallel(2)}, {"c", parallel(4)}}), "source|a,b *2|c *4|sink");
  Calls keeps;
  keeps.traits.rows = RowEffect::kKeeps;
  EXPECT_EQ(shape({{"a", processes(2), keeps}, {"b", processes(2)}}), "source|a,b *2 process|sink");
}

TEST(Hybrid, TakesTheUsersWordForWorkThatLooksLight) {
  Calls light;
  light.traits.light = true;
  EXPECT_EQ(shape({{"a", {}, light}}), "source,a|sink");
  EXPECT_EQ(shape({{"a", threads, light}}), "source|a|sink");
  EXPECT_EQ(shape({{"a", parallel(2), light}}), "source|a *2|sink");
}

TEST(Hybrid, SaysWhyAStepCannotRunWhereItShould) {
  EXPECT_EQ(shape({{"a", parallel(2), {}, false}}),
            "a: it cannot run on parallel(2): it keeps something from batch to batch (if it does not, say .stateless = "
            "true)\n  try: say another place, or none");
  Calls gathers;
  gathers.traits.mergeable = true;
  EXPECT_EQ(shape({{"a", parallel(2), gathers, false}}), "source|a *2|sink");
  EXPECT_THAT(shape({{"a", processes(2), gathers, false}}),
              HasSubstr("a: it cannot run on processes(2): what it gathers cannot be merged across processes"));
  EXPECT_THAT(shape({{"a", threads(2)}}), HasSubstr("a: threads takes no number of workers"));
  Calls writes;
  writes.traits.effects = true;
  EXPECT_THAT(shape({{"a", parallel(2), writes}}), HasSubstr("it writes something, in order"));
  EXPECT_THAT(shape({{"a", {"proceses"}}}),
              HasSubstr("a: a step cannot run on \"proceses\"\n  try: did you mean \"processes\"?"));
}

TEST(Hybrid, SaysWhichRecordsCannotCrossIntoAProcess) {
  std::vector<std::string> out;
  const Pipeline pipeline =
      range(0, 3)
          .map([](std::uint64_t n) { return std::to_string(n); }, {.name = "text", .on = processes(1)})
          .collect(out);
  EXPECT_THAT(error_text(pipeline.run(hybrid)),
              HasSubstr("text: it cannot run on processes(1): what it emits cannot be handed to another process"));
}

TEST(Hybrid, ReallyRunsInOtherProcesses) {
  std::vector<std::uint64_t> pids;
  const Report report = range(0, 100)
                            .map([](std::uint64_t) { return static_cast<std::uint64_t>(::getpid()); },
                                 {.name = "pid", .on = processes(1)})
                            .collect(pids)
                            .run(hybrid)
                            .value();
  EXPECT_EQ(report.records_out, 100U);
  EXPECT_EQ(std::set<std::uint64_t>(pids.begin(), pids.end()).count(static_cast<std::uint64_t>(::getpid())), 0U);
}

TEST(Hybrid, GivesTheSameRecordsInTheSameOrder) {
  std::vector<std::int64_t> expected;
  std::vector<std::int64_t> out;
  const std::vector<Placed> steps = {{"a", processes(2)}, {"b", parallel(3)}, {"c", threads}, {"d", serial}};
  ASSERT_TRUE(pipeline_of(steps, expected).run(serial));
  for (const std::size_t batch_size : {1U, 7U, 1000U}) {
    out.clear();
    ASSERT_TRUE(pipeline_of(steps, out).run({.strategy = hybrid, .batch_size = batch_size}));
    EXPECT_EQ(out, expected);
  }
}

TEST(Hybrid, IsTheOnlyStrategyThatLooksAtPlaces) {
  std::vector<std::int64_t> out;
  EXPECT_EQ(shape_of(pipeline_of({{"a", processes(2)}}, out).plan({.strategy = threads})), "source|a|sink");
}

TEST(Placement, IsAWordWithANumber) {
  EXPECT_EQ(placement_from_text("threads").value(), threads);
  EXPECT_EQ(placement_from_text("processes(2)").value(), processes(2));
  for (const char* const text : {"processes(", "processes()", "processes(0)", "processes(-1)", "processes(2",
                                 "processes(2))", "processes(9999)"}) {
    EXPECT_THAT(error_text(placement_from_text(text)), HasSubstr("not a number of workers")) << text;
  }
  EXPECT_THAT(error_text(placement_from_text("threads(2)")),
              HasSubstr("threads takes no number of workers: it is one"));
  EXPECT_THAT(error_text(placement_from_text("thread")), HasSubstr("did you mean \"threads\"?"));
  EXPECT_FALSE(placement_from_text("hybrid"));
  EXPECT_FALSE(placement_from_text(""));
}

}  // namespace
}  // namespace penstock
