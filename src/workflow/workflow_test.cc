// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <penstock/workflow.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>

#include "platform/file.h"

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

TEST_F(Functions, AStageIsDoneForEachOfAListAndItsResultIsTheListOfTheirs) {
  std::atomic<int> calls{0};
  Workflow flow("each");
  const auto names = flow.param<std::string>("names", "cab");
  const auto list = flow.stage(
      {.name = "list"},
      [](const std::string& text) {
        std::vector<std::string> letters;
        for (const char c : text) letters.emplace_back(1, c);
        return letters;
      },
      names);
  const auto mark = flow.param<std::string>("mark", "!");
  const auto each = flow.for_each(
      {.name = "each", .cache = true},
      [&calls](const std::string& name, const std::string& m) {
        ++calls;
        return name + m;
      },
      list, mark);
  const auto all = flow.stage(
      {.name = "all"},
      [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += part;
        return text;
      },
      each);
  EXPECT_EQ(flow.value(flow.run(options_).value(), all).value(), "c!a!b!");
  EXPECT_EQ(calls, 3);
  ASSERT_TRUE(flow.set("names", "abcd"));  // one is new
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(flow.value(run, all).value(), "a!b!c!d!");
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(run.stages[1].items.size(), 4U);
  EXPECT_EQ(run.stages[1].items[0].status, StageStatus::kCached);
  ASSERT_TRUE(flow.set("names", ""));
  EXPECT_EQ(flow.value(flow.run(options_).value(), all).value(), "");
}

TEST_F(Functions, ItemsAreTriedAgainEachByItself) {
  std::atomic<int> calls{0};
  Workflow flow("each");
  const auto list = flow.stage({.name = "list"}, []() { return std::vector<int>{1, 2, 3}; });
  StageRetry retry{.max_attempts = 2, .delay = std::chrono::milliseconds(1)};
  const auto each = flow.for_each(
      {.name = "each", .retry = retry},
      [&calls](int number) -> Result<int> {
        if (++calls == 2) return Error(ErrorCode::kUnavailable, "not now");
        return number * 2;
      },
      list);
  const FileRun run = flow.run(options_).value();
  EXPECT_THAT(flow.value(run, each).value(), ElementsAre(2, 4, 6));
  EXPECT_EQ(calls, 4);
}

TEST(StagePlace, FollowsTheRule) {
  FileStage stage;
  stage.command.words = {"true"};
  EXPECT_EQ(mode_of(stage).mode, StageMode::kProcess);
  stage = {};
  EXPECT_EQ(mode_of(stage).mode, StageMode::kFunction);  // a pipeline
  Workflow flow("f");
  flow.stage({.name = "plain"}, []() { return 1; });
  flow.stage({.name = "risky", .may_crash = true}, []() { return 1; });
  flow.stage({.name = "process", .mode = StageMode::kProcess}, []() { return 1; });
  const std::vector<FileStage>& stages = flow.file().stages;
  EXPECT_EQ(mode_of(stages[0]).mode, StageMode::kFunction);
  EXPECT_EQ(mode_of(stages[1]).mode, StageMode::kProcess);
  EXPECT_STREQ(mode_of(stages[1]).reason, "it may crash");
  EXPECT_EQ(mode_of(stages[1], std::uint64_t{1} << 30).mode, StageMode::kFunction);
  EXPECT_STREQ(mode_of(stages[1], std::uint64_t{1} << 30).reason, "its inputs are large");
  EXPECT_EQ(mode_of(stages[2], std::uint64_t{1} << 30).mode, StageMode::kProcess);
}

class InProcesses : public Functions {
 protected:
  static StageOptions in_process(std::string name) {
    StageOptions options;
    options.name = std::move(name);
    options.mode = StageMode::kProcess;
    return options;
  }
};

