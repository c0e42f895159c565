// SPDX-License-Identifier: MIT
#include "stream/sizing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock {
namespace {

using ::testing::ElementsAre;

constexpr std::uint32_t kMost = 16;

SegmentLoad at_work(double ns, std::uint32_t most_workers = 1) { return {ns, ns, most_workers}; }
SegmentLoad waiting(double ns, std::uint32_t most_workers = 1) { return {ns, ns / 100, most_workers}; }

TEST(Sizing, GivesTheCoresToWhatNeedsThem) {
  const Sizing sizing = size_workers({at_work(1), at_work(1000, kMost), at_work(1)}, 2, 0);
  EXPECT_THAT(sizing.workers, ElementsAre(1, 2, 1));
  EXPECT_NEAR(sizing.gain(), 2, 0.01);
}

TEST(Sizing, GivesNoMoreWorkersThanTheSlowestOfTheOthersCanUse) {
  const Sizing sizing = size_workers({at_work(500), at_work(1000, kMost)}, 8, 0);
  EXPECT_THAT(sizing.workers, ElementsAre(1, 2));
  EXPECT_NEAR(sizing.gain(), 3, 0.01);
}

TEST(Sizing, GivesManyWorkersToWhatWaits) {
  const Sizing sizing = size_workers({at_work(1), waiting(1000, kMost), at_work(1)}, 2, 0);
  EXPECT_THAT(sizing.workers, ElementsAre(1, kMost, 1));
  EXPECT_NEAR(sizing.gain(), 16, 0.1);
}

TEST(Sizing, GivesEnoughToEachOfSeveralThatWait) {
  const Sizing sizing = size_workers({waiting(100), waiting(100, kMost), waiting(400, kMost)}, 2, 0);
  EXPECT_THAT(sizing.workers, ElementsAre(1, 1, 4));
  EXPECT_NEAR(sizing.gain(), 6, 0.01);
}

TEST(Sizing, GainsNothingOnOneCoreWhereNobodyWaits) {
  const Sizing sizing = size_workers({at_work(100), at_work(100, kMost)}, 1, 10);
  EXPECT_THAT(sizing.workers, ElementsAre(1, 1));
  EXPECT_LT(sizing.gain(), 1);
}

TEST(Sizing, CountsWhatHandingOverCosts) {
  const std::vector<SegmentLoad> light = {at_work(1000), at_work(1000), at_work(1000)};
  EXPECT_NEAR(size_workers(light, 2, 0).gain(), 2, 0.01);
  EXPECT_LT(size_workers(light, 2, 3000).gain(), 1);
}

TEST(Sizing, GainsNothingByASlowSegmentThatCannotBeShared) {
  const Sizing sizing = size_workers({at_work(1), at_work(1000), at_work(1)}, 2, 0);
  EXPECT_THAT(sizing.workers, ElementsAre(1, 1, 1));
  EXPECT_NEAR(sizing.gain(), 1, 0.01);
}

TEST(Sizing, TakesAPipelineThatTookNoTime) {
  EXPECT_EQ(size_workers({at_work(0), at_work(0, kMost)}, 2, 0).gain(), 1);
  EXPECT_EQ(size_workers({}, 2, 0).gain(), 1);
}

}  // namespace
}  // namespace penstock
