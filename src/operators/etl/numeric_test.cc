// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <optional>

#include "operators/etl/numeric_steps.h"
#include "operators/etl/random_table.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::HarnessResult;
using ::testing::HasSubstr;
using testing::random_table;
using testing::rows_for_any_batch_size;
using testing::run_operator;
using testing::table;

using Cell = std::optional<double>;  // nothing: null

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

OptionValue step(const char* name, OptionValue argument) { return OptionValue::Table{{name, std::move(argument)}}; }
OptionValue pair(OptionValue a, OptionValue b) { return OptionValue::List{std::move(a), std::move(b)}; }

Options numeric(OptionValue::List steps, std::vector<OptionValue::Entry> more = {}) {
  Options options = {{"columns", "x"}, {"steps", std::move(steps)}};
  for (OptionValue::Entry& entry : more) options.set(entry.name, std::move(entry.value));
  return options;
}

/// The column x of what comes out, with batches of `size` rows.
std::vector<Cell> results(const Options& options, const RecordBatch& input, std::size_t size = 1 << 20) {
  const HarnessResult result = run_operator("numeric", options, testing::in_batches_of(input, size));
  EXPECT_EQ(result.error(), "");
  std::vector<Cell> cells;
  for (const Batch& batch : result.batches) {
    const Column& column = batch.record_batch().column(0);
    EXPECT_EQ(column.type(), Type::kFloat64);
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (column.is_null(row)) {
        EXPECT_EQ(column.float64s()[row], 0.0) << "values under nulls are zero";
      }
      cells.push_back(column.is_null(row) ? Cell() : Cell(column.float64s()[row]));
    }
  }
  return cells;
}

/// Equal bits, with nulls at the same rows.
std::vector<std::optional<std::uint64_t>> bits_of(const std::vector<Cell>& cells) {
  std::vector<std::optional<std::uint64_t>> bits;
  for (const Cell& cell : cells) {
    bits.push_back(cell ? std::optional(std::bit_cast<std::uint64_t>(std::isnan(*cell) ? kNan : *cell)) : std::nullopt);
  }
  return bits;
}

/// Columns x: float64, i: int64, y: float64, of random rows with nulls, NaN, infinities and integers beyond 2^53.
RecordBatch random_numbers(std::size_t rows, std::uint64_t seed, bool whole = false) {
  std::vector<std::vector<testing::Value>> cells;
  for (std::size_t row = 0; row < rows; ++row) {
    Random random(seed, 0, row);
    const auto real = [&]() -> testing::Value {
      const auto kind = random.integer(0, 30);
      if (kind == 0) return nullptr;
      if (kind == 1 && !whole) return random.integer(0, 1) == 0 ? kNan : -kInfinity;
      const auto number = static_cast<double>(random.integer(-1000, 5000));
      return whole ? number : number / 7;
    };
    const testing::Value x = real();
    const std::int64_t integer = random.integer(-5, 5) << random.integer(0, 60);
    cells.push_back({x, random.integer(0, 20) == 0 ? testing::Value(nullptr) : testing::Value(integer), real()});
  }
  return table({{"x", Type::kFloat64}, {"i", Type::kInt64}, {"y", Type::kFloat64}}, cells);
}

/// One column x of these values.
RecordBatch column_of(const std::vector<testing::Value>& values) {
  std::vector<std::vector<testing::Value>> rows;
  for (const testing::Value& value : values) rows.push_back({value});
  return table({{"x", Type::kFloat64}}, rows);
}

Cell cell(const Column& column, std::size_t row) {
  if (column.is_null(row)) return {};
  return column.type() == Type::kFloat64 ? column.float64s()[row] : static_cast<double>(column.int64s()[row]);
}

