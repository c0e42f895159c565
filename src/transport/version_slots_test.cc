// SPDX-License-Identifier: MIT
// The lock-free parts between threads over one mapping, where the thread sanitizer sees both sides.
#include "transport/version_slots.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "transport/batch_ring.h"
#include "transport/transport_kit.h"

namespace penstock {
namespace {

using penstock::testing::block_seed;
using penstock::testing::fill_block;
using penstock::testing::is_whole;
using penstock::testing::send_block;

constexpr int kReaders = 3;

TEST(VersionSlots, ShowWholeVersionsToThreadsWhileTheyAreReplaced) {
  const std::shared_ptr<Arena> arena =
      Arena::create_anonymous(version_shape(1 << 20, kReaders), set_up_versions).value();
  arena->header().writer.store(this_process_token());
  constexpr std::uint64_t kVersions = 20'000;
  auto opened = VersionWriter::open(arena, 64);
  const std::unique_ptr<VersionWriter> writer = std::move(opened).value();
  std::atomic<int> bad = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      auto reader = VersionReader::open(arena).value();
      for (Version seen = 0; seen < kVersions;) {
        (void)reader->wait(seen, {});
        const Result<View> view = reader->view();
        const bool good =
            view && view->version() > seen && is_whole(view->bytes()) && block_seed(view->bytes()) == view->version();
        bad += good ? 0 : 1;
        if (!good) return;
        seen = view->version();
      }
    });
  }
  for (std::uint64_t seed = 1; seed <= kVersions; ++seed) {
    const std::size_t size = 8 + seed * 7 % 512;
    fill_block(writer->begin(size).value().first(size), seed);
    ASSERT_EQ(writer->commit(size).value(), seed);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
}

TEST(BatchRing, GivesEveryBatchToThreadsThatComeAndGo) {
  TransportOptions options;
  options.depth = 4;
  options.max_readers = kReaders;
  const AnonymousStream stream = AnonymousStream::create(options).value();
  std::atomic<bool> done = false;
  std::atomic<int> bad = 0;
  std::atomic<std::uint64_t> received = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, i] {
      for (int life = 0; !done; ++life) {
        auto reader = stream.open_reader();
        if (!reader) continue;  // the writer has not freed our last place yet
        std::uint64_t last = 0;
        for (int left = 5 + 7 * i + life % 50; left > 0; --left) {
          const Result<View> view = (*reader)->receive({});
          if (!view || !*view) return;
          const std::uint64_t seed = block_seed(view->bytes());
          bad += is_whole(view->bytes()) && (last == 0 || seed == last + 1) ? 0 : 1;
          last = seed;
          ++received;
        }
      }
    });
  }
  auto opened = stream.open_writer();
  const std::unique_ptr<StreamWriter> writer = std::move(opened).value();
  for (std::uint64_t seed = 1; received < 5'000; ++seed) {
    ASSERT_TRUE(send_block(*writer, 8 + seed * 7 % 512, seed));
    if (writer->stats().readers == 0) std::this_thread::yield();
  }
  done = true;
  ASSERT_TRUE(writer->close());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace penstock
