// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "data/exact_moments.h"
#include "data/exact_quantiles.h"
#include "data/quantile_sketch.h"
#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

RecordBatch orders() {
  return table({{"country", Type::kUtf8}, {"amount", Type::kFloat64}, {"quantity", Type::kInt64}},
               {{std::string("FR"), 1.0, std::int64_t{3}},
                {std::string("DE"), 2.0, std::int64_t{4}},
                {nullptr, 8.0, nullptr},
                {std::string("FR"), nullptr, std::int64_t{-1}},
                {std::string("DE"), 6.0, std::int64_t{2}},
                {std::string(), nullptr, nullptr}});
}

Options options(OptionValue::List by, OptionValue::Table compute) {
  return {{"by", std::move(by)}, {"compute", std::move(compute)}};
}

TEST(Aggregate, MakesOneRowPerGroupInTheOrderOfTheKeysNullsFirst) {
  EXPECT_THAT(rows_for_any_batch_size("aggregate", options({"country"}, {{"n", "count()"}, {"total", "sum(amount)"}}),
                                      orders()),
              ElementsAre(R"({"country":null,"n":1,"total":8.0})", R"({"country":"","n":1,"total":null})",
                          R"({"country":"DE","n":2,"total":8.0})", R"({"country":"FR","n":2,"total":1.0})"));
}

TEST(Aggregate, LeavesNullsOutOfWhatItComputes) {
  EXPECT_THAT(rows_for_any_batch_size("aggregate",
                                      options({}, {{"rows", "count()"},
                                                   {"n", "count(quantity)"},
                                                   {"sum", "sum(quantity)"},
                                                   {"mean", "mean(quantity)"},
                                                   {"low", "min(quantity)"},
                                                   {"high", "max(country)"}}),
                                      orders()),
              ElementsAre(R"({"rows":6,"n":4,"sum":8,"mean":2.0,"low":-1,"high":"FR"})"));
}

TEST(Aggregate, ComputesDeviationsOfASampleAndQuantiles) {
  const RecordBatch input = table({{"x", Type::kInt64}}, {{std::int64_t{2}}, {std::int64_t{4}}, {std::int64_t{9}}});
  const auto rows = rows_for_any_batch_size(
      "aggregate", options({}, {{"std", "std(x)"}, {"q", "exact_quantile(x, 0.75)"}, {"m", "exact_quantile(x, 0.5)"}}),
      input);
  EXPECT_THAT(rows, ElementsAre(R"({"std":3.605551275463989,"q":6.5,"m":4.0})"));
}

TEST(Aggregate, HasOneRowWithoutKeyEvenWithoutInput) {
  const RecordBatch none = random_table(0, 1);
  EXPECT_THAT(rows_for_any_batch_size(
                  "aggregate",
                  options({}, {{"n", "count()"}, {"s", "sum(word)"}, {"d", "std(real)"}, {"m", "max(text)"}}), none),
              ElementsAre(R"({"n":0,"s":null,"d":null,"m":null})"));
  EXPECT_EQ(rows_for_any_batch_size("aggregate", options({"word"}, {{"n", "count()"}}), none).size(), 0U);
}

TEST(Aggregate, SumsExactlyInAnyOrder) {
  std::vector<std::vector<testing::Value>> rows;
  for (int i = 0; i < 1'000; ++i) {
    rows.push_back({1e100});
    rows.push_back({0.1});
    rows.push_back({-1e100});
  }
  const RecordBatch input = table({{"x", Type::kFloat64}}, rows);
  EXPECT_THAT(rows_for_any_batch_size("aggregate", options({}, {{"sum", "sum(x)"}}), input),
              ElementsAre(R"({"sum":100.0})"));
}

TEST(Aggregate, SaysWhichSumOfIntegersDoesNotFit) {
  const RecordBatch input = table({{"x", Type::kInt64}}, {{INT64_MAX}, {std::int64_t{1}}});
  const auto result = run_operator("aggregate", options({}, {{"total", "sum(x)"}}), input);
  EXPECT_EQ(result.status.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.status.error().where(), "total");
  const RecordBatch back = table({{"x", Type::kInt64}}, {{INT64_MAX}, {std::int64_t{1}}, {std::int64_t{-2}}});
  EXPECT_THAT(rows_for_any_batch_size("aggregate", options({}, {{"total", "sum(x)"}}), back),
              ElementsAre(R"({"total":9223372036854775806})"));  // on the way it did not fit
}