TEST_F(InProcesses, ValuesGoThereAndBack) {
  const auto here = static_cast<std::int64_t>(::getpid());
  Workflow flow("processes");
  const auto width = flow.param<std::int64_t>("width", 4);
  const auto photo = flow.stage(in_process("probe"), [](std::int64_t w) { return Photo{"a.jpg", w}; }, width);
  const auto where =
      flow.stage(in_process("where"), [](const Photo&) { return static_cast<std::int64_t>(::getpid()); }, photo);
  const auto both = flow.stage(
      {.name = "both"}, [](const Photo& p, std::int64_t) { return p.name + std::to_string(*p.width); }, photo, where);
  const auto list = flow.stage({.name = "list"}, []() { return std::vector<int>{1, 2, 3}; });
  const auto each = flow.for_each(in_process("each"), [](int number) { return number * 2; }, list);
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(flow.value(run, both).value(), "a.jpg4");
  EXPECT_NE(flow.value(run, where).value(), here);
  EXPECT_THAT(flow.value(run, each).value(), ElementsAre(2, 4, 6));
}

TEST_F(InProcesses, AnErrorOrAnExceptionIsThatOfTheStage) {
  Workflow flow("processes");
  flow.settings().on_failure = OnFailure::kContinue;
  flow.stage(in_process("error"), []() -> Result<int> { return Error(ErrorCode::kNotFound, "no photo").hint("look"); });
  flow.stage(in_process("thrown"), []() -> int { throw std::runtime_error("no disk"); });
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.stages[0].outcome.status.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(run.stages[0].outcome.status.error().hint(), "look");
  EXPECT_THAT(run.stages[1].outcome.status.error().message(), HasSubstr("threw: no disk"));
}

TEST_F(InProcesses, ACrashFailsTheAttemptAndNotTheProgram) {
  const std::string mark = options_.store + "/crashed";
  Workflow flow("processes");
  StageOptions options = in_process("crashes");
  options.retry = {.max_attempts = 2, .delay = std::chrono::milliseconds(1), .retry_on = {"signal:9"}};
  const auto number = flow.stage(std::move(options), [mark]() {
    if (!std::filesystem::exists(mark)) {
      std::filesystem::create_directories(mark);
      ::kill(::getpid(), SIGKILL);
    }
    return 7;
  });
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(run.stages[0].attempts, 2U);
  EXPECT_EQ(flow.value(run, number).value(), 7);

  Workflow exits("exits");
  exits.stage(in_process("exits"), []() -> int { ::_exit(3); });
  const FileRun failed = exits.run(options_).value();
  EXPECT_THAT(failed.error.error().to_text(), HasSubstr("exit code 3"));
}

TEST_F(InProcesses, OneThatHangsIsEnded) {
  Workflow flow("processes");
  StageOptions options = in_process("hangs");
  options.timeout = std::chrono::milliseconds(50);
  flow.stage(std::move(options), []() -> int {
    while (true) ::pause();
  });
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.error.error().code(), ErrorCode::kTimeout);
}

TEST_F(Functions, OneInTheProgramThatIsLateSaysSo) {
  Workflow flow("late");
  flow.stage({.name = "late", .timeout = std::chrono::milliseconds(1)}, []() {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(5)) {
    }
    return 1;
  });
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.error.error().code(), ErrorCode::kTimeout);
  EXPECT_THAT(run.error.error().hint(), HasSubstr("cannot be stopped"));
}

TEST_F(Functions, AValueBeyondTheLimitIsRefused) {
  Workflow flow("large");
  flow.settings().max_value = 1000;
  flow.stage({.name = "large"}, []() { return std::string(2000, 'x'); });
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.error.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(run.error.error().hint(), HasSubstr("max_value"));
}

// ---- What is too large to be a value -------------------------------------------------------------------------------

class References : public Functions {
 protected:
  std::string file(const std::string& name) const { return options_.store + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(make_folders(options_.store));
    ASSERT_TRUE(write_file(file(name), text));
  }
};

TEST_F(References, SizeAndDigestAreFilledInWhenTheValueIsWrittenDown) {
  write("large.bin", "twelve bytes");
  Workflow flow("refers");
  const auto made = flow.stage({.name = "make"}, [path = file("large.bin")]() { return FileRef{path, 0, {}}; });
  const auto size = flow.stage({.name = "size"}, [](const FileRef& ref) { return ref.size_bytes; }, made);
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(flow.value(run, size).value(), 12);
  const FileRef ref = flow.value(run, made).value();
  EXPECT_EQ(ref.path(), file("large.bin"));
  EXPECT_EQ(ref.sha256.size(), 64U);
}

