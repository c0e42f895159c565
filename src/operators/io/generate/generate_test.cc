// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <cmath>
#include <map>

namespace penstock {
namespace {

using ::testing::AllOf;
using testing::HarnessResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_source;

TEST(Generate, MakesTheColumnsOfTheReferenceJob) {
  const HarnessResult result = run_source("generate", {{"records", 3}});
  EXPECT_EQ(result.error(), "");
  EXPECT_EQ(result.type.schema->to_text(), "id: int64, value1: float64, value2: float64, category: utf8");
  EXPECT_EQ(result.num_rows(), 3U);
}

TEST(Generate, MakesTheSameRecordsForEveryBatchSize) {
  const std::vector<std::string> expected = run_source("generate", {{"records", 1000}}).rows();
  for (const std::size_t size : {1, 7, 999, 1000, 10'000}) {
    const HarnessResult result = run_source("generate", {{"records", 1000}}, {.batch_size = size});
    EXPECT_EQ(result.rows(), expected) << size;
    EXPECT_EQ(result.batches.size(), (1000 + size - 1) / size);
  }
}

TEST(Generate, BeginsALongRunWithTheRecordsOfAShortOne) {
  std::vector<std::string> rows = run_source("generate", {{"records", 200}}).rows();
  rows.resize(50);
  EXPECT_EQ(rows, run_source("generate", {{"records", 50}}).rows());
}

TEST(Generate, MakesOtherRecordsForAnotherSeed) {
  EXPECT_NE(run_source("generate", {{"records", 10}, {"seed", 1}}).rows(),
            run_source("generate", {{"records", 10}, {"seed", 2}}).rows());
}

TEST(Generate, GivesTheSameValuesWhicheverColumnsAreChosen) {
  const HarnessResult all = run_source("generate", {{"records", 20}});
  const HarnessResult some =
      run_source("generate", {{"records", 20}, {"columns", OptionValue::List{"category", "value1"}}});
  EXPECT_EQ(some.type.schema->to_text(), "category: utf8, value1: float64");
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(some.batches[0].record_batch().column(0).text(i), all.batches[0].record_batch().column(3).text(i));
    EXPECT_EQ(some.batches[0].record_batch().column(1).float64s()[i],
              all.batches[0].record_batch().column(1).float64s()[i]);
  }
}

// Each mean lies within five of its standard errors; the seed is fixed, so the test cannot fail by chance.
TEST(Generate, FollowsItsDistributions) {
  constexpr std::int64_t kRecords = 100'000;
  const HarnessResult result = run_source("generate", {{"records", kRecords}}, {.batch_size = kRecords});
  ASSERT_EQ(result.batches.size(), 1U);
  const RecordBatch& rows = result.batches[0].record_batch();
  double sum1 = 0;
  double squares1 = 0;
  double sum2 = 0;
  std::map<std::string_view, int> categories;
  for (std::size_t i = 0; i < rows.num_rows(); ++i) {
    EXPECT_EQ(rows.column(0).int64s()[i], static_cast<std::int64_t>(i));
    const double value1 = rows.column(1).float64s()[i];
    sum1 += value1;
    squares1 += (value1 - 100) * (value1 - 100);
    sum2 += rows.column(2).float64s()[i];
    EXPECT_GE(rows.column(2).float64s()[i], 0.0);
    ++categories[rows.column(3).text(i)];
  }
  EXPECT_NEAR(sum1 / kRecords, 100, 5 * 15 / std::sqrt(kRecords));
  EXPECT_NEAR(std::sqrt(squares1 / kRecords), 15, 5 * 15 / std::sqrt(2.0 * kRecords));
  EXPECT_NEAR(sum2 / kRecords, 2, 5 * 2 / std::sqrt(kRecords));
  EXPECT_EQ(categories.size(), 4U);
  for (const auto& [name, count] : categories)
    EXPECT_NEAR(count, kRecords / 4, 5 * std::sqrt(kRecords * 0.1875)) << name;
}

TEST(Generate, KnowsHowFarItIs) {
  const auto made = Registry::global().make("generate", {{"records", 10}});
  ASSERT_TRUE(made);
  auto& source = dynamic_cast<Source&>(**made);
  EXPECT_EQ(source.progress().done, 0U);
  testing::run_operator(source, StreamType{}, std::vector<Batch>{});
  EXPECT_EQ(source.progress().done, 10U);
  EXPECT_EQ(source.progress().total, 10U);
  EXPECT_STREQ(source.progress().unit, "records");
}

TEST(Generate, StopsWhenNobodyWantsMore) {
  EXPECT_EQ(run_source("generate", {{"records", 100}}, {.batch_size = 10, .most_batches = 2}).num_rows(), 20U);
}

TEST(Generate, MayMakeNoRecord) { EXPECT_THAT(run_source("generate", {{"records", 0}}).batches, IsEmpty()); }

TEST(Generate, RefusesWrongOptions) {
  EXPECT_THAT(run_source("generate", {{"records", -1}}).error(), HasSubstr("expected 0 or more"));
  EXPECT_THAT(run_source("generate", {{"columns", OptionValue::List{"value3"}}}).error(),
              AllOf(HasSubstr("\"value3\""), HasSubstr("did you mean")));
  EXPECT_THAT(run_source("generate", {{"columns", OptionValue::List{}}}).error(), HasSubstr("names no column"));
  EXPECT_THAT(run_source("generate", {{"columns", OptionValue::List{"id", "id"}}}).error(), HasSubstr("\"id\""));
}

}  // namespace
}  // namespace penstock