TEST(Aggregate, TakesNanAsLargestAndZerosAsEqual) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const RecordBatch input = table({{"x", Type::kFloat64}}, {{0.0}, {nan}, {-0.0}});
  EXPECT_THAT(rows_for_any_batch_size("aggregate", options({}, {{"low", "min(x)"}, {"high", "max(x)"}}), input),
              ElementsAre(R"({"low":0.0,"high":"NaN"})"));
  EXPECT_EQ(rows_for_any_batch_size("aggregate", options({"x"}, {{"n", "count()"}}), input).size(), 2U);
}

TEST(Aggregate, KeepsRowsThatFailOutOfEveryGroup) {
  const RecordBatch input = table(
      {{"k", Type::kInt64}, {"x", Type::kInt64}},
      {{std::int64_t{1}, std::int64_t{0}}, {std::int64_t{2}, std::int64_t{5}}, {std::int64_t{2}, std::int64_t{0}}});
  const Options by_k = options({"k"}, {{"n", "count()"}, {"s", "sum(10 // x)"}});
  const auto result = run_operator("aggregate", by_k, input, {.on_error = quarantine()});
  ASSERT_EQ(result.error(), "");
  EXPECT_THAT(result.rows(), ElementsAre(R"({"k":2,"n":1,"s":2})"));
  EXPECT_EQ(result.rejections.size(), 2U);
  EXPECT_FALSE(run_operator("aggregate", by_k, input).status);
}

// ---- Against a naive reference -------------------------------------------------------------------------------------

// A key in the order that the operator promises: null, then the value.
using Key = std::vector<std::tuple<int, std::int64_t, double, std::string>>;

Key key_of(const RecordBatch& input, const std::vector<std::size_t>& columns, std::size_t row) {
  Key key;
  for (const std::size_t index : columns) {
    const Column& column = input.column(index);
    if (column.is_null(row)) {
      key.emplace_back(0, 0, 0, "");
    } else if (column.type() == Type::kUtf8) {
      key.emplace_back(1, 0, 0, column.text(row));
    } else if (column.type() == Type::kBool) {
      key.emplace_back(1, get_bit(column.bits(), row), 0, "");
    } else if (column.type() == Type::kFloat64) {
      const double value = column.float64s()[row];
      key.emplace_back(std::isnan(value) ? 2 : 1, 0, std::isnan(value) ? 0 : value + 0.0, "");
    } else {
      key.emplace_back(1, column.int64s()[row], 0, "");
    }
  }
  return key;
}

struct Expected {
  std::size_t first_row = 0;
  std::int64_t rows = 0;
  ExactMoments moments;
  QuantileSketch sketch;
  ExactQuantiles quantiles;
  ExactIntegerSum words;
};

