// SPDX-License-Identifier: MIT
#include "workflow/value_passing.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

TEST(ValuePassing, SmallValuesAreHandedOnDirectly) {
  EXPECT_EQ(choose_passing(0, 100 * kMebibyte).how, Passing::kDirect);
  EXPECT_EQ(choose_passing(kMebibyte - 1, 100 * kMebibyte).how, Passing::kDirect);
  EXPECT_EQ(choose_passing(12, 100 * kMebibyte).reason, "12 bytes, under 1 MiB");
}

TEST(ValuePassing, LargerOnesAreWrittenDownAndReadBack) {
  EXPECT_EQ(choose_passing(kMebibyte, 100 * kMebibyte).how, Passing::kSerialised);
  EXPECT_EQ(choose_passing(100 * kMebibyte, 100 * kMebibyte).how, Passing::kSerialised);
  EXPECT_EQ(choose_passing(kMebibyte, 0).reason, "1048576 bytes, 1 MiB or more");
}

TEST(ValuePassing, TheLargestAreForReferencesOnly) {
  EXPECT_EQ(choose_passing(100 * kMebibyte + 1, 100 * kMebibyte).how, Passing::kReference);
  EXPECT_EQ(choose_passing(1001, 1000).reason, "1001 bytes, more than 1000 bytes");
  EXPECT_EQ(choose_passing(std::uint64_t{1} << 40, 0).how, Passing::kSerialised);
}

}  // namespace
}  // namespace penstock