/// `f` of x, or of x and another column, row by row.
std::vector<Cell> expected(const RecordBatch& input, const std::function<double(double, double)>& f,
                           std::size_t other = 0) {
  std::vector<Cell> cells;
  for (std::size_t row = 0; row < input.num_rows(); ++row) {
    const Cell a = cell(input.column(0), row);
    const Cell b = cell(input.column(other), row);
    cells.push_back(a && b ? Cell(f(*a, *b)) : Cell());
  }
  return cells;
}

constexpr std::size_t kSizes[] = {1, 7, 64, 1000, 1024, 5000};

TEST(Numeric, DoesEachStepAsAPlainLoopWould) {
  const RecordBatch input = random_numbers(3000, 1);
  struct Case {
    OptionValue step;
    std::function<double(double, double)> f;
    std::size_t other = 0;
  };
  const std::vector<Case> cases = {
      {step("affine", pair(2.5, -1)), [](double x, double) { return x * 2.5 + -1; }},
      {"sqrt", [](double x, double) { return std::sqrt(x); }},
      {step("clamp", pair(-10, 100.5)), [](double x, double) { return x < -10     ? -10
                                                                      : x > 100.5 ? 100.5
                                                                                  : x; }},
      {step("zscore", pair(300, 1.75)), [](double x, double) { return (x - 300) / 1.75; }},
      {step("add", "y"), [](double x, double y) { return x + y; }, 2},
      {step("subtract", "i"), [](double x, double i) { return x - i; }, 1},
      {step("multiply", "i"), [](double x, double i) { return x * i; }, 1},
      {step("divide", "y"), [](double x, double y) { return x / y; }, 2},
  };
  for (const Case& each : cases) {
    const auto reference = bits_of(expected(input, each.f, each.other));
    for (const std::size_t size : kSizes) {
      EXPECT_TRUE(bits_of(results(numeric({each.step}), input, size)) == reference)
          << each.step.to_text() << " with batches of " << size;
    }
  }
}

TEST(Numeric, ComputesLog1pNearerThanTheLastPlace) {
  const RecordBatch input = random_numbers(2000, 2);
  const auto found = results(numeric({"log1p"}), input);
  for (std::size_t row = 0; row < input.num_rows(); ++row) {
    const Cell x = cell(input.column(0), row);
    ASSERT_EQ(found[row].has_value(), x.has_value());
    if (!x) continue;
    const double exact = static_cast<double>(std::log1p(static_cast<long double>(*x)));
    if (std::isfinite(exact)) {
      EXPECT_NEAR(*found[row], exact, std::abs(exact) * 0x1p-52) << *x;
    } else {
      EXPECT_EQ(std::isnan(*found[row]), std::isnan(exact)) << *x;
    }
  }
}

TEST(Numeric, DoesTheStepsInOrderOnWhatTheOneBeforeLeft) {
  const RecordBatch input = random_numbers(3000, 3);
  const auto reference =
      bits_of(expected(input, [](double x, double y) { return std::sqrt(std::max(((x * 0.5 + 3) - y) / 4, 0.0)); }, 2));
  const OptionValue::List steps = {step("affine", pair(0.5, 3)), step("subtract", "y"), step("zscore", pair(0, 4)),
                                   step("clamp", pair(0, kInfinity)), "sqrt"};
  auto found = bits_of(results(numeric(steps), input, 900));
  for (std::size_t row = 0; row < found.size(); ++row) {
    // std::max hides a NaN that clamp keeps
    if (found[row] == std::bit_cast<std::uint64_t>(kNan)) found[row] = reference[row];
    EXPECT_EQ(found[row], reference[row]) << row;
  }
}

TEST(Numeric, TurnsIntegersIntoTheNearestFloats) {
  const RecordBatch input = table(
      {{"x", Type::kInt64}}, {{std::int64_t{7}}, {(std::int64_t{1} << 53) + 1}, {INT64_MAX}, {INT64_MIN}, {nullptr}});
  EXPECT_THAT(results(numeric({step("affine", pair(1, 0))}), input),
              ElementsAre(Cell(7), Cell(0x1p53), Cell(0x1p63), Cell(-0x1p63), Cell()));
}

