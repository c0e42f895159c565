// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/exact_moments.h"
#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

TEST(Normalize, BringsTheWholeInputToMeanZeroAndDeviationOne) {
  const RecordBatch input =
      table({{"x", Type::kInt64}, {"name", Type::kUtf8}},
            {{std::int64_t{2}, std::string("a")}, {nullptr, std::string("b")}, {std::int64_t{6}, std::string("c")}});
  EXPECT_THAT(rows_for_any_batch_size("normalize", {{"columns", "x"}}, input),
              ElementsAre(R"({"x":-1.0,"name":"a"})", R"({"x":null,"name":"b"})", R"({"x":1.0,"name":"c"})"));
  const auto sample = run_operator("normalize", {{"columns", "x"}, {"deviation", "sample"}, {"suffix", "_z"}}, input);
  EXPECT_EQ(sample.type.schema->to_text(), "x: int64, name: utf8, x_z: float64");
  EXPECT_EQ(sample.rows().at(0), R"({"x":2,"name":"a","x_z":-0.7071067811865475})");
  EXPECT_THAT(sample.note, HasSubstr("x: mean 4, deviation 2.8284271247461"));
}

TEST(Normalize, MakesEqualValuesZero) {
  const RecordBatch input = table({{"x", Type::kFloat64}}, {{0.1}, {0.1}, {0.1}});
  EXPECT_THAT(rows_for_any_batch_size("normalize", {{"columns", "x"}}, input),
              ElementsAre(R"({"x":0.0})", R"({"x":0.0})", R"({"x":0.0})"));
}

TEST(Normalize, LeavesNanAndInfinitiesOutOfTheStatistics) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const RecordBatch input = table({{"x", Type::kFloat64}}, {{1.0}, {nan}, {HUGE_VAL}, {3.0}});
  EXPECT_THAT(rows_for_any_batch_size("normalize", {{"columns", "x"}}, input),
              ElementsAre(R"({"x":-1.0})", R"({"x":"NaN"})", R"({"x":"Infinity"})", R"({"x":1.0})"));
}

TEST(Normalize, GivesTheSameBytesWhereverRowsWait) {
  const RecordBatch input = random_table(2'000, 31);
  const OptionValue::List columns = {"id", "word"};
  const auto in_memory = rows_for_any_batch_size("normalize", {{"columns", columns}}, input);
  ASSERT_EQ(in_memory.size(), 2'000U);
  for (const char* memory : {"0", "1k", "20k"}) {
    EXPECT_EQ(rows_for_any_batch_size("normalize", {{"columns", columns}, {"memory", memory}}, input), in_memory)
        << memory;
  }
}

TEST(Normalize, LetsRowsWaitOnTheDiskPastAQuarterOfTheMemoryLimit) {
  const RecordBatch input = random_table(20'000, 32);
  const std::vector<RecordBatch> batches = testing::in_batches_of(input, 500);
  BufferPool pool(MemoryBudget(std::size_t{400} << 10));
  auto op = Registry::global().make("normalize", {{"columns", "id"}});
  ASSERT_TRUE(op);
  const auto result = run_operator(**op, input.schema_ptr(), batches, {.pool = &pool});
  ASSERT_EQ(result.error(), "");
  EXPECT_EQ(result.num_rows(), 20'000U);
  EXPECT_THAT(result.note, HasSubstr("bytes waited on the disk"));
}

TEST(Normalize, SaysWhereItCannotWrite) {
  const auto result = run_operator("normalize", {{"columns", "id"}, {"memory", 0}, {"folder", "/nowhere/at/all"}},
                                   random_table(10, 33));
  EXPECT_THAT(result.error(), HasSubstr("/nowhere/at/all"));
}

TEST(Normalize, RefusesColumnsThatAreNoNumbers) {
  EXPECT_EQ(run_operator("normalize", {{"columns", "text"}}, random_table(1, 34)).error(),
            "only numbers can be normalized, but column \"text\" is utf8\n  try: convert it with derive first");
}

}  // namespace
}  // namespace penstock
