// SPDX-License-Identifier: MIT
#include "executor/shared_blocks.h"

#include <gtest/gtest.h>
#include <penstock/buffer.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace penstock {
namespace {

constexpr std::size_t kPage = 4096;

std::shared_ptr<SharedBlocks> blocks() { return SharedBlocks::create("penstock-test").value(); }

TEST(SharedBlocks, GiveOutWholePagesOnlyOnce) {
  const auto shared = blocks();
  const BlockPlace one = shared->take(1).value();
  const BlockPlace two = shared->take(kPage + 1).value();
  EXPECT_EQ(one.offset % kPage, 0U);
  EXPECT_EQ(two.size, 2 * kPage);
  EXPECT_TRUE(two.offset >= one.offset + one.size || one.offset >= two.offset + two.size);
}

TEST(SharedBlocks, PutWhatCameBackTogetherAgain) {
  const auto shared = blocks();
  std::uint64_t offsets[4];
  for (std::uint64_t& offset : offsets) offset = shared->take(16 * kPage).value().offset;
  for (const int i : {1, 3, 0, 2}) shared->give_back(offsets[i]);
  EXPECT_EQ(shared->take(64 * kPage).value().offset, offsets[0]);
}

TEST(SharedBlocks, IgnoreWhatTheyNeverGaveOut) {
  const auto shared = blocks();
  shared->give_back(12345);
  EXPECT_TRUE(shared->take(1));
}

TEST(SharedBlocks, KeepToTheirLimit) {
  const auto shared = blocks();
  shared->limit_to(std::uint64_t{1} << 20);
  EXPECT_EQ(shared->take(std::size_t{2} << 20).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(shared->allocate(std::size_t{2} << 20), nullptr);
  EXPECT_TRUE(shared->take(std::size_t{1} << 20));
}

TEST(SharedBlocks, KnowWhatLiesInThem) {
  const auto shared = blocks();
  const BlockPlace place = shared->take(kPage).value();
  const std::byte* const begin = shared->data() + place.offset;
  EXPECT_EQ(shared->place_of(begin + 64, 100)->offset, place.offset + 64);
  EXPECT_FALSE(shared->place_of(begin, shared->size_bytes() + 1));
  EXPECT_FALSE(shared->place_of(&place, 1));
}

TEST(SharedBlocks, AreMemoryForBuffersThatOtherProcessesSee) {
  const auto shared = blocks();
  BufferPool pool(MemoryBudget(), shared);
  Buffer large = pool.allocate(100'000);
  Buffer small = pool.allocate(100);
  EXPECT_TRUE(shared->place_of(large.data(), large.capacity()));
  EXPECT_FALSE(shared->place_of(small.data(), small.capacity()));
  const pid_t other = ::fork();
  if (other == 0) {
    std::memset(large.mutable_data(), 'x', 100'000);
    ::_exit(0);
  }
  ::waitpid(other, nullptr, 0);
  EXPECT_EQ(large.data()[99'999], 'x');
}

TEST(SharedBlocks, ServeTheirPoolAgainWhenABufferIsGone) {
  const auto shared = blocks();
  BufferPool pool(MemoryBudget(), shared);
  const void* const before = pool.allocate(100'000).data();
  EXPECT_EQ(pool.allocate(100'000).data(), before);
}

TEST(SharedBlocks, LeaveBuffersToTheHeapWhenTheyHaveNoMore) {
  const auto shared = blocks();
  shared->limit_to(1);
  BufferPool pool(MemoryBudget(), shared);
  Buffer buffer = pool.allocate(100'000);
  std::memset(buffer.mutable_data(), 1, 100'000);
  EXPECT_FALSE(shared->place_of(buffer.data(), 1));
}

TEST(SharedBlocks, LiveAsLongAsTheirBuffers) {
  Buffer buffer;
  {
    BufferPool pool(MemoryBudget(), blocks());
    buffer = pool.allocate(100'000);
  }
  std::memset(buffer.mutable_data(), 1, 100'000);
  EXPECT_EQ(buffer.data()[99'999], 1);
}

}  // namespace
}  // namespace penstock
