// SPDX-License-Identifier: MIT
#include "operators/embed/batch_patience.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(BatchPatience, WaitsForTheLatencyWhereNothingIsKnown) {
  BatchPatience patience(100);
  patience.arrived(1'000);
  patience.begin_batch();
  EXPECT_EQ(patience.leaves_ns(), 1'100);
}

TEST(BatchPatience, CountsFromTheFirstRecordOfTheBatch) {
  BatchPatience patience(100);
  patience.arrived(1'000);
  patience.begin_batch();
  patience.arrived(1'030);
  patience.arrived(1'050);
  EXPECT_EQ(patience.leaves_ns(), 1'100);
}

TEST(BatchPatience, DoesNotWaitForWhatComesTooLate) {
  BatchPatience patience(100);
  for (int i = 0; i < 5; ++i) patience.arrived(1'000 * i);
  patience.begin_batch();
  EXPECT_EQ(patience.leaves_ns(), 4'000);
}

TEST(BatchPatience, WaitsAgainWhenMoreComes) {
  BatchPatience patience(100);
  std::int64_t now = 0;
  for (int i = 0; i < 5; ++i) patience.arrived(now += 1'000);
  for (int i = 0; i < 50; ++i) patience.arrived(now += 10);
  patience.begin_batch();
  EXPECT_EQ(patience.leaves_ns(), now + 100);
}

}  // namespace
}  // namespace penstock
