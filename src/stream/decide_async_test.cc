// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::Calls;
using ::testing::EndsWith;
using ::testing::HasSubstr;

Plan planned(std::uint32_t in_flight, const Strategy& strategy, bool says_stateless = false) {
  Calls waits;
  waits.traits = {.stateless = true, .in_flight = in_flight, .rows = RowEffect::kKeeps};
  std::vector<std::int64_t> out;
  Pipeline pipeline("test");
  pipeline.add("source", calling(testing::counting_source(1)), {}, Pipeline::kNone);
  pipeline.add("waits", calling(waits), {.stateless = says_stateless});
  pipeline.add("sink", calling(testing::keeping_sink(out)));
  return pipeline.plan({.strategy = strategy}).value();
}

TEST(DecideAsync, SaysWhoKeepsHowManyWaiting) {
  const Plan plan = planned(64, async);
  ASSERT_EQ(plan.segments.size(), 3U);
  EXPECT_THAT(plan.reason, HasSubstr("asked for: 3 threads"));
  EXPECT_THAT(plan.reason, EndsWith("of which 1 waits for many records at once"));
  EXPECT_EQ(plan.segments[1].reason,
            "its own thread works beside the others; \"waits\" keeps up to 64 records waiting at once");
  EXPECT_EQ(plan.segments[1].workers, 1U);
}

TEST(DecideAsync, IsLikeThreadsWithoutSuchOperators) {
  const Plan plan = planned(0, async);
  EXPECT_EQ(plan.segments.size(), 3U);
  EXPECT_THAT(plan.reason, HasSubstr("no operator keeps records in flight: 3 threads"));
}

TEST(DecideAsync, NoStrategyReplicatesWhatKeepsRecordsInFlight) {
  for (const StrategyInfo& strategy : testing::every_strategy()) {
    for (const PlanSegment& segment : planned(64, {strategy.name, 4}, true).segments) {
      EXPECT_EQ(segment.workers, 1U) << strategy.name;
      EXPECT_NE(segment.worker, "process") << strategy.name;
    }
  }
}

}  // namespace
}  // namespace penstock
