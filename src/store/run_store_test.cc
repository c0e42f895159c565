// SPDX-License-Identifier: MIT
#include "store/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "platform/file.h"
#include "platform/machine.h"
#include "store/digest.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = ::testing::TempDir() + "penstock_store_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    root_ = form;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  RunFolder stored(const std::string& json) {
    RunFolder folder = RunStore(root_).create().value();
    folder.write("run.json", json).value();
    return folder;
  }

  std::string root_;
};

TEST(RunId, IsTheTimeInUtcAndSixRandomDigits) {
  EXPECT_THAT(make_run_id(1'795'169'700'999'999), MatchesRegex("20261120_101500_[0-9a-f]{6}"));
  EXPECT_NE(make_run_id(0), make_run_id(0));
}

TEST(Digest, IsSha256) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(Store, DigestOfAFileIsThatOfItsBytes) {
  const std::string bytes(1'000'000, 'x');
  write_file(root_ + "/file", bytes).value();
  EXPECT_EQ(sha256_of_file(root_ + "/file").value(), sha256(bytes));
}

TEST_F(Store, ListsArtifactsByNameWithDigestAndType) {
  RunFolder folder = RunStore(root_).create().value();
  folder.make_stage("clean").value();
  write_file(folder.artifacts_of("clean") + "/b.csv", "abc").value();
  write_file(folder.artifacts_of("clean") + "/parts/a.jsonl", "", {.make_folders = true}).value();
  write_file(folder.artifacts_of("clean") + "/.b.csv.1-1.tmp", "half").value();
  const std::vector<Artifact> artifacts = folder.artifacts("clean").value();
  ASSERT_EQ(artifacts.size(), 2U);
  EXPECT_EQ(artifacts[0].name, "b.csv");
  EXPECT_EQ(artifacts[0].path, "clean/artifacts/b.csv");
  EXPECT_EQ(artifacts[0].type, "text/csv");
  EXPECT_EQ(artifacts[0].size_bytes, 3U);
  EXPECT_EQ(artifacts[0].sha256, sha256("abc"));
  EXPECT_EQ(artifacts[1].name, "parts/a.jsonl");
  EXPECT_EQ(artifacts[1].type, "application/x-ndjson");
}

TEST_F(Store, RemovesTheTemporariesOfThisProcessAlone) {
  RunFolder folder = RunStore(root_).create().value();
  folder.make_stage("clean").value();
  const std::string artifacts = folder.artifacts_of("clean");
  const std::string mine = artifacts + "/parts/.b.csv." + this_process_mark() + "-1.tmp";
  const std::string others = artifacts + "/.b.csv.1-1.tmp";
  for (const std::string& path : {mine, others, artifacts + "/b.csv"})
    write_file(path, "half", {.make_folders = true}).value();
  folder.remove_temporaries("clean");
  EXPECT_FALSE(std::filesystem::exists(mine));
  EXPECT_TRUE(std::filesystem::exists(others));
  EXPECT_TRUE(std::filesystem::exists(artifacts + "/b.csv"));
}

TEST_F(Store, LatestPointsToTheRunPublishedLast) {
  RunStore store(root_);
  RunFolder first = store.create().value();
  RunFolder second = store.create().value();
  first.publish_latest().value();
  EXPECT_EQ(store.find("latest").value(), first.id());
  second.publish_latest().value();
  EXPECT_EQ(store.find("latest").value(), second.id());
  EXPECT_TRUE(std::filesystem::is_directory(root_ + "/latest"));
}

TEST_F(Store, LatestIsNeverPutOverAFolderOfThatName) {
  RunFolder folder = RunStore(root_).create().value();
  make_folders(root_ + "/latest/mine").value();
  EXPECT_FALSE(folder.publish_latest());
  EXPECT_TRUE(std::filesystem::exists(root_ + "/latest/mine"));
}

TEST_F(Store, ThatIsNotThereIsEmpty) { EXPECT_TRUE(RunStore(root_ + "/none").list().value().empty()); }

TEST_F(Store, ListsRunsNewestFirst) {
  const RunFolder older = stored(R"({"version":1,"status":"done","started_at":"2026-11-20T10:15:00Z","name":"a"})");
  const RunFolder newer = stored(
      R"({"version":1,"status":"failed","started_at":"2026-11-20T10:15:01Z","name":"b","error":{"message":"no"}})");
  make_folders(root_ + "/runs/something else").value();
  const std::vector<StoredRun> runs = RunStore(root_).list().value();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].id, newer.id());
  EXPECT_EQ(runs[0].status, "failed");
  EXPECT_EQ(runs[0].error, "no");
  EXPECT_EQ(runs[1].id, older.id());
  EXPECT_EQ(runs[1].name, "a");
}

TEST_F(Store, FindsARunByAPartOfItsId) {
  RunStore store(root_);
  const std::string id = store.create().value().id();
  EXPECT_EQ(store.find(id).value(), id);
  EXPECT_EQ(store.find(id.substr(16)).value(), id);
  store.create().value();
  const auto several = store.find("20");
  ASSERT_FALSE(several);
  EXPECT_THAT(several.error().message(), HasSubstr("several runs match \"20\""));
}

TEST_F(Store, SaysWhichRunMayBeMeant) {
  RunStore store(root_);
  const std::string id = store.create().value().id();
  std::string wrong = id;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  const auto found = store.find(wrong);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(found.error().hint(), "did you mean \"" + id + "\"?");
}

TEST_F(Store, ARunWhoseProcessIsGoneIsLost) {
  const std::string host = this_machine().host;
  const RunFolder folder = stored(R"({"version":1,"status":"running","machine":{"host":")" + host +
                                  R"("},"process":{"pid":1,"start_ticks":0,"boot":"other"}})");
  EXPECT_EQ(RunStore(root_).read(folder.id()).value().status, "lost");
}

