// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;

std::string as_array(const RecordBatch& rows, std::size_t count) {
  std::string text = "[";
  for (std::size_t row = 0; row < count; ++row) text += (row > 0 ? "," : "") + rows.row_to_json(row);
  return text + "]";
}

std::unique_ptr<Operator> collect(int limit) {
  return std::move(Registry::global().make("collect", {{"limit", limit}}).value());
}

TEST(Collect, PassesAllRowsOn) {
  const RecordBatch input = random_table(100, 1);
  EXPECT_EQ(rows_for_any_batch_size("collect", {{"limit", 7}}, input).size(), 100U);
}

TEST(Collect, KeepsTheRowsForTheReport) {
  const RecordBatch input = random_table(100, 1);
  const auto op = collect(1000);
  ASSERT_EQ(run_operator(*op, input).error(), "");
  EXPECT_EQ(op->result(), as_array(input, 100));
  EXPECT_EQ(op->note(), "");
}

TEST(Collect, KeepsNoMoreThanItsLimitAndSaysSo) {
  const RecordBatch input = random_table(100, 1);
  const auto op = collect(23);
  ASSERT_EQ(run_operator(*op, input).error(), "");
  EXPECT_EQ(op->result(), as_array(input, 23));
  EXPECT_EQ(op->note(), "shows the first 23 of 100 records; write all of them with csv.write or json.write");
}

TEST(Collect, KeepsAnEmptyListOfAnEmptyStreamAndWithTheLimitZero) {
  const auto nothing = collect(10);
  ASSERT_EQ(run_operator(*nothing, random_table(0, 1)).error(), "");
  EXPECT_EQ(nothing->result(), "[]");
  const auto none = collect(0);
  ASSERT_EQ(run_operator(*none, random_table(5, 1)).error(), "");
  EXPECT_EQ(none->result(), "[]");
}

TEST(Collect, EndsAtAMebibyte) {
  const RecordBatch input = random_table(30'000, 1);
  const auto op = collect(30'000);
  ASSERT_EQ(run_operator(*op, input).error(), "");
  EXPECT_LE(op->result().size(), (1U << 20) + 2);
  EXPECT_GT(op->result().size(), (1U << 20) - 1000);
  EXPECT_THAT(op->note(), ::testing::StartsWith("shows the first "));
}

TEST(Collect, RefusesANegativeLimit) {
  EXPECT_EQ(run_operator("collect", {{"limit", -1}}, random_table(3, 1)).error(),
            "option \"limit\" must be at least 0, but is -1");
}

}  // namespace
}  // namespace penstock
