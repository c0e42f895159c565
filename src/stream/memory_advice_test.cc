// SPDX-License-Identifier: MIT
#include "stream/memory_advice.h"

#include <gtest/gtest.h>
#include <penstock/buffer.h>

namespace penstock {
namespace {

constexpr std::size_t kNone = MemoryBudget::kUnlimited;
constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;

TEST(MemoryAdvice, IsToGoOnWhereThereIsEnough) {
  EXPECT_FALSE(advise_on_memory({1000 * kMebi, 500 * kMebi, 0}, 0, kNone).is_short);
  EXPECT_FALSE(advise_on_memory({1000 * kMebi, 899 * kMebi, 9.9}, 89, 100).is_short);
}

TEST(MemoryAdvice, LooksAtWhatTheSystemLimits) {
  const MemoryAdvice advice = advise_on_memory({1000 * kMebi, 950 * kMebi, 0}, 0, kNone);
  EXPECT_TRUE(advice.is_short);
  EXPECT_EQ(advice.why, "95 % of the memory that it may use (1000.0 MiB) are taken");
}

TEST(MemoryAdvice, LooksAtThePressure) {
  const MemoryAdvice advice = advise_on_memory({1000 * kMebi, 100 * kMebi, 25}, 0, kNone);
  EXPECT_TRUE(advice.is_short);
  EXPECT_EQ(advice.why, "the system waited for memory 25 % of the last 10 s");
}

TEST(MemoryAdvice, LooksAtTheRunsOwnLimit) {
  const MemoryAdvice advice = advise_on_memory({}, 95, 100);
  EXPECT_TRUE(advice.is_short);
  EXPECT_EQ(advice.why, "95 % of memory_limit were in flight");
}

TEST(MemoryAdvice, IsToGoOnWhereNothingIsKnown) { EXPECT_FALSE(advise_on_memory({}, 1 << 30, kNone).is_short); }

}  // namespace
}  // namespace penstock
