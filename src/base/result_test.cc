// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <penstock/exception.h>

namespace penstock {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0)
    return Error(ErrorCode::kInvalidArgument, "expected an even number, found: " + std::to_string(value));
  return value / 2;
}

Result<int> quarter(int value) {
  PENSTOCK_ASSIGN(int once, half(value));
  return half(once);
}

TEST(Result, CarriesTheValueThroughAssign) { EXPECT_EQ(quarter(8).value(), 2); }

TEST(Result, ReturnsTheFirstError) {
  auto result = quarter(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().message(), "expected an even number, found: 3");
}

TEST(Result, ValueOfAnErrorThrowsTheErrorAsText) {
  EXPECT_THROW(half(1).value(), Exception);
  try {
    half(1).value();
  } catch (const Exception& exception) {
    EXPECT_STREQ(exception.what(), "expected an even number, found: 1");
  }
}

TEST(Error, TextNamesPlaceRecordRemedyAndCause) {
  auto error = Error(ErrorCode::kUserCode, "operator failed")
                   .at("score")
                   .at("")
                   .at("clean")
                   .record(7)
                   .hint("check the rates")
                   .caused_by(Error(ErrorCode::kNotFound, "no rate for: CHF"));
  EXPECT_EQ(error.to_text(),
            "clean/score: operator failed (record 7)\n  try: check the rates\n  cause: no rate for: CHF");
}

TEST(Error, OfAllPlacesInFilesKeepsTheMostExactInFront) {
  const auto named = [](auto... places) {
    Error error(ErrorCode::kNotFound, "no column");
    for (const char* place : {places...}) error = std::move(error).at(place);
    return error.where();
  };
  EXPECT_EQ(named("total", "a.toml:20:3", "derive", "a.toml:16:1"), "a.toml:20:3/derive/total");
  EXPECT_EQ(named("derive", "a.toml:16:1", "clean"), "a.toml:16:1/clean/derive");
  EXPECT_EQ(named("in.csv:7", "csv.read"), "in.csv:7/csv.read");
  EXPECT_EQ(named("in:csv", "step:", ":7"), ":7/step:/in:csv");
}

TEST(Error, UnavailableIsRetryableByDefaultAndInvalidArgumentIsNot) {
  EXPECT_TRUE(Error(ErrorCode::kUnavailable, "x").retryable());
  EXPECT_FALSE(Error(ErrorCode::kInvalidArgument, "x").retryable());
}

}  // namespace
}  // namespace penstock
