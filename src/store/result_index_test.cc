// SPDX-License-Identifier: MIT
#include "store/result_index.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "platform/file.h"

namespace penstock {
namespace {

class ResultIndexTest : public testing::Test {
 protected:
  ResultIndexTest()
      : folder_(testing::TempDir() + "result_index_" +
                std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "_" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(make_folders(folder_));
    EXPECT_TRUE(write_file(entry_path(), "{}"));
    entry_.key.add("stage", "clean");
    entry_.key.seal();
    entry_.stage = "clean";
    entry_.run_id = "20261120_101500_a1b2c3";
    entry_.duration_seconds = 0.25;
    entry_.data = R"({"outcome":"done"})";
    entry_.artifacts.push_back({"parts/0.csv", "", "text/csv", 12, std::string(64, 'a')});
  }
  ~ResultIndexTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/results"; }
  std::string entry_path() const { return folder_ + "/entry.json"; }
  std::optional<CacheEntry> found() const { return ResultIndex(path()).find(entry_.key, entry_path()); }
  void keep() const {
    ResultIndex index(path());
    index.add(entry_, entry_path());
    ASSERT_TRUE(index.save());
  }

  const std::string folder_;
  CacheEntry entry_;
};

TEST_F(ResultIndexTest, GivesBackWhatWasSaved) {
  keep();
  const std::optional<CacheEntry> entry = found();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->key.digest, entry_.key.digest);
  EXPECT_EQ(entry->stage, "clean");
  EXPECT_EQ(entry->run_id, entry_.run_id);
  EXPECT_EQ(entry->duration_seconds, 0.25);
  EXPECT_EQ(entry->data, entry_.data);
  ASSERT_EQ(entry->artifacts.size(), 1U);
  EXPECT_EQ(entry->artifacts[0].name, "parts/0.csv");
  EXPECT_EQ(entry->artifacts[0].type, "text/csv");
  EXPECT_EQ(entry->artifacts[0].size_bytes, 12U);
  EXPECT_EQ(entry->artifacts[0].sha256, std::string(64, 'a'));
}

TEST_F(ResultIndexTest, DoesNotKnowAnEntryThatWasReplacedOrRemoved) {
  keep();
  ASSERT_TRUE(write_file(entry_path(), "{ }"));
  EXPECT_FALSE(found());
  keep();
  EXPECT_TRUE(found());
  std::filesystem::remove(entry_path());
  EXPECT_FALSE(found());
}

TEST_F(ResultIndexTest, ADamagedFileCountsAsEmpty) {
  keep();
  const std::string whole = read_file(path()).value();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    ASSERT_TRUE(write_file(path(), damaged));
    EXPECT_FALSE(found()) << "byte " << at;
    ASSERT_TRUE(write_file(path(), whole.substr(0, at)));
    EXPECT_FALSE(found()) << "cut at " << at;
  }
}

TEST_F(ResultIndexTest, WhatTwoSaveIsMerged) {
  ResultIndex one(path());
  ResultIndex other(path());
  one.add(entry_, entry_path());
  CacheEntry second = entry_;
  second.key.add("version", "2");
  second.key.seal();
  other.add(second, entry_path());
  ASSERT_TRUE(one.save());
  ASSERT_TRUE(other.save());
  const ResultIndex both(path());
  EXPECT_TRUE(both.find(entry_.key, entry_path()));
  EXPECT_TRUE(both.find(second.key, entry_path()));
}

}  // namespace
}  // namespace penstock
