// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/workflow.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Photo {
  std::string name;
  std::optional<std::int64_t> width;
  PENSTOCK_FIELDS(name, width)
};

template <class T>
T there_and_back(const T& value) {
  std::string bytes;
  encode_value(bytes, value);
  detail::ValueReader reader{bytes};
  T read{};
  decode_value(reader, read);
  EXPECT_TRUE(reader.ok && reader.bytes.empty());
  return read;
}

TEST(StageValue, IsWrittenDownAndReadBack) {
  EXPECT_EQ(there_and_back<std::int8_t>(-3), -3);
  EXPECT_EQ(there_and_back(0.1), 0.1);
  EXPECT_EQ(there_and_back(1.5F), 1.5F);
  EXPECT_EQ(there_and_back(true), true);
  EXPECT_EQ(there_and_back(std::string("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_THAT(there_and_back(std::vector<std::vector<std::string>>{{"a"}, {}, {"b", "c"}}),
              ElementsAre(ElementsAre("a"), ElementsAre(), ElementsAre("b", "c")));
  const Photo photo = there_and_back(Photo{"x", 7});
  EXPECT_EQ(photo.name, "x");
  EXPECT_EQ(photo.width, 7);
  static_assert(!StageValue<int*>);
  static_assert(!StageValue<std::vector<void*>>);
}

TEST(StageValue, WhatIsCutOrTooLongIsSeen) {
  std::string bytes;
  encode_value(bytes, std::vector<std::string>{"abc", "d"});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    detail::ValueReader reader{std::string_view(bytes).substr(0, size)};
    std::vector<std::string> value;
    decode_value(reader, value);
    EXPECT_FALSE(reader.ok) << size;
  }
  bytes[7] = '\x7f';  // a length beyond all memory
  detail::ValueReader reader{bytes};
  std::vector<std::string> value;
  decode_value(reader, value);
  EXPECT_FALSE(reader.ok);
}

class Functions : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = ::testing::TempDir() + "penstock_workflow_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    options_.store = form;
  }
  void TearDown() override { std::filesystem::remove_all(options_.store); }

  FileRunOptions options_;
};

TEST_F(Functions, ValuesGoFromStageToStage) {
  Workflow flow("photos");
  const auto width = flow.param<std::int64_t>("width", 4);
  const auto photo = flow.stage({.name = "probe"}, [](std::int64_t w) { return Photo{"a.jpg", w}; }, width);
  const auto twice =
      flow.stage({.name = "twice"}, [](const Photo& p) -> Result<std::int64_t> { return *p.width * 2; }, photo);
  const auto text = flow.stage(
      {.name = "text"}, [](const Photo& p, std::int64_t n) { return p.name + std::to_string(n); }, photo, twice);
  ASSERT_TRUE(flow.set("width", "5"));
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(flow.value(run, text).value(), "a.jpg10");
}

TEST_F(Functions, AnErrorOrAnExceptionFailsTheStageAndIsTriedAgain) {
  std::atomic<int> calls{0};
  Workflow flow("flaky");
  StageRetry retry{.max_attempts = 4, .delay = std::chrono::milliseconds(1)};
  const auto number = flow.stage({.name = "number", .retry = retry}, [&calls]() -> Result<int> {
    if (++calls == 1) throw std::runtime_error("not yet");
    if (calls == 2) return Error(ErrorCode::kUnavailable, "nor now");
    return 7;
  });
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.status, "done");
  EXPECT_EQ(run.stages[0].attempts, 3U);
  EXPECT_EQ(flow.value(run, number).value(), 7);

  Workflow failing("failing");
  failing.stage({.name = "bad"}, []() -> int { throw std::runtime_error("no disk"); });
  const FileRun failed = failing.run(options_).value();
  EXPECT_EQ(failed.status, "failed");
  EXPECT_THAT(failed.error.error().to_text(), HasSubstr("the function of stage \"bad\" threw: no disk"));
}

TEST_F(Functions, AFallbackTakesThePlace) {
  Workflow flow("thumbs");
  const auto thumb =
      flow.stage({.name = "thumb"}, []() -> Result<std::string> { return Error(ErrorCode::kUnavailable, "no"); });
  flow.or_else(thumb, []() -> std::string { return "grey"; });
  const auto shown = flow.stage({.name = "show"}, [](const std::string& t) { return "<" + t + ">"; }, thumb);
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.status, "done");
  EXPECT_EQ(run.stages[0].status, StageStatus::kFallback);
  EXPECT_EQ(flow.value(run, shown).value(), "<grey>");
}

TEST_F(Functions, AResumedRunTakesOverWhatWasDoneAndACachedStageIsNotCalledAgain) {
  std::atomic<int> first_calls{0};
  std::atomic<int> cached_calls{0};
  bool fail = true;
  Workflow flow("resumed");
  const auto first = flow.stage({.name = "first"}, [&]() { return ++first_calls; });
  const auto cached = flow.stage({.name = "cached", .cache = true}, [&]() { return ++cached_calls; });
  const auto sum = flow.stage(
      {.name = "sum"},
      [&](int a, int b) -> Result<int> {
        if (fail) return Error(ErrorCode::kUnavailable, "not yet");
        return a + b;
      },
      first, cached);
  const FileRun failed = flow.run(options_).value();
  EXPECT_EQ(failed.status, "failed");
  fail = false;
  options_.reuse_run = failed.id;
  const FileRun resumed = flow.run(options_).value();
  EXPECT_EQ(resumed.status, "done");
  EXPECT_EQ(resumed.stages[0].status, StageStatus::kCached);
  EXPECT_EQ(flow.value(resumed, sum).value(), 2);
  EXPECT_EQ(first_calls, 1);
  options_.reuse_run.clear();
  EXPECT_EQ(flow.run(options_).value().status, "done");
  EXPECT_EQ(first_calls, 2);
  EXPECT_EQ(cached_calls, 1);
}

TEST_F(Functions, MixWithCommands) {
  Workflow flow("mixed");
  const auto number = flow.stage({.name = "number"}, []() { return std::string("x"); });
  FileStage command;
  command.name = "count";
  command.command.words = {"wc", "-c", "{number.artifacts}/value.bin"};
  command.inputs.push_back({"", number.stage, "value.bin", false, {}});
  flow.add(command);
  EXPECT_EQ(flow.run(options_).value().status, "done");
}

TEST_F(Functions, WrongNamesAreReportedBeforeAnythingRuns) {
  std::atomic<int> calls{0};
  const auto count = [&calls]() { return ++calls; };
  Workflow twice("twice");
  twice.stage({.name = "a"}, count);
  twice.stage({.name = "a"}, count);
  EXPECT_EQ(twice.run(options_).error().code(), ErrorCode::kAlreadyExists);
  Workflow unknown("unknown");
  unknown.stage({.name = "a", .after = {"b"}}, count);
  EXPECT_THAT(unknown.run(options_).error().to_text(), HasSubstr("unknown stage: \"b\""));
  Workflow unnamed("unnamed");
  unnamed.stage({}, count);
  EXPECT_EQ(unnamed.run(options_).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(unnamed.set("x", "1").error().to_text(), HasSubstr("unknown parameter: \"x\""));
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace penstock