TEST_F(Store, ARunOfALaterVersionIsRefused) {
  const RunFolder folder = stored(R"({"version":2,"status":"done"})");
  const auto run = RunStore(root_).read(folder.id());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(run.error().message(), HasSubstr("has version 2, this program reads up to 1"));
}

TEST_F(Store, ADamagedRecordIsSaidToBeDamaged) {
  for (const char* text : {"", "[]", "{", "{}", R"({"version":1})", R"({"version":"1","status":7})", "\xff"}) {
    const RunFolder folder = stored(text);
    const auto run = RunStore(root_).read(folder.id());
    ASSERT_FALSE(run) << text;
    EXPECT_EQ(run.error().code(), ErrorCode::kDataLoss) << text;
  }
  const std::vector<StoredRun> runs = RunStore(root_).list().value();
  for (const StoredRun& run : runs) {
    EXPECT_EQ(run.status, "unreadable");
    EXPECT_THAT(run.error, HasSubstr("not the record of a run: "));
    EXPECT_THAT(run.started_at, MatchesRegex("20..-..-..T..:..:..Z"));
  }
}

TEST_F(Store, ListsAlsoWhatCannotBeRead) {
  RunStore(root_).create().value();  // killed before it wrote its record
  const std::vector<StoredRun> runs = RunStore(root_).list().value();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].status, "unreadable");
  EXPECT_THAT(runs[0].error, HasSubstr("run.json: no such file or folder"));
}

TEST(RunFolder, KnowsItsOwnFiles) {
  for (const char* name :
       {"run.json", "manifest.json", "timing.json", "metrics.json", "plan.json", "trace.json", "clean/output.json"}) {
    EXPECT_TRUE(RunFolder::keeps(name)) << name;
  }
  for (const char* name : {"mine.json", "clean/artifacts/output.json", "clean/mine.json", "output.json", "clean"}) {
    EXPECT_FALSE(RunFolder::keeps(name)) << name;
  }
}

// A run whose process, with number 7, is gone: `kBoot` is no boot of this machine.
class LostRun : public Store {
 protected:
  static constexpr const char* kBoot = "other";

  std::string mark() { return mark_of({7, 1, kBoot}); }
  RunFolder lost(const std::string& status, const std::string& host) {
    RunFolder folder =
        stored(R"({"version":1,"status":")" + status + R"(","machine":{"host":")" + host +
               R"("},"process":{"pid":7,"start_ticks":1,"boot":"other"},"writes":[")" + root_ + R"(/out/a.csv"]})");
    folder.make_stage("clean").value();
    return folder;
  }
  std::string put(const std::string& path) {
    write_file(path, "half", {.make_folders = true}).value();
    return path;
  }
};

TEST_F(LostRun, LosesItsTemporariesAndNothingElse) {
  const RunFolder folder = lost("running", this_machine().host);
  const std::string artifacts = folder.artifacts_of("clean");
  std::vector<std::string> temporaries = {
      put(folder.path() + "/.run.json." + mark() + "-3.tmp"), put(artifacts + "/.b.csv." + mark() + "-1.tmp"),
      put(artifacts + "/parts/.b.csv." + mark() + "-12.tmp"), put(artifacts + "/quarantine.jsonl.7.0.part"),
      put(root_ + "/out/.a.csv." + mark() + "-0.tmp"),        put(root_ + "/out/a.csv." + mark() + ".2.part")};
  const std::vector<std::string> others = {
      put(artifacts + "/b.csv"),
      put(artifacts + "/.b.csv.8-1.tmp"),
      put(root_ + "/out/a.csv"),
      put(root_ + "/out/.a.csv.7-0.tmp"),                               // of whom cannot be told
      put(root_ + "/out/.a.csv." + mark_of({7, 2, kBoot}) + "-0.tmp"),  // a later process with the same number
      put(root_ + "/out/.b.csv." + mark() + "-0.tmp"),                  // no output of this run
      put(root_ + "/out/a.csv." + mark() + ".x.part")};
  std::sort(temporaries.begin(), temporaries.end());
  EXPECT_EQ(RunStore(root_).clean().value(), temporaries);
  for (const std::string& path : others) EXPECT_TRUE(std::filesystem::exists(path)) << path;
  EXPECT_THAT(RunStore(root_).clean().value(), ElementsAre());
}

TEST_F(LostRun, KeepsWhatItsCheckpointsNeedUntilItIsRemoved) {
  const RunFolder folder = lost("running", this_machine().host);
  put(folder.path() + "/clean/checkpoints/000001.json");
  const std::string inside = put(folder.artifacts_of("clean") + "/.b.csv." + mark() + "-1.tmp");
  const std::string beside = put(root_ + "/out/.a.csv." + mark() + "-0.tmp");
  EXPECT_THAT(RunStore(root_).clean().value(), ElementsAre());
  EXPECT_TRUE(std::filesystem::exists(inside));
  EXPECT_TRUE(std::filesystem::exists(beside));
  ASSERT_TRUE(RunStore(root_).remove(folder.id()));
  EXPECT_FALSE(std::filesystem::exists(inside));
  EXPECT_FALSE(std::filesystem::exists(beside));
}

TEST_F(LostRun, IsOnlyWhatIsKnownToHaveEnded) {
  for (const auto& [status, host] :
       {std::pair("running", std::string("another host")), {"done", this_machine().host}}) {
    put(lost(status, host).artifacts_of("clean") + "/.b.csv." + mark() + "-1.tmp");
  }
  EXPECT_THAT(RunStore(root_).clean().value(), ElementsAre());
}

}  // namespace
}  // namespace penstock