TEST(Numeric, WorksOnManyColumnsAndAddsNewOnesWithASuffix) {
  const RecordBatch input = table({{"a", Type::kInt64}, {"t", Type::kUtf8}, {"b", Type::kFloat64}},
                                  {{std::int64_t{3}, std::string("q"), 0.5}, {nullptr, std::string("r"), 8.0}});
  const Options options = {
      {"columns", OptionValue::List{"b", "a"}}, {"steps", OptionValue::List{step("multiply", "b")}}, {"suffix", "_b"}};
  const auto added = run_operator("numeric", options, input);
  EXPECT_THAT(added.rows(), ElementsAre(R"({"a":3,"t":"q","b":0.5,"b_b":0.25,"a_b":1.5})",
                                        R"({"a":null,"t":"r","b":8.0,"b_b":64.0,"a_b":null})"));
  Options in_place = options;
  in_place.set("suffix", "");
  const auto replaced = run_operator("numeric", in_place, input);
  EXPECT_EQ(replaced.type.schema->to_text(), "a: float64, t: utf8, b: float64");
  // the other column is the one of the input, although b was worked on before a
  EXPECT_EQ(replaced.rows().at(0), R"({"a":1.5,"t":"q","b":0.25})");
}

// ---- Moving windows ------------------------------------------------------------------------------------------------

/// What a window of `size` rows gives at each row that is not null, from the numbers in it.
std::vector<Cell> naive_windows(const RecordBatch& input, std::size_t size,
                                const std::function<double(const std::vector<double>&)>& reduce) {
  std::vector<Cell> cells;
  for (std::size_t row = 0; row < input.num_rows(); ++row) {
    std::vector<double> window;
    for (std::size_t i = row + 1 < size ? 0 : row + 1 - size; i <= row; ++i) {
      if (const Cell value = cell(input.column(0), i)) window.push_back(*value);
    }
    cells.push_back(cell(input.column(0), row) ? Cell(reduce(window)) : Cell());
  }
  return cells;
}

double sum_of(const std::vector<double>& window) {
  double sum = 0;
  for (const double value : window) sum += value;
  return sum;
}
double least_of(const std::vector<double>& window) {
  for (const double value : window) {
    if (std::isnan(value)) return kNan;
  }
  return *std::min_element(window.begin(), window.end());
}
double greatest_of(const std::vector<double>& window) {
  for (const double value : window) {
    if (std::isnan(value)) return kNan;
  }
  return *std::max_element(window.begin(), window.end());
}

TEST(Numeric, ReducesMovingWindowsAsALoopOverEachWouldForAnyBatchSize) {
  // whole numbers, so that every order of adding gives the same sum
  const RecordBatch input = random_numbers(3000, 4, true);
  for (const std::size_t window : {1, 2, 3, 7, 8, 100, 1023, 1500, 5000}) {
    const auto rows = static_cast<std::int64_t>(window);
    const auto sums = bits_of(naive_windows(input, window, sum_of));
    const auto means = bits_of(naive_windows(
        input, window, [](const auto& values) { return sum_of(values) / static_cast<double>(values.size()); }));
    for (const std::size_t size : kSizes) {
      EXPECT_TRUE(bits_of(results(numeric({step("moving_sum", rows)}), input, size)) == sums) << window << " " << size;
      EXPECT_TRUE(bits_of(results(numeric({step("moving_mean", rows)}), input, size)) == means)
          << window << " " << size;
    }
  }
}

TEST(Numeric, FindsTheLeastAndTheGreatestOfMovingWindowsWithNan) {
  const RecordBatch input = random_numbers(3000, 5);
  for (const std::size_t window : {1, 2, 5, 64, 300}) {
    const auto rows = static_cast<std::int64_t>(window);
    const auto least = bits_of(naive_windows(input, window, least_of));
    const auto greatest = bits_of(naive_windows(input, window, greatest_of));
    for (const std::size_t size : kSizes) {
      EXPECT_TRUE(bits_of(results(numeric({step("moving_min", rows)}), input, size)) == least) << window << " " << size;
      EXPECT_TRUE(bits_of(results(numeric({step("moving_max", rows)}), input, size)) == greatest)
          << window << " " << size;
    }
  }
}

