// SPDX-License-Identifier: MIT
#include "operators/async/timer_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace penstock::detail {
namespace {

TEST(TimerQueue, GivesTheEarliestFirstAndNoneTooEarly) {
  TimerQueue queue;
  EXPECT_EQ(queue.earliest(), TimerQueue::kNever);
  Timer a;
  Timer b;
  queue.add(a, 20);
  queue.add(b, 10);
  EXPECT_EQ(queue.earliest(), 10);
  EXPECT_EQ(queue.take_due(9), nullptr);
  EXPECT_EQ(queue.take_due(10), &b);
  EXPECT_EQ(queue.take_due(10), nullptr);
  EXPECT_EQ(queue.take_due(100), &a);
  EXPECT_EQ(queue.earliest(), TimerQueue::kNever);
}

TEST(TimerQueue, ForgetsWhatIsRemoved) {
  TimerQueue queue;
  Timer timers[3];
  for (int i = 0; i < 3; ++i) queue.add(timers[i], i);
  queue.remove(timers[0]);
  queue.remove(timers[0]);
  queue.remove(timers[2]);
  EXPECT_EQ(queue.take_due(100), &timers[1]);
  EXPECT_EQ(queue.take_due(100), nullptr);
}

// Against an ordered map, with times that come in all orders.
TEST(TimerQueue, DoesTheSameAsAMap) {
  std::minstd_rand random(7);
  TimerQueue queue;
  std::vector<std::unique_ptr<Timer>> timers;
  std::multimap<std::int64_t, Timer*> expected;
  std::int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t what = random() % 8;
    if (what < 4) {
      timers.push_back(std::make_unique<Timer>());
      const std::int64_t deadline = now + (what < 2    ? 1000
                                           : what == 2 ? 5000
                                                       : static_cast<std::int64_t>(random() % 10'000));
      queue.add(*timers.back(), deadline);
      expected.emplace(deadline, timers.back().get());
    } else if (what == 4 && !timers.empty()) {
      Timer* const timer = timers[random() % timers.size()].get();
      queue.remove(*timer);
      std::erase_if(expected, [&](const auto& entry) { return entry.second == timer; });
    } else {
      now += static_cast<std::int64_t>(random() % 700);
      while (Timer* const timer = queue.take_due(now)) {
        ASSERT_FALSE(expected.empty());
        const std::int64_t earliest = expected.begin()->first;
        ASSERT_LE(earliest, now);
        const auto [begin, end] = expected.equal_range(earliest);
        const auto found = std::find_if(begin, end, [&](const auto& entry) { return entry.second == timer; });
        ASSERT_NE(found, end);
        expected.erase(found);
      }
      ASSERT_TRUE(expected.empty() || expected.begin()->first > now);
      ASSERT_EQ(queue.earliest(), expected.empty() ? TimerQueue::kNever : expected.begin()->first);
    }
  }
}

}  // namespace
}  // namespace penstock::detail
