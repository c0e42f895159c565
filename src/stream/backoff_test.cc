// SPDX-License-Identifier: MIT
#include "stream/backoff.h"

#include <gtest/gtest.h>

#include <limits>

namespace penstock {
namespace {

TEST(Backoff, DoublesWithEachAttempt) {
  EXPECT_EQ(backoff_before(2, 10), 10);
  EXPECT_EQ(backoff_before(3, 10), 20);
  EXPECT_EQ(backoff_before(6, 10), 160);
  EXPECT_EQ(backoff_before(9, 0), 0);
}

TEST(Backoff, NeverPassesOneHour) {
  constexpr std::int64_t kHour = std::int64_t{3600} * 1'000'000;
  EXPECT_EQ(backoff_before(1000, 10'000), kHour);
  EXPECT_EQ(backoff_before(2, std::numeric_limits<std::int64_t>::max()), kHour);
  EXPECT_EQ(backoff_before(2, -5), 0);
}

TEST(Backoff, EndsAtOnceWhenTheRunIsCancelled) {
  StopSignal stop;
  stop.request(StopSignal::State::kCancel);
  EXPECT_FALSE(wait_before_attempt(1000, retry(1001, 1'000'000), stop));  // an hour otherwise
}

}  // namespace
}  // namespace penstock
