// SPDX-License-Identifier: MIT
// What is concluded from measurements, with measurements made up.
#include "apps/penstock/bench/strategies/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/penstock/bench/strategies/advice.h"
#include "apps/penstock/bench/strategies/report.h"
#include "apps/penstock/bench/strategies/svg.h"
#include "base/xml_text.h"

namespace penstock::app::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kSize = 10;

Sample sample(double seconds, double cpu_seconds = 0, std::vector<StepTimes> steps = {}) {
  Sample made;
  made.seconds = seconds;
  made.cpu_seconds = cpu_seconds;
  made.memory_bytes = 1000;
  made.digest = "0123456789abcdef";
  made.steps = std::move(steps);
  return made;
}

Cell cell(Contender contender, std::vector<Sample> samples, Series series = Series::kContenders) {
  Job job;
  job.name = "job";
  job.unit = "rows";
  return {series, job, {.size = kSize, .folder = {}}, std::move(contender), std::move(samples)};
}

std::string advice_text(const Results& results) { return advice_on(results, results.cells.front().job, kSize)->text; }

TEST(Spread, IsMedianAndEnds) {
  const Spread odd = spread_of({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.max, 3);
  EXPECT_EQ(spread_of({4, 1, 3, 2}).median, 2.5);
  EXPECT_EQ(spread_of({}).median, 0);
}

TEST(Spread, PercentSavedIsOfWhatWasBefore) {
  EXPECT_EQ(percent_saved(4, 1), 75);
  EXPECT_EQ(percent_saved(1, 4), -300);
  EXPECT_EQ(percent_saved(0, 4), 0);
}

TEST(Results, ComparesWithSerialAndWithTheNaiveProgram) {
  Results results;
  results.cells = {cell({.name = kNaive}, {sample(8)}), cell({.name = "serial"}, {sample(4)}),
                   cell({.name = "threads"}, {sample(1), sample(3), sample(2)})};
  results.cells[0].samples[0].memory_bytes = 4000;
  const Comparison comparison = results.compare(results.cells[2]);
  EXPECT_EQ(comparison.speed_up, 2);
  EXPECT_EQ(comparison.time_saved_percent, 75);
  EXPECT_EQ(comparison.memory_saved_percent, 75);
  EXPECT_EQ(results.fastest("job", kSize), &results.cells[2]);
  results.cells.erase(results.cells.begin(), results.cells.begin() + 2);
  EXPECT_FALSE(results.compare(results.cells[0]).speed_up.has_value());
  EXPECT_FALSE(results.compare(results.cells[0]).time_saved_percent.has_value());
}

TEST(Results, AnswersMustBeEqualInEveryRunOfAJobAndSize) {
  Results results;
  results.cells = {cell({.name = kNaive}, {sample(1)}), cell({.name = "serial"}, {sample(1), sample(1)})};
  EXPECT_TRUE(check_answers(results).has_value());
  Cell other_size = results.cells[0];
  other_size.input.size = 2 * kSize;
  other_size.samples[0].digest = "ffffffffffffffff";
  results.cells.push_back(other_size);
  EXPECT_TRUE(check_answers(results).has_value());
  results.cells[1].samples[1].digest = "ffffffffffffffff";
  const Status checked = check_answers(results);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(
      checked.error().message(),
      "the answers to the job \"job\" with 10 rows differ: 0123456789abcdef under naive, but ffffffffffffffff under "
      "serial");
  EXPECT_THAT(results_to_html(results), HasSubstr("DIFFER"));
}

TEST(Advice, NamesTheFastestStrategyAndWhatTheJobWaitsFor) {
  Results results;
  results.cells = {cell({.name = "serial"}, {sample(1, 0.1)}), cell({.name = "parallel", .workers = 8}, {sample(0.2)}),
                   cell({.name = "parallel", .workers = 1}, {sample(1)}, Series::kWorkers),
                   cell({.name = "parallel", .workers = 4}, {sample(0.21)}, Series::kWorkers),
                   cell({.name = "parallel", .workers = 8}, {sample(0.21)}, Series::kWorkers)};
  EXPECT_EQ(
      advice_text(results),
      "Take parallel, 5.0 times as fast as serial, since it waits 90 % of the time, which workers can do side by side; "
      "4 workers are as good as more.");
}

TEST(Advice, StaysWithSerialWhenRunsOverlap) {
  Results results;
  results.cells = {cell({.name = "serial"}, {sample(1, 1, {{"read", 1, 3}, {"sum", 1, 1}}), sample(0.7)}),
                   cell({.name = "threads"}, {sample(0.6), sample(0.8)})};
  EXPECT_THAT(advice_text(results), StartsWith("Stay with serial, since no strategy was clearly faster and it "));
}

TEST(Advice, LooksIntoAFusedLoopThroughAnotherStrategy) {
  const std::vector<StepTimes> fused = {{"range", 1, 0, 0, 0, true}, {"stir", 1, 0, 0, 0, true}, {"answer", 1, 1}};
  Results results;
  results.cells = {
      cell({.name = "serial"}, {sample(1, 1, fused)}),
      cell({.name = "threads"}, {sample(0.5, 1, {{"range", 1, 0.1}, {"stir", 1, 0.8}, {"answer", 1, 0.1}})})};
  EXPECT_THAT(advice_text(results), HasSubstr("it keeps the processor busy, 80 % of that in \"stir\""));
}

TEST(Advice, SaysWhichBatchSizeIsClearlyBetter) {
  Results results;
  results.cells = {cell({.name = "serial", .batch_size = 100}, {sample(1, 1)}),
                   cell({.name = "serial", .batch_size = 100}, {sample(1)}, Series::kBatchSize),
                   cell({.name = "serial", .batch_size = 400}, {sample(0.5)}, Series::kBatchSize)};
  EXPECT_THAT(advice_text(results), HasSubstr("; a batch size of 400 is 2.0 times as fast as 100."));
  results.cells.pop_back();
  EXPECT_THAT(advice_text(results), HasSubstr("; no batch size was clearly better than 100."));
}

TEST(Svg, EscapesTexts) {
  EXPECT_EQ(xml_text("a<b & \"c\"\x01"), "a&lt;b &amp; &quot;c&quot; ");
  EXPECT_THAT(bar_chart("<", {{"&", 1, 1, 1, "x", 0}}), HasSubstr(">&amp;</text>"));
}

}  // namespace
}  // namespace penstock::app::bench