TEST_F(References, AFileThatChangedIsNoLongerWhatWasHandedOn) {
  write("large.bin", "before");
  Workflow flow("refers");
  const auto made =
      flow.stage({.name = "make"}, [path = file("large.bin")]() { return FileRef{"file://" + path, 0, {}}; });
  flow.stage(
      {.name = "spoil"},
      [path = file("large.bin")](const FileRef&) { return write_file(path, "behind its back").has_value(); }, made);
  const FileRun run = flow.run(options_).value();
  EXPECT_EQ(run.status, "failed");
  EXPECT_EQ(run.error.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(run.error.error().message(), HasSubstr("is not what a stage handed on"));
}

TEST_F(References, AKeptResultWhoseFileChangedIsMadeAgain) {
  write("large.bin", "one");
  Workflow flow("refers");
  flow.stage({.name = "make", .cache = true}, [path = file("large.bin")]() { return FileRef{path, 0, {}}; });
  EXPECT_EQ(flow.run(options_).value().stages[0].status, StageStatus::kDone);
  EXPECT_EQ(flow.run(options_).value().stages[0].status, StageStatus::kCached);
  write("large.bin", "another");
  EXPECT_EQ(flow.run(options_).value().stages[0].status, StageStatus::kDone);
}

TEST_F(References, OfWhatIsElsewhereTheMakerSaysTheDigest) {
  Workflow flow("refers");
  const auto made = flow.stage({.name = "make"}, []() {
    return std::vector<FileRef>{{"s3://bucket/photo.jpg", 5'000'000'000, std::string(64, 'a')}};
  });
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(flow.value(run, made).value()[0].size_bytes, 5'000'000'000);

  Workflow without("refers");
  without.stage({.name = "make"}, []() { return FileRef{"https://example.org/a", 1, {}}; });
  const FileRun failed = without.run(options_).value();
  EXPECT_EQ(failed.error.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(failed.error.error().message(), HasSubstr("has no digest"));
}

TEST_F(References, AParameterMayNameAFile) {
  write("photo.jpg", "photo");
  Workflow flow("refers");
  const auto photo = flow.file("photo", "nothing.jpg");
  const auto size = flow.stage({.name = "size"}, [](const FileRef& ref) { return ref.size_bytes; }, photo);
  ASSERT_TRUE(flow.set("photo", file("photo.jpg")));
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(flow.value(run, size).value(), 5);
}

TEST(FileRef, KnowsLocalPathsFromOtherUris) {
  EXPECT_EQ((FileRef{"a/b.csv", 0, {}}.path()), "a/b.csv");
  EXPECT_EQ((FileRef{"/a b", 0, {}}.path()), "/a b");
  EXPECT_EQ((FileRef{"file:///a%20b", 0, {}}.path()), "/a b");
  EXPECT_EQ((FileRef{"file://localhost/a", 0, {}}.path()), "/a");
  EXPECT_EQ((FileRef{"file:/a%2", 0, {}}.path()), "/a%2");
  EXPECT_FALSE((FileRef{"s3://bucket/a", 0, {}}.is_local()));
  EXPECT_FALSE((FileRef{"", 0, {}}.is_local()));
}

TEST_F(Functions, ALargeValueIsReadBackByWhoNeedsIt) {
  Workflow flow("large");
  const auto large = flow.stage({.name = "large"}, []() { return std::string(2 << 20, 'x'); });
  const auto size = flow.stage(
      {.name = "size"}, [](const std::string& text) { return static_cast<std::int64_t>(text.size()); }, large);
  const FileRun run = flow.run(options_).value();
  ASSERT_EQ(run.status, "done") << (run.error ? "" : run.error.error().to_text());
  EXPECT_EQ(flow.value(run, size).value(), 2 << 20);
  const std::string record = read_file(run.path + "/run.json").value();
  EXPECT_THAT(record, HasSubstr("\"passing\": \"serialised\""));
  EXPECT_THAT(record, HasSubstr("1 MiB or more"));
}

}  // namespace
}  // namespace penstock