TEST(Numeric, SumsOfWindowsHaveTheSameBitsForAnyBatchSizeAndAreNear) {
  const RecordBatch input = random_numbers(4000, 6);
  for (const std::int64_t window : {3, 50, 1000}) {
    const auto whole = results(numeric({step("moving_sum", window)}), input);
    for (const std::size_t size : kSizes) {
      EXPECT_TRUE(bits_of(results(numeric({step("moving_sum", window)}), input, size)) == bits_of(whole)) << size;
    }
    const auto near = naive_windows(input, static_cast<std::size_t>(window), sum_of);
    for (std::size_t row = 0; row < whole.size(); ++row) {
      if (whole[row] && std::isfinite(*near[row])) {
        EXPECT_NEAR(*whole[row], *near[row], 1e-6) << row;
      }
    }
  }
}

TEST(Numeric, ForgetsANanOnceItHasLeftTheWindow) {
  EXPECT_THAT(
      bits_of(results(numeric({step("moving_sum", 2)}), column_of({1.0, kNan, 2.0, kInfinity, -kInfinity, 5.0, 6.0}))),
      ::testing::ElementsAreArray(bits_of({1.0, kNan, kNan, kInfinity, kNan, -kInfinity, 11.0})));
}

TEST(Numeric, LetsNullsTakeAPlaceInTheWindowAndCountForNothing) {
  const RecordBatch input = column_of({4.0, nullptr, 8.0, nullptr, nullptr, 2.0});
  EXPECT_THAT(results(numeric({step("moving_mean", 3)}), input), ElementsAre(4.0, Cell(), 6.0, Cell(), Cell(), 2.0));
  EXPECT_THAT(results(numeric({step("moving_max", 4)}), input), ElementsAre(4.0, Cell(), 8.0, Cell(), Cell(), 8.0));
}

TEST(Numeric, MovesOverWhatTheStepsBeforeLeft) {
  EXPECT_THAT(results(numeric({step("affine", pair(2, 0)), step("moving_sum", 2), step("moving_max", 2)}),
                      column_of({1.0, 5.0, 1.0, 0.0})),
              ElementsAre(2.0, 12.0, 12.0, 12.0));
}

TEST(Numeric, IsStatelessUnlessAWindowMoves) {
  const auto traits = [](const Options& options) { return (*Registry::global().make("numeric", options))->traits(); };
  EXPECT_TRUE(traits(numeric({"sqrt"})).stateless);
  EXPECT_FALSE(traits(numeric({"sqrt", step("moving_min", 3)})).stateless);
  EXPECT_EQ(traits(numeric({"sqrt"})).rows, RowEffect::kKeeps);
  EXPECT_EQ(traits(numeric({"sqrt"}, {{"keep_min", 1}})).rows, RowEffect::kDrops);
}

TEST(Numeric, FailsWhenItsWindowsAloneAreLargerThanTheMemoryLimit) {
  BufferPool pool(MemoryBudget(1 << 20));
  const auto result =
      run_operator("numeric", numeric({step("moving_sum", 1'000'000)}), column_of({1.0}), {.pool = &pool});
  EXPECT_THAT(result.error(), AllOf(HasSubstr("moving windows"), HasSubstr("use shorter ones")));
}

// ---- Bounds --------------------------------------------------------------------------------------------------------

