// SPDX-License-Identifier: MIT
#include "store/stage_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "platform/file.h"
#include "platform/link_file.h"
#include "store/digest.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

class Kept : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = ::testing::TempDir() + "penstock_cache_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    root_ = form;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string path(const std::string& name) const { return root_ + "/" + name; }

  // An entry of two files, put into the cache.
  CacheEntry put(StageCache& cache, DigestIndex& index, const std::string& text = "abc") {
    CacheEntry entry;
    entry.key.add("stage", "make");
    entry.key.seal();
    entry.stage = "make";
    entry.run_id = "20261120_101500_a1b2c3";
    entry.data = R"({"outcome":"done"})";
    for (const char* const name : {"a.txt", "parts/b.txt"}) {
      write_file(path("from/") + name, text, {.make_folders = true}).value();
      entry.artifacts.push_back({name, "", "text/plain", text.size(), sha256(text)});
    }
    cache.put(entry, path("from"), index, false, false).value();
    return entry;
  }

  std::string root_;
};

TEST_F(Kept, AnEntryIsFoundByItsKeyAndRestored) {
  DigestIndex index(path("digests"));
  StageCache cache(root_);
  const CacheEntry entry = put(cache, index);
  const std::optional<CacheEntry> found = cache.find(entry.key).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->run_id, entry.run_id);
  EXPECT_EQ(found->artifacts.size(), 2U);
  ASSERT_TRUE(restore_artifacts({found->artifacts, {}, cache.artifacts_of(*found)}, path("to"), index));
  EXPECT_EQ(read_file(path("to/parts/b.txt")).value(), "abc");
  StageKey other;
  other.add("stage", "other");
  other.seal();
  EXPECT_FALSE(cache.find(other).value());
}

TEST_F(Kept, ADamagedArtifactIsNeverRestored) {
  StageCache cache(root_);
  CacheEntry entry;
  {
    DigestIndex index(path("digests"));
    entry = put(cache, index);
  }
  for (const char* const bad : {"abd", "ab", "abcd", ""}) {
    DigestIndex index(path("digests"));
    ::unlink((cache.artifacts_of(entry) + "/a.txt").c_str());
    write_file(cache.artifacts_of(entry) + "/a.txt", bad).value();
    const Status restored = restore_artifacts({entry.artifacts, {}, cache.artifacts_of(entry)}, path("to"), index);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code(), ErrorCode::kDataLoss);
    EXPECT_FALSE(std::filesystem::exists(path("to")));
  }
}

// Whatever happens to the files of an entry: what is restored is what was kept, or nothing is.
TEST_F(Kept, RandomMutationsNeverGiveAWrongResult) {
  const bool all = std::getenv("PENSTOCK_LONG_TESTS") != nullptr;
  const int mutations = all ? 10'000 : 200;
  std::mt19937 chance(1);
  const auto below = [&](std::size_t most) { return chance() % most; };
  std::string large(100'000, ' ');
  for (char& c : large) c = static_cast<char>(below(256));
  StageCache cache(root_);
  CacheEntry entry;
  entry.key.add("stage", "large");
  entry.key.seal();
  entry.data = R"({"outcome":"done"})";
  write_file(path("from/large"), large, {.make_folders = true}).value();
  entry.artifacts.push_back({"large", "", "text/plain", large.size(), sha256(large)});
  int refused = 0;
  for (int i = 0; i < mutations; ++i) {
    DigestIndex index(path("digests"));
    cache.put(entry, path("from"), index, true, false).value();
    const std::string folder = folder_of(cache.artifacts_of(entry));
    const std::string victim = folder + (below(2) == 0 ? "/entry.json" : "/artifacts/large");
    std::string bytes = read_file(victim).value();
    const std::size_t at = below(bytes.size());
    switch (below(4)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
      case 1: bytes.resize(at); break;
      case 2: bytes.insert(at, 1 + below(10), static_cast<char>(below(256))); break;
      default: bytes.erase(at, 1 + below(100)); break;
    }
    ::unlink(victim.c_str());  // the cache shares the file with the run
    write_file(victim, bytes).value();
    DigestIndex fresh(path("digests"));
    std::filesystem::remove_all(path("to"));
    const Result<std::optional<CacheEntry>> found = cache.find(entry.key);
    const bool whole =
        found && *found && restore_artifacts({(*found)->artifacts, {}, cache.artifacts_of(**found)}, path("to"), fresh);
    if (whole) {
      EXPECT_EQ(read_file(path("to/large")).value(), large) << i;
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, mutations * 9 / 10);
  std::printf("%d of %d mutations were seen\n", refused, mutations);
}

TEST_F(Kept, ANameThatLeadsOutIsNeverRestored) {
  DigestIndex index(path("digests"));
  write_file(path("secret"), "abc").value();
  make_folders(path("from")).value();
  const std::vector<Artifact> artifacts = {{"../secret", "", "", 3, sha256("abc")}};
  EXPECT_EQ(restore_artifacts({artifacts, {}, path("from")}, path("to"), index).error().code(), ErrorCode::kDataLoss);
}

TEST_F(Kept, EveryChangedByteOfTheDocumentIsSeen) {
  DigestIndex index(path("digests"));
  StageCache cache(root_);
  const std::string text = entry_to_json(put(cache, index));
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const unsigned flip : {1U, 32U}) {
      std::string changed = text;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      EXPECT_FALSE(entry_of_json(changed, "entry.json")) << i;
    }
  }
}

