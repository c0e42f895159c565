// SPDX-License-Identifier: MIT
// Processes that share memory are killed at random instants; the others go on and nobody ever sees half a block. Short
// by day; PENSTOCK_LONG_TESTS=1 kills 1,000 times.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <filesystem>
#include <random>
#include <vector>

#include "transport/arena.h"
#include "transport/transport_kit.h"

namespace penstock {
namespace {

using penstock::testing::block_seed;
using penstock::testing::ChildProcess;
using penstock::testing::fill_block;
using penstock::testing::is_whole;
using penstock::testing::publish_block;
using penstock::testing::send_block;
using penstock::testing::times_to_kill;

/// What children count, in memory that outlives them.
struct Counts {
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> looked_at{0};
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> went_back{0};
  std::atomic<std::uint64_t> failed{0};
};

class Killing : public ::testing::Test {
 protected:
  Killing() {
    std::string pattern = "/dev/shm/penstock_test_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    options_.address = "victim";
    options_.more = {{"folder", folder_}};
    counts_ = new (::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Counts;
    seed_ = std::random_device()();
    std::printf("seed %u\n", seed_);
    random_.seed(seed_);
  }
  ~Killing() override {
    std::filesystem::remove_all(folder_);
    ::munmap(counts_, sizeof(Counts));
  }

  /// Until the others did about `steps` more: an instant that falls anywhere in their work.
  void let_them_work(std::uint64_t steps) {
    const auto done = [&] { return counts_->published + counts_->looked_at; };
    const std::uint64_t until = done() + steps;
    while (done() < until) ::sched_yield();
    for (auto rest = random_() % 20'000; rest > 0; --rest) (void)done();
  }

  std::string folder_;
  TransportOptions options_;
  Counts* counts_;
  unsigned seed_;
  std::mt19937 random_;
};

int publish_for_ever(const TransportOptions& base, Counts& counts) {
  TransportOptions options = base;
  options.role = TransportRole::kWriter;
  const auto opened = TransportRegistry::global().open("shm", options);
  if (!opened) return ++counts.failed, 1;
  for (std::uint64_t seed = static_cast<std::uint64_t>(::getpid()) << 32;; ++seed) {
    if (!publish_block(**opened, 20'000 + seed % 50'000, seed)) return ++counts.failed, 1;
    ++counts.published;
  }
}

int look_for_ever(const TransportOptions& options, Counts& counts) {
  const auto opened = TransportRegistry::global().wait_until_open("shm", options, {});
  if (!opened) return ++counts.failed, 1;
  for (Version seen = 0;;) {
    const auto newer = (*opened)->wait(seen, {});
    if (!newer) continue;  // the writer is dead; the next one takes over
    const auto view = (*opened)->view();
    if (!view) return ++counts.failed, 1;
    counts.went_back += view->version() < *newer ? 1 : 0;
    counts.torn += is_whole(view->bytes()) ? 0 : 1;
    ++counts.looked_at;
    seen = view->version();
  }
}

TEST_F(Killing, NeverShowsHalfAVersionOfADictionary) {
  const auto write = [&] { return publish_for_ever(options_, *counts_); };
  const auto look = [&] { return look_for_ever(options_, *counts_); };
  std::vector<ChildProcess> children;
  children.emplace_back(write);
  for (int i = 0; i < 3; ++i) children.emplace_back(look);
  const int kills = times_to_kill(50, 1000);
  for (int i = 0; i < kills; ++i) {
    let_them_work(1 + random_() % 50);
    ChildProcess& victim = children[random_() % children.size()];
    const bool was_writer = &victim == &children[0];
    victim.kill();
    victim = was_writer ? ChildProcess(write) : ChildProcess(look);
  }
  let_them_work(100);
  children.clear();
  EXPECT_EQ(counts_->torn, 0U);
  EXPECT_EQ(counts_->went_back, 0U);
  EXPECT_EQ(counts_->failed, 0U);
  EXPECT_GE(counts_->looked_at + counts_->published, static_cast<std::uint64_t>(kills));
  std::printf("%d kills, %llu versions, %llu looks\n", kills, static_cast<unsigned long long>(counts_->published),
              static_cast<unsigned long long>(counts_->looked_at));

  // What is left can be used, and found and removed.
  ASSERT_EQ(list_arenas(folder_).value().size(), 1U);
  const auto reading = TransportRegistry::global().open("shm", options_);
  ASSERT_TRUE(reading) << reading.error().to_text();
  EXPECT_TRUE(is_whole((*reading)->view()->bytes()));
  (*reading)->cleanup().value();
  const std::vector<ArenaListing> leftovers = list_arenas(folder_).value();
  EXPECT_TRUE(remove_arena(leftovers.front()));
}

int receive_for_ever(const TransportOptions& options, Counts& counts) {
  while (true) {
    const auto opened = TransportRegistry::global().open_reader("shm", options);
    if (!opened) {
      ::sched_yield();  // there is no writer at this moment
      continue;
    }
    std::uint64_t last = 0;
    while (true) {
      const auto view = (*opened)->receive({.timeout_micros = 1'000'000});
      if (!view) {
        if (view.error().code() == ErrorCode::kTimeout) continue;
        break;  // its writer died; the next one makes a new stream
      }
      counts.torn += is_whole(view->bytes()) ? 0 : 1;
      counts.went_back += last != 0 && block_seed(view->bytes()) != last + 1 ? 1 : 0;
      last = block_seed(view->bytes());
      ++counts.looked_at;
    }
  }
}

int send_for_ever(const TransportOptions& options, Counts& counts) {
  const auto opened = TransportRegistry::global().open_writer("shm", options);
  if (!opened) return ++counts.failed, 1;
  for (std::uint64_t seed = static_cast<std::uint64_t>(::getpid()) << 32;; ++seed) {
    if (!send_block(**opened, 8 + seed * 31 % 50'000, seed)) return ++counts.failed, 1;
    ++counts.published;
  }
}

TEST_F(Killing, NeverLosesOrTearsABatchOfAStream) {
  options_.max_readers = 8;
  const auto send = [&] { return send_for_ever(options_, *counts_); };
  const auto receive = [&] { return receive_for_ever(options_, *counts_); };
  std::vector<ChildProcess> children;
  children.emplace_back(send);
  for (int i = 0; i < 3; ++i) children.emplace_back(receive);
  const int kills = times_to_kill(50, 1000);
  for (int i = 0; i < kills; ++i) {
    let_them_work(1 + random_() % 50);
    // The writer less often: whoever waits learns of its death within 100 ms, of a reader's too when the stream is
    // full.
    const std::size_t which = random_() % 8 == 0 ? 0 : 1 + random_() % 3;
    children[which].kill();
    children[which] = which == 0 ? ChildProcess(send) : ChildProcess(receive);
  }
  let_them_work(100);
  children.clear();
  EXPECT_EQ(counts_->torn, 0U);
  EXPECT_EQ(counts_->went_back, 0U);
  EXPECT_EQ(counts_->failed, 0U);
  std::printf("%d kills, %llu batches sent, %llu received\n", kills,
              static_cast<unsigned long long>(counts_->published), static_cast<unsigned long long>(counts_->looked_at));
  const std::vector<ArenaListing> leftovers = list_arenas(folder_).value();
  for (const ArenaListing& left : leftovers) EXPECT_TRUE(remove_arena(left)) << left.path;
}

}  // namespace
}  // namespace penstock
