// SPDX-License-Identifier: MIT
#include "base/nearest_name.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

const std::vector<std::string> kKnown = {"csv.read", "csv.write", "filter", "derive"};

TEST(NearestName, FindsATypo) {
  EXPECT_EQ(nearest_name("csv.raed", kKnown), "csv.read");
  EXPECT_EQ(nearest_name("Filter", kKnown), "filter");
  EXPECT_EQ(nearest_name("dervie", kKnown), "derive");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) { EXPECT_EQ(nearest_name("zzzzzz", kKnown), ""); }

TEST(SuggestName, AsksOrLists) {
  EXPECT_EQ(suggest_name("filtr", kKnown), "did you mean \"filter\"?");
  EXPECT_EQ(suggest_name("zzzzzz", kKnown), "known: csv.read, csv.write, filter, derive");
  EXPECT_EQ(suggest_name("x", {}), "");
}

}  // namespace
}  // namespace penstock
