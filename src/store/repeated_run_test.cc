// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "platform/file.h"
#include "platform/machine.h"
#include "store/digest.h"
#include "store/run_grounds.h"
#include "store/run_store.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

class Repeats : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = ::testing::TempDir() + "penstock_repeats_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    root_ = form;
    RunFolder run = store().create().value();
    first_ = run.id();
    run.write("run.json", R"({"version": 1, "run_id": ")" + first_ +
                              R"(", "name": "w", "status": "done", "started_at": "2026-11-20T10:15:00Z"})")
        .value();
    run.write("manifest.json", R"({"version": 1, "run_id": ")" + first_ + R"(", "status": "done", "stages": [)" +
                                   R"({"stage": "a", "status": "done", "attempts": 1, "cache_hit": false},)" +
                                   R"({"stage": "b", "status": "skipped", "attempts": 0, "cache_hit": false}]})")
        .value();
    run.make_stage("a").value();
    write_file(run.artifacts_of("a") + "/x", "content").value();
    run.publish_latest().value();
  }
  void TearDown() override { fs::remove_all(root_); }

  RunStore store() const { return RunStore(root_); }
  std::string repeat(const std::string& of) const {
    RunFolder run = store().create_repeat(of, {now_micros(), "penstock test", {"penstock", "run"}}, false).value();
    run.publish_latest().value();
    return run.id();
  }
  std::string content(const std::string& run) const {
    return read_file(RunFolder(root_, run).artifacts_of("a") + "/x").value();
  }
  nlohmann::json stages(const std::string& run) const {
    return nlohmann::json::parse(store().read_text(run, "manifest.json").value())["stages"];
  }

  std::string root_;
  std::string first_;
};

TEST_F(Repeats, AreRunsOfTheirOwnInTheFolderOfAnother) {
  const std::string second = repeat(first_);
  EXPECT_EQ(store().list().value().size(), 2U);
  const StoredRun run = store().read(second).value();
  EXPECT_EQ(run.id, second);
  EXPECT_EQ(run.name, "w");
  EXPECT_EQ(run.status, "done");
  EXPECT_NE(run.started_at, "2026-11-20T10:15:00Z");
  EXPECT_EQ(content(second), "content");
  EXPECT_EQ(store().find("latest").value(), second);
  EXPECT_EQ(RunFolder(root_, second).maker_of("a"), first_);
  EXPECT_EQ(store().size_bytes(second), 0U);
}

TEST_F(Repeats, SayThatTheirStagesWereKept) {
  const std::string second = repeat(first_);
  EXPECT_EQ(stages(second)[0]["status"], "cached");
  EXPECT_EQ(stages(second)[0]["reason"], "kept from run " + first_);
  EXPECT_EQ(stages(second)[1]["status"], "skipped");
  EXPECT_EQ(stages(first_)[0]["status"], "done");
}

TEST_F(Repeats, GetTheFolderWhenTheRunIsRemoved) {
  const std::string second = repeat(first_);
  const std::string third = repeat(first_);
  RunFolder other = store().create().value();
  other.write("run.json", R"({"version": 1, "name": "w", "status": "done", "started_at": "2026-11-20T10:15:00Z"})")
      .value();
  other.link_stage("a", first_).value();
  store().remove(first_).value();
  for (const std::string& run : {second, third, other.id()}) EXPECT_EQ(content(run), "content");
  EXPECT_EQ(stages(second)[0]["status"], "cached");
  EXPECT_EQ(stages(third)[0]["status"], "cached");
  EXPECT_EQ(store().list().value().size(), 3U);
  store().remove(third).value();
  store().remove(second).value();
  EXPECT_EQ(content(other.id()), "content");
  EXPECT_EQ(store().list().value().size(), 1U);
  store().remove(other.id()).value();
  EXPECT_TRUE(fs::is_empty(root_ + "/runs"));
}

TEST_F(Repeats, AreRemovedWithoutTheFolder) {
  const std::string second = repeat(first_);
  store().remove(second).value();
  EXPECT_EQ(content(first_), "content");
  EXPECT_EQ(store().find("latest").value(), first_);
  EXPECT_EQ(store().list().value().size(), 1U);
}