TEST_F(Kept, ADocumentHoldsWhatItWasMadeOf) {
  CacheEntry entry;
  entry.key.add("input.\"x\"", "line\nand\ttab \xc3\xa9");
  entry.key.seal();
  entry.stage = "make";
  entry.duration_seconds = 1e-5;
  entry.data = R"({"outcome":"done","results":[{"rows":[1.5,null]}]})";
  entry.artifacts.push_back({"a b.txt", "", "text/plain", 3, sha256("abc")});
  const CacheEntry read = entry_of_json(entry_to_json(entry), "entry.json").value();
  EXPECT_EQ(read.key.fields, entry.key.fields);
  EXPECT_EQ(read.key.digest, entry.key.digest);
  EXPECT_EQ(read.duration_seconds, entry.duration_seconds);
  EXPECT_EQ(read.data, entry.data);
  ASSERT_EQ(read.artifacts.size(), 1U);
  EXPECT_EQ(read.artifacts[0].sha256, entry.artifacts[0].sha256);
  EXPECT_EQ(entry_to_json(read), entry_to_json(entry));
}

// Earlier versions put one space in front of each member, and escaped all that is not ASCII.
TEST_F(Kept, AnEntryOfAnEarlierVersionIsRead) {
  CacheEntry entry;
  entry.key.add("stage", "caf\xc3\xa9");
  entry.key.seal();
  entry.data = R"({"outcome":"done"})";
  auto json = nlohmann::ordered_json::parse(entry_to_json(entry));
  json.erase("seal");
  std::string text = json.dump(1, ' ', true);
  const std::string seal = sha256(text);
  text.resize(text.size() - 2);
  text += ",\n \"seal\": \"" + seal + "\"\n}\n";
  EXPECT_EQ(entry_to_json(entry_of_json(text, "entry.json").value()), entry_to_json(entry));
  text[text.find("\\u00e9") + 5] = 'a';
  EXPECT_FALSE(entry_of_json(text, "entry.json"));
}

TEST_F(Kept, TheFirstOfTwoWritersWinsAndADamagedEntryIsReplaced) {
  DigestIndex index(path("digests"));
  StageCache cache(root_);
  CacheEntry entry = put(cache, index);
  entry.run_id = "20261120_101500_ffffff";
  ASSERT_TRUE(cache.put(entry, path("from"), index, false, false));
  EXPECT_EQ(cache.find(entry.key).value()->run_id, "20261120_101500_a1b2c3");
  ASSERT_TRUE(cache.put(entry, path("from"), index, true, true));
  EXPECT_EQ(cache.find(entry.key).value()->run_id, "20261120_101500_ffffff");
  EXPECT_EQ(cache.list().value().size(), 1U);
}

