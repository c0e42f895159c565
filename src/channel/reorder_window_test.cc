// SPDX-License-Identifier: MIT
#include "channel/reorder_window.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

namespace penstock {
namespace {

TEST(ReorderWindow, DeliversInTheOrderOfTheTickets) {
  ReorderWindow<int> window(4);
  std::vector<int> delivered;
  const auto deliver = [&](int parcel) { delivered.push_back(parcel); };
  EXPECT_TRUE(window.submit(2, 2, deliver));
  EXPECT_TRUE(window.submit(1, 1, deliver));
  EXPECT_TRUE(delivered.empty());
  EXPECT_TRUE(window.submit(0, 0, deliver));
  EXPECT_EQ(delivered, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(window.submit(3, 3, deliver));
  EXPECT_EQ(delivered.back(), 3);
}

TEST(ReorderWindow, DeliversWhatComesWhileAnotherDelivers) {
  ReorderWindow<int> window(4);
  std::vector<int> delivered;
  const auto later = [&](int parcel) { delivered.push_back(-parcel); };
  window.submit(0, 0, [&](int parcel) {
    if (parcel == 0) window.submit(1, 1, later);  // comes in the middle of the delivery of 0
    delivered.push_back(parcel);
  });
  EXPECT_EQ(delivered, (std::vector<int>{0, 1}));
}

TEST(ReorderWindow, LetsTheWorkerWhoseTurnItIsDeliverBeforeItSubmits) {
  ReorderWindow<int> window(4);
  std::vector<int> delivered;
  const auto deliver = [&](int parcel) { delivered.push_back(parcel); };
  ASSERT_TRUE(window.claim(0));
  EXPECT_TRUE(window.submit(1, 1, deliver));
  delivered.push_back(-1);
  ASSERT_TRUE(window.claim(0));
  EXPECT_TRUE(window.submit(0, 0, deliver));
  EXPECT_EQ(delivered, (std::vector<int>{-1, 0, 1}));
}

TEST(ReorderWindow, WakesWhoWaitsWhenItIsCancelled) {
  ReorderWindow<int> window(1);
  std::thread ahead([&] { EXPECT_FALSE(window.submit(1, 1, [](int) {})); });
  std::thread claims([&] { EXPECT_FALSE(window.claim(1)); });
  window.cancel();
  ahead.join();
  claims.join();
  EXPECT_FALSE(window.submit(0, 0, [](int) { ADD_FAILURE(); }));
}

TEST(ReorderWindow, KeepsTheOrderOfManyWorkersAndHoldsNoMoreThanItsWidth) {
  constexpr std::uint64_t kTickets = 20'000;
  for (const std::size_t width : {1U, 2U, 7U}) {
    ReorderWindow<std::uint64_t> window(width);
    std::atomic<std::uint64_t> next{0};
    std::vector<std::uint64_t> delivered;
    const auto deliver = [&](std::uint64_t parcel) { delivered.push_back(parcel); };
    const auto work = [&] {
      for (std::uint64_t ticket; (ticket = next.fetch_add(1)) < kTickets;) {
        ASSERT_TRUE(ticket % 97 != 0 || window.claim(ticket));
        ASSERT_TRUE(window.submit(ticket, ticket, deliver));
      }
    };
    std::vector<std::thread> workers;
    for (int i = 0; i < 4; ++i) workers.emplace_back(work);
    for (std::thread& worker : workers) worker.join();
    std::vector<std::uint64_t> expected(kTickets);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(delivered, expected) << "width " << width;
  }
}

}  // namespace
}  // namespace penstock