TEST_F(Repeats, OfARunThatIsGoneAreNotMade) {
  store().remove(first_).value();
  EXPECT_EQ(store().create_repeat(first_, {}, false).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(fs::is_empty(root_ + "/runs"));
}

// A kill between the exchange of folder and link, and the removal of the link.
TEST_F(Repeats, ARemovalThatWasKilledIsFinished) {
  const std::string runs = root_ + "/runs/";
  const std::string second = repeat(first_);
  fs::remove(runs + second);
  fs::rename(runs + first_, runs + second);
  fs::create_symlink(first_, runs + first_);
  EXPECT_EQ(store().list().value().size(), 1U);
  EXPECT_EQ(content(second), "content");
  EXPECT_EQ(store().finish_removals(), 1U);
  EXPECT_FALSE(fs::is_symlink(runs + first_));
}

TEST_F(Repeats, WhatALivingProcessIsHandingOverStays) {
  const std::string hidden = root_ + "/runs/.removed-" + first_ + "-" + this_process_mark();
  fs::rename(root_ + "/runs/" + first_, hidden);
  EXPECT_EQ(store().finish_removals(), 0U);
  EXPECT_TRUE(fs::exists(hidden + "/run.json"));
}

// A kill when a run had come meanwhile.
TEST_F(Repeats, ARemovalThatWasKilledHandsOverWhenItIsFinished) {
  const std::string second = repeat(first_);
  fs::rename(root_ + "/runs/" + first_, root_ + "/runs/.removed-" + first_ + "-1-0");
  EXPECT_EQ(store().finish_removals(), 1U);
  EXPECT_EQ(content(second), "content");
  EXPECT_EQ(store().list().value().size(), 1U);
}

// It was made late, by whoever made that run.
TEST_F(Repeats, LatestDoesNotStayWithARunThatIsGone) {
  const std::string second = repeat(first_);
  fs::remove(root_ + "/runs/" + second);
  store().remove(second).value();
  EXPECT_EQ(store().find("latest").value(), first_);
}

class Grounds : public Repeats {
 protected:
  void SetUp() override {
    Repeats::SetUp();
    input_ = root_ + "/input";
    write_file(input_, "input").value();
    write_file(root_ + "/cache/0123/entry.json", "{}", {.make_folders = true}).value();
    DigestIndex index(root_ + "/digests");
    RunGrounds grounds;
    grounds.run_id = first_;
    grounds.stages = 2;
    grounds.environment = digest_of_environment({"PENSTOCK_GROUNDS_TEST"});
    grounds.variables = {"PENSTOCK_GROUNDS_TEST"};
    using Kind = RunGrounds::Kind;
    grounds.seen.push_back({Kind::kInput, input_, index.digest(input_).value()});
    grounds.seen.push_back({Kind::kMissing, root_ + "/missing"});
    grounds.seen.push_back({Kind::kArtifact, "a/artifacts/x", index.digest(artifact()).value()});
    FileDigest entry;
    entry.state = state_of(root_ + "/cache/0123/entry.json").value();
    grounds.seen.push_back({Kind::kUntouched, "cache/0123/entry.json", entry});
    grounds.write(root_, request_).value();
  }

  std::string artifact() const { return RunFolder(root_, first_).artifacts_of("a") + "/x"; }
  bool hold() {
    std::optional<RunGrounds> grounds = RunGrounds::read(root_, request_);
    return grounds && grounds->hold(root_, renewed_);
  }

  const std::string request_ = sha256("request");
  std::string input_;
  bool renewed_ = false;
};

TEST_F(Grounds, HoldAsLongAsAllIsAsItWas) {
  EXPECT_TRUE(hold());
  EXPECT_FALSE(RunGrounds::read(root_, sha256("another request")));
}

TEST_F(Grounds, HoldWhenAFileWasTouched) {
  fs::last_write_time(input_, fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_TRUE(hold());
  EXPECT_TRUE(renewed_);
}

TEST_F(Grounds, FallWithAnInputOfAnotherContent) {
  const auto time = fs::last_write_time(input_);
  write_file(input_, "INPUT").value();
  fs::last_write_time(input_, time);
  EXPECT_FALSE(hold());
}

TEST_F(Grounds, FallWithAnArtifactThatWasChangedOrIsALink) {
  write_file(artifact(), "CONTENT").value();
  EXPECT_FALSE(hold());
  write_file(artifact(), "content").value();
  EXPECT_TRUE(hold());
  fs::rename(artifact(), root_ + "/moved");
  fs::create_symlink(root_ + "/moved", artifact());
  EXPECT_FALSE(hold());
}

TEST_F(Grounds, FallWithAFileThatWasMissing) {
  write_file(root_ + "/missing", "").value();
  EXPECT_FALSE(hold());
}

TEST_F(Grounds, FallWithAnEntryThatSomebodyTouched) {
  write_file(root_ + "/cache/0123/entry.json", "{}").value();
  EXPECT_FALSE(hold());
}

TEST_F(Grounds, FallWithAFolderThatIsGone) {
  RunGrounds grounds = RunGrounds::read(root_, request_).value();
  grounds.seen.push_back({RunGrounds::Kind::kFolder, "a/artifacts/parts"});
  grounds.write(root_, request_).value();
  EXPECT_FALSE(hold());
  fs::create_directory(RunFolder(root_, first_).artifacts_of("a") + "/parts");
  EXPECT_TRUE(hold());
}

TEST_F(Grounds, KeepTheTimeOfLastUseWhenDigestsAreRenewed) {
  const std::string path = root_ + "/grounds/" + request_.substr(0, 32);
  const auto hours_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  fs::last_write_time(path, hours_ago);
  const RunGrounds grounds = RunGrounds::read(root_, request_).value();
  grounds.rewrite(root_, request_).value();
  EXPECT_EQ(fs::last_write_time(path), hours_ago);
  fs::last_write_time(root_ + "/cache/0123", hours_ago);
  grounds.mark_used(root_, request_);
  EXPECT_GT(fs::last_write_time(path), hours_ago);
  EXPECT_GT(fs::last_write_time(root_ + "/cache/0123"), hours_ago);
}

TEST_F(Grounds, FallWithAVariable) {
  ::setenv("PENSTOCK_GROUNDS_TEST", "1", 1);
  EXPECT_FALSE(hold());
  ::unsetenv("PENSTOCK_GROUNDS_TEST");
  EXPECT_TRUE(hold());
}

TEST_F(Grounds, FallWithTheirRun) {
  store().remove(first_).value();
  EXPECT_FALSE(hold());
}

TEST_F(Grounds, CountForNothingWhenAByteIsDamaged) {
  const std::string path = root_ + "/grounds/" + request_.substr(0, 32);
  const std::string whole = read_file(path).value();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    write_file(path, damaged).value();
    EXPECT_FALSE(RunGrounds::read(root_, request_)) << i;
  }
}

}  // namespace
}  // namespace penstock
