// SPDX-License-Identifier: MIT
// For the tests of this folder: tables of random rows with everything that is awkward in a key, and the check that the
// batch size does not matter.
#pragma once

#include <gtest/gtest.h>
#include <penstock/testing.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "data/random.h"

namespace penstock::testing {

/// Columns word: int64, real: float64, flag: bool, text: utf8, at: timestamp, id: int64 (the number of the row); values
/// come from a few each, among them null, NaN, -0, infinity, the empty text and a text with a NUL.
inline RecordBatch random_table(std::size_t rows, std::uint64_t seed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Value> words = {nullptr, std::int64_t{0}, std::int64_t{-1}, std::int64_t{7}, INT64_MIN, INT64_MAX};
  const std::vector<Value> reals = {nullptr, 0.0, -0.0, 1.5, -1e300, nan, -nan, HUGE_VAL};
  const std::vector<Value> flags = {nullptr, true, false};
  const std::vector<Value> texts = {nullptr,           std::string(),    std::string("a"),      std::string("a\0", 2),
                                    std::string("ab"), std::string("ä"), std::string("a\0b", 3)};
  const std::vector<Value> times = {nullptr, std::int64_t{0}, std::int64_t{-86'400'000'000}};
  std::vector<std::vector<Value>> table_rows;
  for (std::size_t row = 0; row < rows; ++row) {
    Random random(seed, 0, row);
    const auto pick = [&random](const std::vector<Value>& from) {
      return from[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(from.size()) - 1))];
    };
    table_rows.push_back(
        {pick(words), pick(reals), pick(flags), pick(texts), pick(times), static_cast<std::int64_t>(row)});
  }
  return table({{"word", Type::kInt64},
                {"real", Type::kFloat64},
                {"flag", Type::kBool},
                {"text", Type::kUtf8},
                {"at", Type::kTimestamp},
                {"id", Type::kInt64}},
               table_rows);
}

/// Runs the operator on `input` cut into batches of many sizes and expects the same rows, and returns them.
inline std::vector<std::string> rows_for_any_batch_size(const char* name, const Options& options,
                                                        const RecordBatch& input) {
  const HarnessResult whole = run_operator(name, options, input);
  EXPECT_EQ(whole.error(), "");
  for (const std::size_t size : {1, 7, 64, 1000}) {
    const HarnessResult cut = run_operator(name, options, in_batches_of(input, size), {.batch_size = size});
    EXPECT_EQ(cut.error(), "") << "batches of " << size;
    EXPECT_EQ(cut.rows(), whole.rows()) << "batches of " << size;
    for (const Batch& batch : cut.batches) EXPECT_LE(batch.num_records(), size);
  }
  return whole.rows();
}

}  // namespace penstock::testing