TEST(Numeric, KeepsTheRowsWhoseResultsAreWithinBounds) {
  const RecordBatch input = random_numbers(3000, 8);
  std::vector<std::string> reference;
  for (std::size_t row = 0; row < input.num_rows(); ++row) {
    const Cell x = cell(input.column(0), row);
    const Cell i = cell(input.column(1), row);
    if (x && i && *x * 2 >= -100 && *x * 2 <= 900 && *i * 2 >= -100 && *i * 2 <= 900) {
      reference.push_back(
          table({{"x", Type::kFloat64}, {"i", Type::kFloat64}, {"y", Type::kFloat64}},
                {{*x * 2, *i * 2,
                  cell(input.column(2), row) ? testing::Value(*cell(input.column(2), row)) : testing::Value(nullptr)}})
              .row_to_json(0));
    }
  }
  const Options options = {{"columns", OptionValue::List{"x", "i"}},
                           {"steps", OptionValue::List{step("affine", pair(2, 0))}},
                           {"keep_min", -100},
                           {"keep_max", 900.0}};
  EXPECT_EQ(rows_for_any_batch_size("numeric", options, input), reference);
}

TEST(Numeric, ComparesIntegersExactlyAndLeavesThemAsTheyAreWithoutSteps) {
  constexpr std::int64_t kBig = (std::int64_t{1} << 53) + 1;  // no double
  const RecordBatch input =
      table({{"x", Type::kInt64}}, {{kBig - 1}, {kBig}, {std::int64_t{3}}, {nullptr}, {INT64_MAX}});
  const auto kept = [&](OptionValue least, OptionValue most) {
    return rows_for_any_batch_size("numeric", {{"columns", "x"}, {"keep_min", least}, {"keep_max", most}}, input);
  };
  EXPECT_THAT(kept(0x1p53 + 2, kInfinity), ElementsAre(R"({"x":9223372036854775807})"));
  EXPECT_THAT(kept(3.5, 0x1p53), ElementsAre(R"({"x":9007199254740992})"));
  EXPECT_THAT(kept(-kInfinity, 3.0), ElementsAre(R"({"x":3})"));
  EXPECT_THAT(kept(3.1, 3.9), ElementsAre());
  EXPECT_THAT(kept(0x1p63, kInfinity), ElementsAre());
  EXPECT_THAT(kept(-kInfinity, -0x1p64), ElementsAre());
}

TEST(Numeric, DropsNanAndNullWhenThereAreBounds) {
  const auto rows = rows_for_any_batch_size("numeric", {{"columns", "x"}, {"keep_min", -kInfinity}},
                                            column_of({kNan, nullptr, -kInfinity, 2.0, kInfinity}));
  EXPECT_EQ(rows.size(), 3U);
}

TEST(Numeric, GivesTheSameRowsForAnyBatchSize) {
  const Options options = {{"columns", OptionValue::List{"real", "word"}},
                           {"steps", OptionValue::List{"log1p", step("moving_mean", 5), step("add", "id")}},
                           {"suffix", "_n"}};
  EXPECT_EQ(rows_for_any_batch_size("numeric", options, random_table(1500, 11)).size(), 1500U);
}

// ---- What is refused -----------------------------------------------------------------------------------------------

