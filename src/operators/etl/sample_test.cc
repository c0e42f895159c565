// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;

bool is_subsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  std::size_t at = 0;
  for (const std::string& row : whole) at += at < part.size() && part[at] == row ? 1 : 0;
  return at == part.size();
}

std::vector<std::string> all_rows(const RecordBatch& batch) {
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < batch.num_rows(); ++row) rows.push_back(batch.row_to_json(row));
  return rows;
}

TEST(Sample, KeepsAboutTheFractionInOrder) {
  const RecordBatch input = random_table(10'000, 1);
  const auto rows = rows_for_any_batch_size("sample", {{"fraction", 0.25}}, input);
  EXPECT_NEAR(static_cast<double>(rows.size()), 2'500, 200);  // 4.6 standard deviations, and the choice is fixed
  EXPECT_TRUE(is_subsequence(rows, all_rows(input)));
}

TEST(Sample, KeepsNothingOrAllAtTheEnds) {
  EXPECT_EQ(rows_for_any_batch_size("sample", {{"fraction", 0}}, random_table(100, 1)).size(), 0U);
  EXPECT_EQ(rows_for_any_batch_size("sample", {{"fraction", 1}}, random_table(100, 1)).size(), 100U);
}

TEST(Sample, KeepsExactlyNRowsInOrder) {
  const RecordBatch input = random_table(5'000, 1);
  for (const int n : {0, 1, 37, 4'999, 5'000, 6'000}) {
    const auto rows = rows_for_any_batch_size("sample", {{"n", n}}, input);
    EXPECT_EQ(rows.size(), std::min(n, 5'000));
    EXPECT_TRUE(is_subsequence(rows, all_rows(input)));
  }
}

TEST(Sample, ChoosesEachRowEquallyOften) {
  // 2,000 seeds choose 5 of 50 rows: each row 200 times on average, with a standard deviation of 13.4
  const RecordBatch input = random_table(50, 1);
  std::map<std::string, int> chosen;
  for (int seed = 0; seed < 2'000; ++seed) {
    for (const std::string& row : run_operator("sample", {{"n", 5}, {"seed", seed}}, input).rows()) ++chosen[row];
  }
  ASSERT_EQ(chosen.size(), 50U);
  for (const auto& [row, times] : chosen) EXPECT_NEAR(times, 200, 70) << row;
}

TEST(Sample, ChoosesOtherRowsForAnotherSeed) {
  const RecordBatch input = random_table(1'000, 1);
  EXPECT_NE(run_operator("sample", {{"n", 10}, {"seed", 1}}, input).rows(),
            run_operator("sample", {{"n", 10}, {"seed", 2}}, input).rows());
}

TEST(Sample, NeedsEitherAFractionOrANumber) {
  const RecordBatch input = random_table(1, 1);
  EXPECT_EQ(run_operator("sample", {}, input).status.error().message(),
            "the operator \"sample\" needs either \"fraction\" or \"n\"");
  EXPECT_EQ(run_operator("sample", {{"n", 1}, {"fraction", 0.5}}, input).status.error().message(),
            "the operator \"sample\" needs either \"fraction\" or \"n\"");
  EXPECT_EQ(run_operator("sample", {{"fraction", 1.5}}, input).error(),
            "option \"fraction\" must be from 0 to 1, but is 1.5");
}

}  // namespace
}  // namespace penstock
