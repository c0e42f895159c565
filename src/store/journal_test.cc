// SPDX-License-Identifier: MIT
#include "store/journal.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "store/run_store.h"

namespace penstock {
namespace {

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = testing::TempDir() + "penstock_journal_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    root_ = form;
    ASSERT_TRUE(make_folders(run().path()));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  RunFolder run() const { return {root_, "20261120_101500_a1b2c3"}; }
  std::string path() const { return run().path() + "/journal.jsonl"; }
  static RecordedStage stage(const std::string& name, const std::string& value) {
    return {name, {{"output.json", R"({"version":1})"}, {"key.json", R"({"key":"k"})"}}, {{"value.bin", value}}};
  }
  void write(const std::vector<RecordedStage>& stages) const {
    Journal journal = Journal::create(path(), false).value();
    ASSERT_TRUE(journal.add("run_begins", {{"name", "a \"b\""}}));
    for (const RecordedStage& each : stages) ASSERT_TRUE(journal.add("stage_ended", {{"stage", each.name}}, &each));
  }
  std::string text() const { return read_file(path()).value(); }
  std::string value_of(const std::string& name) const {
    return read_file(run().artifacts_of(name) + "/value.bin").value();
  }

  std::string root_;
};

TEST_F(JournalTest, EachLineIsJsonWithACheck) {
  write({stage("a", std::string("\0\xff", 2))});
  const std::string all = text();
  const auto first = nlohmann::json::parse(all.substr(0, all.find('\n')));
  EXPECT_EQ(first["event"], "run_begins");
  EXPECT_EQ(first["name"], "a \"b\"");
  EXPECT_EQ(first["check"].get<std::string>().size(), 16U);
  const auto second = nlohmann::json::parse(all.substr(all.find('\n') + 1));
  EXPECT_EQ(second["artifacts"]["value.bin"], "00ff");
  EXPECT_EQ(second["documents"]["key.json"]["key"], "k");
}

TEST_F(JournalTest, GivesBackTheStagesAndTheLatestOfEach) {
  write({stage("a", "old"), stage("b", ""), stage("a", std::string("\0new", 4))});
  const std::vector<RecordedStage> stages = Journal::stages_in(text());
  ASSERT_EQ(stages.size(), 2U);
  EXPECT_EQ(stages[0].name, "a");
  EXPECT_EQ(stages[0].artifacts[0].second, std::string("\0new", 4));
  EXPECT_EQ(stages[0].documents[0].second, R"({"version":1})");
  EXPECT_EQ(stages[1].artifacts[0].second, "");
}

TEST_F(JournalTest, NoDamagedLineCounts) {
  write({stage("a", "value")});
  const std::string whole = text();
  const std::size_t begin = whole.find('\n') + 1;
  for (std::size_t at = begin; at + 1 < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x20', '\x7f'}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      EXPECT_TRUE(Journal::stages_in(damaged).empty()) << at;
    }
    EXPECT_TRUE(Journal::stages_in(whole.substr(0, at)).empty()) << at;  // cut by a kill
  }
  EXPECT_EQ(Journal::stages_in(whole).size(), 1U);
}

TEST_F(JournalTest, FoldersAreWrittenFromItOnce) {
  write({stage("a", "1"), stage("b", "2")});
  ASSERT_TRUE(run().finish_stages());
  EXPECT_EQ(value_of("a"), "1");
  EXPECT_EQ(value_of("b"), "2");
  EXPECT_EQ(read_file(run().path() + "/a/output.json").value(), "{\n  \"version\": 1\n}\n");
  std::filesystem::remove(run().path() + "/b/key.json");
  ASSERT_TRUE(run().finish_stages());  // what is there stays as it is
  EXPECT_FALSE(std::filesystem::exists(run().path() + "/b/key.json"));
  for (const auto& entry : std::filesystem::directory_iterator(run().path()))
    EXPECT_NE(entry.path().filename().string().front(), '.') << entry.path();
}

TEST_F(JournalTest, NamesThatLeadOutAreRefused) {
  RecordedStage bad = stage("a", "1");
  bad.artifacts[0].first = "../x";
  EXPECT_EQ(run().put_stage(bad, false).error().code(), ErrorCode::kDataLoss);
  ASSERT_TRUE(run().put_stage(stage("..", "1"), false));
  ASSERT_TRUE(run().put_stage(stage("a/b", "1"), false));
  EXPECT_TRUE(std::filesystem::is_empty(run().path()));
}

TEST_F(JournalTest, ARunWithoutOneHasNothingToFinish) { EXPECT_TRUE(run().finish_stages()); }

}  // namespace
}  // namespace penstock