TEST(Numeric, SaysWhatIsWrongWithAStep) {
  const RecordBatch input = random_numbers(1, 9);
  const auto error = [&](OptionValue step) {
    return run_operator("numeric", numeric({std::move(step)}), input).error();
  };
  EXPECT_THAT(error("lgo1p"), AllOf(HasSubstr("there is no step \"lgo1p\""), HasSubstr("did you mean \"log1p\"?")));
  EXPECT_THAT(error("affine"), HasSubstr("the step \"affine\" is written { affine = [FACTOR, SUMMAND] }, but found"));
  EXPECT_THAT(error(step("sqrt", 2)), HasSubstr("the step \"sqrt\" is written \"sqrt\", but found { sqrt = 2 }"));
  EXPECT_THAT(error(step("affine", pair(1, "x"))), HasSubstr("is written { affine"));
  EXPECT_THAT(error(step("affine", pair(kInfinity, 1))), HasSubstr("must be finite"));
  EXPECT_THAT(error(step("clamp", pair(2, 1))), HasSubstr("not above the most, but found [2, 1]"));
  EXPECT_THAT(error(step("clamp", pair(kNan, 1))), HasSubstr("is written { clamp"));
  EXPECT_THAT(error(step("zscore", pair(2, 0))), AllOf(HasSubstr("above 0"), HasSubstr("normalize finds")));
  EXPECT_THAT(error(step("moving_sum", 0)), HasSubstr("a window of 1 to 1000000 rows, but found 0"));
  EXPECT_THAT(error(step("moving_sum", 2.5)), HasSubstr("{ moving_sum = ROWS }"));
  EXPECT_THAT(error(step("add", "z")), HasSubstr("no column \"z\""));
  EXPECT_THAT(error(step("add", 3)), HasSubstr("{ add = \"COLUMN\" }"));
  EXPECT_THAT(error(3), HasSubstr("a step is a text or a table with one entry, but found 3"));
  EXPECT_THAT(error(OptionValue::Table{{"sqrt", 1}, {"log1p", 1}}), HasSubstr("a table with one entry"));
}

TEST(Numeric, NamesThePlaceInTheFile) {
  OptionValue wrong("lgo1p");
  wrong.place = {"orders.toml", 7, 10};
  EXPECT_THAT(run_operator("numeric", numeric({wrong}), random_numbers(1, 9)).error(),
              ::testing::StartsWith("orders.toml:7:10: "));
}

TEST(Numeric, RefusesColumnsThatAreNoNumbersAndHavingNothingToDo) {
  const RecordBatch input = random_table(1, 1);
  EXPECT_THAT(run_operator("numeric", {{"columns", "text"}, {"steps", OptionValue::List{"sqrt"}}}, input).error(),
              HasSubstr("numeric works on int64 and float64, but column \"text\" is utf8"));
  EXPECT_THAT(run_operator("numeric", {{"columns", "at"}, {"keep_min", 1}}, input).error(),
              HasSubstr("\"at\" is timestamp"));
  EXPECT_THAT(run_operator("numeric", {{"columns", "real"}}, input).error(), HasSubstr("nothing to do"));
  EXPECT_THAT(run_operator("numeric", {{"columns", OptionValue::List{}}, {"keep_min", 1}}, input).error(),
              HasSubstr("names no column"));
  EXPECT_THAT(run_operator("numeric", {{"columns", "real"}, {"keep_min", kNan}}, input).error(),
              HasSubstr("must not be nan"));
}

// ---- All targets ---------------------------------------------------------------------------------------------------

TEST(NumericSteps, GiveTheSameBitsWithEveryTargetOfThisProcessor) {
  const RecordBatch input = random_numbers(5000, 12);
  const std::vector<NumericStep> steps = {
      {.map = &LaneKernels::affine, .a = 1.7, .b = 0.3},
      {.kind = NumericStep::Kind::kCombine, .combine = &LaneKernels::divide, .other = 2},
      {.map = &LaneKernels::log1p},
      {.kind = NumericStep::Kind::kMoving, .moving = MovingWindow::Kind::kMean, .window = 77},
      {.kind = NumericStep::Kind::kCombine, .combine = &LaneKernels::subtract, .other = 1},
      {.map = &LaneKernels::square_root}};
  const auto words = [&](const LaneKernels& kernels) {
    const Column column = NumericSteps(steps, kernels).apply(input, 0, BufferPool::shared());
    std::vector<std::uint64_t> bits;
    for (const double value : column.float64s()) bits.push_back(std::bit_cast<std::uint64_t>(value));
    return bits;
  };
  const auto plain = words(plain_lane_kernels());
  if (vector_lane_kernels().empty()) GTEST_SKIP() << "SKIPPED: this build has no Highway; apt-get install libhwy-dev";
  for (const LaneKernels* const target : vector_lane_kernels()) EXPECT_TRUE(words(*target) == plain) << target->name;
}

}  // namespace
}  // namespace penstock
