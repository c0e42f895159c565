// SPDX-License-Identifier: MIT
// The transport "mpi" between ranks: every rank runs all of these tests, each its part. mpi_test.py starts them, and
// the conformance suite in one rank.
#include <gmock/gmock.h>
#include <penstock/transport.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "transport/transport_kit.h"

namespace penstock {
namespace {

using penstock::testing::block_seed;
using penstock::testing::is_whole;
using penstock::testing::publish_block;
using penstock::testing::send_block;
using ::testing::HasSubstr;

constexpr std::size_t kKiB = 1024;

std::uint32_t number_from(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

class MpiRanks : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto info = registry().find("mpi");
    if (!info) GTEST_SKIP() << info.error().to_text();
    if (const Status usable = (*info)->can_use_here(); !usable) GTEST_SKIP() << usable.error().to_text();
    if (ranks() < 2) GTEST_SKIP() << "needs several ranks: mpiexec -n 3 ...";
    name_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void TearDown() override {
    if (!IsSkipped()) meet();
  }

  static const TransportRegistry& registry() { return TransportRegistry::global(); }
  static std::uint32_t rank() { return number_from("OMPI_COMM_WORLD_RANK"); }
  static std::uint32_t ranks() { return number_from("OMPI_COMM_WORLD_SIZE"); }
  static bool writes() { return rank() == 0; }

  std::unique_ptr<DictionaryBackend> writer(const std::string& address) const {
    return registry().open("mpi", {.address = address, .role = TransportRole::kWriter}).value();
  }
  std::unique_ptr<DictionaryBackend> reader(const std::string& address) const {
    return registry().wait_until_open("mpi", {.address = address}, {}).value();
  }
  std::unique_ptr<StreamWriter> stream_writer(const std::string& address, TransportOptions options = {}) const {
    options.address = address;
    options.wait_for_readers = ranks() - 1;
    return registry().open_writer("mpi", options).value();
  }
  std::unique_ptr<StreamReader> stream_reader(const std::string& address) const {
    while (true) {
      auto opened = registry().open_reader("mpi", {.address = address});
      if (opened) return std::move(*opened);
      EXPECT_EQ(opened.error().code(), ErrorCode::kNotFound) << opened.error().to_text();
      std::this_thread::yield();
    }
  }

  /// All ranks are here: the first waits for the others, and they for its word.
  void meet() {
    const std::string address = name_ + "-meeting-" + std::to_string(++meetings_);
    if (writes()) {
      const auto sending = stream_writer(address);
      EXPECT_TRUE(send_block(*sending, 8, 1));
      EXPECT_TRUE(sending->close());
    } else {
      const auto receiving = stream_reader(address);
      EXPECT_TRUE(receiving->receive({}).value());
    }
  }

  std::string name_;

 private:
  int meetings_ = 0;
};

TEST_F(MpiRanks, SeeWholeVersionsInOrderWhileTheyGrow) {
  constexpr Version kVersions = 120;
  for (const std::string carrier : {"window:", "broadcast:"}) {
    const std::string address = carrier + name_;
    if (writes()) {
      const auto writing = writer(address);
      meet();  // all have it open
      for (Version seed = 1; seed <= kVersions; ++seed) {
        const std::size_t size = seed % 40 == 0 ? seed * 75 * kKiB : 8 + seed * 7919 % 4096;
        ASSERT_TRUE(publish_block(*writing, size, seed));
      }
      meet();
      continue;
    }
    const auto reading = reader(address);
    meet();
    for (Version seen = 0; seen < kVersions;) {
      const auto newer = reading->wait(seen, {});
      ASSERT_TRUE(newer) << newer.error().to_text();
      const auto view = reading->view();
      ASSERT_TRUE(view) << view.error().to_text();
      EXPECT_TRUE(is_whole(view->bytes()));
      EXPECT_EQ(block_seed(view->bytes()), view->version());
      EXPECT_GE(view->version(), *newer);
      EXPECT_GT(view->version(), seen);
      seen = view->version();
    }
    meet();
  }
}

TEST_F(MpiRanks, FindTheLatestVersionWhenTheyComeLate) {
  for (const std::string carrier : {"window:", "broadcast:"}) {
    const auto writing = writes() ? writer(carrier + name_) : nullptr;
    for (Version seed = 1; writes() && seed <= 5; ++seed) ASSERT_TRUE(publish_block(*writing, 5000 * kKiB, seed));
    meet();
    if (!writes()) {
      EXPECT_EQ(block_seed(reader(carrier + name_)->view()->bytes()), 5U);
    }
    meet();
  }
}

TEST_F(MpiRanks, KeepViewsOfWhatWasReplacedAndClosed) {
  for (const std::string carrier : {"window:", "broadcast:"}) {
    const auto writing = writes() ? writer(carrier + name_) : nullptr;
    if (writes()) {
      ASSERT_TRUE(publish_block(*writing, kKiB, 1));
    }
    meet();
    const auto reading = writes() ? nullptr : reader(carrier + name_);
    const View held = writes() ? View() : *reading->view();
    meet();
    for (Version seed = 2; writes() && seed <= 50; ++seed)
      ASSERT_TRUE(publish_block(*writing, seed * 100 * kKiB, seed));
    if (writes()) {
      EXPECT_TRUE(writing->cleanup());
    }
    meet();
    if (writes()) continue;
    EXPECT_EQ(block_seed(held.bytes()), 1U);
    EXPECT_TRUE(is_whole(held.bytes()));
    EXPECT_EQ(reading->wait(50, {}).error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(block_seed(reading->view()->bytes()), 50U) << "the last one is there, too";
  }
}

TEST_F(MpiRanks, RefuseASecondWriterByRankAndProcess) {
  const auto writing = writes() ? writer(name_) : nullptr;
  meet();
  if (!writes()) {
    const auto second = registry().open("mpi", {.address = name_, .role = TransportRole::kWriter});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
    EXPECT_THAT(second.error().to_text(), HasSubstr("rank 0"));
    EXPECT_THAT(second.error().to_text(), HasSubstr(name_));
  }
  meet();
}

TEST_F(MpiRanks, LetEachRankWriteAnAddressOfItsOwn) {
  const auto writing = writer(name_ + std::to_string(rank()));
  ASSERT_TRUE(publish_block(*writing, 3000, rank() + 1));
  for (std::uint32_t other = 0; other < ranks(); ++other) {
    const auto reading = reader(name_ + std::to_string(other));
    ASSERT_TRUE(reading->wait(0, {}));
    EXPECT_EQ(block_seed(reading->view()->bytes()), other + 1);
  }
  meet();
}

TEST_F(MpiRanks, GetEveryBatchInOrder) {
  constexpr std::uint64_t kBatches = 200;
  const auto size_of_batch = [](std::uint64_t seed) { return seed % 50 == 0 ? 3000 * kKiB : seed * 13 % 9000; };
  if (writes()) {
    const auto sending = stream_writer(name_);
    for (std::uint64_t seed = 1; seed <= kBatches; ++seed) ASSERT_TRUE(send_block(*sending, size_of_batch(seed), seed));
    ASSERT_TRUE(sending->close());
    return;
  }
  const auto receiving = stream_reader(name_);
  for (std::uint64_t seed = 1; seed <= kBatches; ++seed) {
    const auto view = receiving->receive({});
    ASSERT_TRUE(view && *view);
    EXPECT_EQ(view->version(), seed);
    EXPECT_EQ(view->bytes().size(), size_of_batch(seed));
    EXPECT_TRUE(is_whole(view->bytes()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view->bytes().data()) % 64, 0U);
  }
  EXPECT_FALSE(*receiving->receive({}));
}

TEST_F(MpiRanks, GoOnWhenOneStopsReceiving) {
  constexpr std::uint64_t kBatches = 100;
  if (writes()) {
    const auto sending = stream_writer(name_, {.depth = 4});
    for (std::uint64_t seed = 1; seed <= kBatches; ++seed) {
      const Status sent = send_block(*sending, 1000 * kKiB, seed);
      // With two ranks nobody is left to send to.
      ASSERT_TRUE(sent || ranks() == 2) << sent.error().to_text();
    }
    return;
  }
  const auto receiving = stream_reader(name_);
  const std::uint64_t wanted = rank() == 1 ? 3 : kBatches;
  for (std::uint64_t seed = 1; seed <= wanted; ++seed) EXPECT_EQ(block_seed(receiving->receive({})->bytes()), seed);
}

// For mpi_test.py, which wants to see the job end and nothing left.
TEST_F(MpiRanks, DISABLED_EndWithTheOneThatIsKilled) {
  const auto writing = writes() ? writer(name_) : nullptr;
  if (writes()) {
    ASSERT_TRUE(publish_block(*writing, kKiB, 1));
  }
  meet();
  if (rank() == 1) ::kill(::getpid(), SIGKILL);
  ::pause();
}

}  // namespace
}  // namespace penstock
