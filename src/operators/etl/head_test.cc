// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;

TEST(Head, KeepsTheFirstRows) {
  const RecordBatch input = random_table(100, 1);
  const auto rows = rows_for_any_batch_size("head", {{"n", 23}}, input);
  ASSERT_EQ(rows.size(), 23U);
  for (std::size_t row = 0; row < 23; ++row) EXPECT_EQ(rows[row], input.row_to_json(row));
}

TEST(Head, KeepsAllRowsOfAShorterInputAndNoneOfAnEmptyOne) {
  EXPECT_EQ(rows_for_any_batch_size("head", {{"n", 1000}}, random_table(20, 1)).size(), 20U);
  EXPECT_EQ(rows_for_any_batch_size("head", {}, random_table(0, 1)).size(), 0U);
}

TEST(Head, IsSatisfiedOnceItHasItsRows) {
  auto op = Registry::global().make("head", {{"n", 3}});
  ASSERT_TRUE(op);
  EXPECT_EQ((*op)->records_wanted(), 3U);
  EXPECT_EQ(run_operator(**op, random_table(3, 1)).num_rows(), 3U);
  EXPECT_EQ((*op)->records_wanted(), 0U);
  EXPECT_EQ((*Registry::global().make("head", {{"n", 0}}))->records_wanted(), 0U);
}

TEST(Head, RefusesANegativeNumber) {
  EXPECT_EQ(run_operator("head", {{"n", -1}}, random_table(3, 1)).error(),
            "option \"n\" must be at least 0, but is -1");
}

}  // namespace
}  // namespace penstock