TEST_F(Kept, ListsVerifiesAndRemoves) {
  DigestIndex index(path("digests"));
  StageCache cache(root_);
  const CacheEntry entry = put(cache, index);
  const std::vector<StageCache::Listed> listed = cache.list().value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].size_bytes, 6U);
  EXPECT_TRUE(cache.verify(listed[0]));
  write_file(cache.artifacts_of(entry) + "/a.txt", "abd").value();
  EXPECT_THAT(cache.verify(listed[0]).error().message(), HasSubstr("a.txt is not what was kept"));
  EXPECT_TRUE(cache.remove(listed[0].folder));
  EXPECT_TRUE(cache.list().value().empty());
}

TEST_F(Kept, WhatKilledWritersLeftIsCleaned) {
  make_folders(path("cache/.tmp-1-00000000-0/artifacts")).value();
  EXPECT_EQ(StageCache(root_).clean(), 1U);
}

TEST_F(Kept, DigestsAreRememberedAcrossProcessesAndFollowEdits) {
  write_file(path("file"), "abc").value();
  const timespec long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ::utimensat(AT_FDCWD, path("file").c_str(), long_ago, 0);
  {
    DigestIndex index(path("digests"));
    EXPECT_EQ(index.digest(path("file"))->sha256, sha256("abc"));
    ASSERT_TRUE(index.save());
  }
  DigestIndex index(path("digests"));
  const FileDigest before = index.digest(path("file")).value();
  EXPECT_EQ(before.sha256, sha256("abc"));
  // Same size, same times of content: only the time of change tells, or that it is too young to tell.
  write_file(path("other"), "abd").value();
  ::utimensat(AT_FDCWD, path("other").c_str(), long_ago, 0);
  ASSERT_EQ(::rename(path("other").c_str(), path("file").c_str()), 0);
  EXPECT_EQ(index.digest(path("file"))->sha256, sha256("abd"));
  EXPECT_FALSE(index.unchanged(path("file"), before).value());
}

TEST_F(Kept, ADamagedIndexCountsAsEmpty) {
  write_file(path("file"), "abc").value();
  {
    DigestIndex index(path("digests"));
    (void)index.digest(path("file"));
    ASSERT_TRUE(index.save());
  }
  const std::string text = read_file(path("digests")).value();
  for (std::size_t i = 0; i < text.size(); i += 7) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write_file(path("digests"), changed).value();
    DigestIndex index(path("digests"));
    EXPECT_EQ(index.digest(path("file"))->sha256, sha256("abc"));
  }
}

TEST_F(Kept, AFolderHasOneDigestOverNamesAndContents) {
  DigestIndex index(path("digests"));
  write_file(path("d/a"), "1", {.make_folders = true}).value();
  write_file(path("d/b/c"), "2", {.make_folders = true}).value();
  const std::string first = digest_of_folder(path("d"), index).value();
  EXPECT_EQ(digest_of_folder(path("d"), index).value(), first);
  ASSERT_EQ(::rename(path("d/a").c_str(), path("d/A").c_str()), 0);
  const std::string renamed = digest_of_folder(path("d"), index).value();
  EXPECT_NE(renamed, first);
  write_file(path("d/b/c"), "3").value();
  EXPECT_NE(digest_of_folder(path("d"), index).value(), renamed);
}

TEST_F(Kept, ALinkSharesAndACopyDoesNot) {
  write_file(path("a"), "abc").value();
  ASSERT_TRUE(link_file(path("a"), path("own"), Sharing::kOwn));
  ASSERT_TRUE(link_file(path("a"), path("any"), Sharing::kAny));
  write_file(path("a"), "new").value();  // another file takes the name
  EXPECT_EQ(read_file(path("any")).value(), "abc");
  EXPECT_EQ(read_file(path("own")).value(), "abc");
  EXPECT_FALSE(link_file(path("a"), path("own"), Sharing::kAny));
  EXPECT_FALSE(link_file(path("nothing"), path("new"), Sharing::kAny));
}

}  // namespace
}  // namespace penstock