TEST(Aggregate, AgreesWithAMapForEveryChoiceOfKeys) {
  const RecordBatch input = random_table(1'500, 11);
  for (unsigned choice = 1; choice < 32; ++choice) {
    std::vector<std::size_t> columns;
    OptionValue::List by;
    for (std::size_t column = 0; column < 5; ++column) {
      if ((choice >> column & 1) == 0) continue;
      columns.push_back(column);
      by.push_back(input.schema()[column].name);
    }
    std::map<Key, Expected> groups;
    for (std::size_t row = 0; row < input.num_rows(); ++row) {
      Expected& group = groups[key_of(input, columns, row)];
      if (group.rows++ == 0) group.first_row = row;
      const auto id = static_cast<double>(input.column(5).int64s()[row]) * 0.1;
      group.moments.add(id);
      group.sketch.add(id);
      group.quantiles.add(id);
      if (!input.column(0).is_null(row)) group.words.add((input.column(0).int64s()[row] % 1000 + 1000) % 1000);
    }
    const auto result = run_operator("aggregate",
                                     options(by, {{"n", "count()"},
                                                  {"sum", "sum(id * 0.1)"},
                                                  {"mean", "mean(id * 0.1)"},
                                                  {"std", "std(id * 0.1)"},
                                                  {"q", "quantile(id * 0.1, 0.9)"},
                                                  {"e", "exact_quantile(id * 0.1, 0.9)"},
                                                  {"first", "min(id)"},
                                                  {"words", "sum(word % 1000)"}}),
                                     testing::in_batches_of(input, 77), {.batch_size = 10'000});
    ASSERT_EQ(result.error(), "");
    ASSERT_EQ(result.num_rows(), groups.size()) << OptionValue(by).to_text();
    const RecordBatch& rows = result.batches.at(0).record_batch();
    std::size_t row = 0;
    const std::size_t k = columns.size();
    for (auto& [key, group] : groups) {
      EXPECT_EQ(rows.column(k).int64s()[row], group.rows);
      EXPECT_EQ(rows.column(k + 1).float64s()[row], group.moments.sum());
      EXPECT_EQ(rows.column(k + 2).float64s()[row], group.moments.sum() / static_cast<double>(group.rows));
      if (group.rows > 1) {
        EXPECT_EQ(rows.column(k + 3).float64s()[row], group.moments.deviation());
      }
      EXPECT_EQ(rows.column(k + 3).is_null(row), group.rows < 2);
      EXPECT_EQ(rows.column(k + 4).float64s()[row], group.sketch.quantile(0.9));
      EXPECT_EQ(rows.column(k + 5).float64s()[row], group.quantiles.quantile(0.9));
      EXPECT_EQ(rows.column(k + 6).int64s()[row], static_cast<std::int64_t>(group.first_row));
      if (!rows.column(k + 7).is_null(row)) {
        EXPECT_EQ(rows.column(k + 7).int64s()[row], *group.words.to_int64());
      }
      std::vector<std::size_t> out_columns;
      for (std::size_t i = 0; i < k; ++i) out_columns.push_back(i);
      EXPECT_EQ(key_of(rows, out_columns, row), key);
      ++row;
    }
  }
}

TEST(Aggregate, GivesTheSameBytesForAnyBatchSizeAndOrderOfRows) {
  const RecordBatch input = random_table(900, 12);
  const Options all = options({"text", "flag"}, {{"n", "count(real)"},
                                                 {"sum", "sum(real)"},
                                                 {"std", "std(word)"},
                                                 {"low", "min(real)"},
                                                 {"high", "max(at)"},
                                                 {"top", "max(text)"},
                                                 {"m", "median(id)"}});
  const auto rows = rows_for_any_batch_size("aggregate", all, input);
  std::vector<std::uint32_t> backwards;
  for (std::uint32_t row = 900; row-- > 0;) backwards.push_back(row);
  EXPECT_EQ(run_operator("aggregate", all, input.take(backwards, BufferPool::shared())).rows(), rows);
}

TEST(Aggregate, CountsManyGroups) {
  std::vector<std::vector<testing::Value>> rows;
  for (std::int64_t i = 0; i < 60'000; ++i) rows.push_back({i * 7'919 % 20'011});
  const RecordBatch input = table({{"k", Type::kInt64}}, rows);
  const auto result =
      run_operator("aggregate", options({"k"}, {{"n", "count()"}}), testing::in_batches_of(input, 1'000));
  ASSERT_EQ(result.num_rows(), 20'011U);
  std::int64_t total = 0;
  std::int64_t expected = 0;
  for (const Batch& batch : result.batches) {
    for (std::size_t row = 0; row < batch.num_records(); ++row) {
      EXPECT_EQ(batch.record_batch().column(0).int64s()[row], expected++);
      total += batch.record_batch().column(1).int64s()[row];
    }
  }
  EXPECT_EQ(total, 60'000);
}

TEST(Aggregate, FailsWhenTheGroupsAlonePassTheMemoryLimit) {
  std::vector<std::vector<testing::Value>> rows;
  for (std::int64_t i = 0; i < 20'000; ++i) rows.push_back({i, 1.0});
  const RecordBatch input = table({{"k", Type::kInt64}, {"x", Type::kFloat64}}, rows);
  BufferPool pool(MemoryBudget(std::size_t{1} << 20));
  const auto result = run_operator("aggregate", options({"k"}, {{"s", "sum(x)"}}), testing::in_batches_of(input, 1'000),
                                   {.pool = &pool});
  ASSERT_FALSE(result.status);
  EXPECT_EQ(result.status.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(result.error(), HasSubstr("more than the memory limit of 1.0 MiB\n  try: raise memory_limit, or "));
}

TEST(Aggregate, ChargesTheValuesThatExactQuantilesKeep) {
  BufferPool pool(MemoryBudget(std::size_t{1} << 30));
  const RecordBatch input = random_table(10'000, 13);
  ASSERT_EQ(run_operator("aggregate", options({}, {{"q", "exact_quantile(id, 0.5)"}}),
                         testing::in_batches_of(input, 100), {.pool = &pool})
                .error(),
            "");
  EXPECT_GE(pool.budget().peak(), 10'000U * 8);
}

TEST(Aggregate, PointsAtWhatIsWrong) {
  EXPECT_THAT(run_operator("aggregate", options({}, {{"total", "sum(amuont)"}}), orders()).error(),
              ::testing::AllOf(::testing::StartsWith("total: "), HasSubstr("did you mean \"amount\"?")));
  EXPECT_THAT(run_operator("aggregate", options({"contry"}, {{"n", "count()"}}), orders()).error(),
              HasSubstr("country"));
  EXPECT_EQ(run_operator("aggregate", options({"country"}, {{"country", "count()"}}), orders()).status.error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(run_operator("aggregate", options({"country"}, {}), orders()).status.error().message(),
            "option \"compute\" names nothing to compute");
}

// Windows 1, 1, 2, (1: late), (null), 2, 5.
RecordBatch windowed() {
  const auto row = [](std::int64_t window, const char* key, std::int64_t x) {
    return std::vector<testing::Value>{window, std::string(key), x};
  };
  return table({{"w", Type::kInt64}, {"k", Type::kUtf8}, {"x", Type::kInt64}},
               {row(1, "b", 1),
                row(1, "a", 2),
                row(2, "a", 3),
                row(1, "a", 100),
                {nullptr, std::string("a"), std::int64_t{1}},
                row(2, "a", 4),
                row(5, "c", 6)});
}

Options by_window(const char* window) {
  Options given = options({"w", "k"}, {{"n", "count()"}, {"sum", "sum(x)"}});
  given.set("window", window);
  return given;
}

TEST(AggregateByWindow, EmitsAWindowAsSoonAsTheNextBegins) {
  const std::unique_ptr<Operator> op = Registry::global().make("aggregate", by_window("w")).value();
  testing::CollectingEmitter out;
  testing::CollectingErrors errors;
  const StopSignal stop;
  OperatorContext context{.name = "op", .pool = &BufferPool::shared(), .errors = &errors, .stop = &stop};
  const RecordBatch rows = windowed();
  ASSERT_TRUE(op->bind(StreamType::of_schema(rows.schema_ptr())));
  ASSERT_TRUE(op->open(context));
  ASSERT_TRUE(op->process(Batch(rows.head(2)), out));
  EXPECT_THAT(out.batches, ::testing::IsEmpty());  // there may be more of it
  ASSERT_TRUE(op->process(Batch(rows.take(std::vector<std::uint32_t>{2}, BufferPool::shared())), out));
  ASSERT_EQ(out.batches.size(), 1U);
  EXPECT_EQ(out.batches[0].record_batch().row_to_json(0), R"({"w":1,"k":"a","n":1,"sum":2})");
  EXPECT_EQ(out.batches[0].record_batch().row_to_json(1), R"({"w":1,"k":"b","n":1,"sum":1})");
}

TEST(AggregateByWindow, IsTheSameForAnyBatchSizeAndRejectsWhatComesTooLate) {
  for (const std::size_t size : {1, 2, 3, 100}) {
    const testing::HarnessResult result =
        run_operator("aggregate", by_window("w"), testing::in_batches_of(windowed(), size), {.on_error = skip()});
    EXPECT_EQ(result.error(), "");
    EXPECT_THAT(result.rows(), ElementsAre(R"({"w":1,"k":"a","n":1,"sum":2})", R"({"w":1,"k":"b","n":1,"sum":1})",
                                           R"({"w":2,"k":"a","n":2,"sum":7})", R"({"w":5,"k":"c","n":1,"sum":6})"));
    EXPECT_THAT(result.reasons(), ElementsAre("it comes too late: its window is over", HasSubstr("w is null")));
  }
}

TEST(AggregateByWindow, RowsThatFailAreRejectedInTheirOrderAndOpenNoWindow) {
  const auto row = [](std::int64_t window, std::int64_t x) { return std::vector<testing::Value>{window, x}; };
  const RecordBatch rows =
      table({{"w", Type::kInt64}, {"x", Type::kInt64}}, {row(2, 1), row(1, 1), row(9, 0), row(2, 2)});
  Options given = options({"w"}, {{"sum", "sum(10 / x)"}});
  given.set("window", "w");
  for (const std::size_t size : {1, 4}) {
    const testing::HarnessResult result =
        run_operator("aggregate", given, testing::in_batches_of(rows, size), {.on_error = skip()});
    EXPECT_EQ(result.rows().size(), 1U);
    EXPECT_THAT(result.reasons(), ElementsAre(HasSubstr("too late"), HasSubstr("zero")));
  }
}

TEST(AggregateByWindow, NeedsTheFirstColumnOfTheKeyWithAnOrder) {
  const auto error = [](const char* window, OptionValue::List by) {
    Options given = options(std::move(by), {{"n", "count()"}});
    given.set("window", window);
    return run_operator("aggregate", given, windowed()).error();
  };
  EXPECT_THAT(error("w", {"k", "w"}), HasSubstr("is not the first column of \"by\""));
  EXPECT_THAT(error("k", {"k"}), HasSubstr("a window is an int64 or a timestamp, but \"k\" is a utf8"));
}

}  // namespace
}  // namespace penstock
