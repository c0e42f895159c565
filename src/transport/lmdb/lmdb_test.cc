// SPDX-License-Identifier: MIT
// What is LMDB's own: it stays, grows, cleans up after killed readers, and leaves other people's files alone.
#include <gmock/gmock.h>
#include <penstock/transport.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "transport/transport_kit.h"

namespace penstock {
namespace {

using penstock::testing::Bell;
using penstock::testing::block_seed;
using penstock::testing::ChildProcess;
using penstock::testing::expect_whole_versions_after_kills;
using penstock::testing::is_whole;
using penstock::testing::publish_block;
using penstock::testing::times_to_kill;
using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

class Lmdb : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto info = TransportRegistry::global().find("lmdb");
    if (!info) GTEST_SKIP() << info.error().to_text();
    options_.address = (*info)->example_addresses("unit").front();
  }
  Result<std::unique_ptr<DictionaryBackend>> open(TransportRole role) const {
    TransportOptions options = options_;
    options.role = role;
    return TransportRegistry::global().open("lmdb", options);
  }

  TransportOptions options_;
};

TEST_F(Lmdb, KeepsTheLatestVersionWhenNobodyHasItOpen) {
  {
    const auto writing = open(TransportRole::kWriter).value();
    ASSERT_TRUE(publish_block(*writing, 1000, 1));
    ASSERT_TRUE(publish_block(*writing, 1000, 2));
  }
  const auto reading = open(TransportRole::kReader).value();
  EXPECT_EQ(reading->wait(0, {}).value(), 2U);
  EXPECT_EQ(block_seed(reading->view()->bytes()), 2U);
  EXPECT_EQ(reading->wait(2, {}).error().code(), ErrorCode::kUnavailable);
  const auto next = open(TransportRole::kWriter).value();
  EXPECT_EQ(publish_block(*next, 1000, 3).value(), 3U);
  EXPECT_EQ(reading->wait(2, {}).value(), 3U);
}

TEST_F(Lmdb, GrowsItsMapAndThatOfReadersInOtherProcesses) {
  options_.more.set("map_bytes", std::int64_t{kMiB});
  const auto writing = open(TransportRole::kWriter).value();
  ASSERT_TRUE(publish_block(*writing, 1000, 1));
  const Bell ready;
  const Bell grown;
  ChildProcess child([&] {
    const auto reading = open(TransportRole::kReader).value();
    reading->view()->release();
    ready.say();
    grown.hear();
    const auto view = reading->view();
    return view && view->bytes().size() == 32 * kMiB && is_whole(view->bytes()) ? 0 : 1;
  });
  ready.hear();
  ASSERT_TRUE(publish_block(*writing, 32 * kMiB, 2));
  grown.say();
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Lmdb, SaysWhenItIsFullAndGoesOnWhenTheReaderThatFilledItIsKilled) {
  options_.more.set("map_bytes", std::int64_t{8 * kMiB}).set("max_bytes", std::int64_t{8 * kMiB});
  const auto writing = open(TransportRole::kWriter).value();
  ASSERT_TRUE(publish_block(*writing, kMiB, 1));
  const Bell holding;
  ChildProcess child([&] {
    const auto reading = open(TransportRole::kReader).value();
    const auto view = reading->view();
    holding.say();
    ::pause();
    return 0;
  });
  holding.hear();
  Result<Version> published = Version{0};
  for (int i = 0; published && i < 100; ++i) published = publish_block(*writing, kMiB, 2);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(published.error().to_text(), HasSubstr(options_.address));
  child.kill();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(publish_block(*writing, kMiB, 3));
  EXPECT_GE(writing->stats().reclaimed, 1U);
}

// A full file system in memory must be an error, and not the signal that touching a page without memory would be.
TEST_F(Lmdb, SaysThatTheDiskIsFullInTheMiddleAndAtTheBeginning) {
  const std::string disk = std::filesystem::temp_directory_path() / ("penstock_small_" + std::to_string(::getpid()));
  std::filesystem::create_directory(disk);
  const bool mounted = ::geteuid() == 0 && ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") == 0;
  if (mounted) {
    options_.address = disk + "/one.lmdb";
    {
      const auto writing = open(TransportRole::kWriter).value();
      ASSERT_TRUE(publish_block(*writing, 1000, 1));
      const auto published = publish_block(*writing, 2 * kMiB, 2);
      ASSERT_FALSE(published);
      EXPECT_THAT(published.error().to_text(), HasSubstr("no space left"));
      EXPECT_TRUE(is_whole(open(TransportRole::kReader).value()->view()->bytes())) << "the first version stays";
    }
    std::ofstream(disk + "/rest") << std::string(2 * kMiB, 'x');
    options_.address = disk + "/two.lmdb";
    const auto opened = open(TransportRole::kWriter);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::kResourceExhausted) << opened.error().to_text();
    ::umount2(disk.c_str(), MNT_DETACH);
  }
  std::filesystem::remove_all(disk);
  if (!mounted) GTEST_SKIP() << "mounting a small disk is not allowed";
}

TEST_F(Lmdb, NamesABlockThatIsLongerThanItMayBe) {
  options_.more.set("map_bytes", std::int64_t{kMiB}).set("max_bytes", std::int64_t{kMiB});
  const auto published = publish_block(*open(TransportRole::kWriter).value(), 2 * kMiB, 1);
  ASSERT_FALSE(published);
  EXPECT_THAT(published.error().to_text(), HasSubstr("a block of 2097152 bytes is longer than the 1048576"));
}

TEST_F(Lmdb, ShowsWholeVersionsAfterWritersAreKilledAtAnyInstant) {
  expect_whole_versions_after_kills(times_to_kill(30, 1000), [&](TransportRole role) { return open(role); });
}

TEST_F(Lmdb, SaysWhenItWasMadeByAnotherVersionOfPenstock) {
  ASSERT_TRUE(publish_block(*open(TransportRole::kWriter).value(), 1000, 1));
  const std::string path = options_.address + "/data.mdb";
  std::ifstream before(path, std::ios::binary);
  std::string file{std::istreambuf_iterator<char>(before), {}};
  for (std::size_t at = file.find("penstock"); at != std::string::npos; at = file.find("penstock", at + 1)) {
    file[at + 8] = 7;  // the layout follows the mark
  }
  std::ofstream(path, std::ios::binary) << file;
  for (const TransportRole role : {TransportRole::kReader, TransportRole::kWriter}) {
    const auto opened = open(role);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::kUnsupported);
    EXPECT_THAT(opened.error().to_text(), HasSubstr("has layout 7, this Penstock knows layout 1"));
  }
}

TEST_F(Lmdb, LeavesFilesOfOthersAlone) {
  std::filesystem::create_directory(options_.address);
  std::ofstream(options_.address + "/notes.txt") << "mine";
  EXPECT_EQ(open(TransportRole::kWriter).error().code(), ErrorCode::kAlreadyExists);
  std::ofstream(options_.address + "/data.mdb") << std::string(10'000, 'x');
  EXPECT_EQ(open(TransportRole::kWriter).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(options_.address + "/notes.txt"));
}

}  // namespace
}  // namespace penstock
