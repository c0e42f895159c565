// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <penstock/buffer.h>

#include <cstdint>

namespace penstock {
namespace {

TEST(Buffer, IsAlignedTo64Bytes) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{65}, std::size_t{100'000}}) {
    Buffer buffer = BufferPool::shared().allocate(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    EXPECT_GE(buffer.capacity(), size);
    EXPECT_EQ(buffer.size(), 0U);
  }
}

TEST(Buffer, CopiesShareTheBytes) {
  Buffer first = BufferPool::shared().allocate(8);
  EXPECT_TRUE(first.unique());
  const Buffer second = first;
  EXPECT_FALSE(first.unique());
  EXPECT_EQ(first.data(), second.data());
}

TEST(Buffer, KeepsItsContentsWhenItGrows) {
  BufferPool pool;
  Buffer buffer;
  for (std::uint8_t i = 0; i < 200; ++i) {
    buffer.reserve(i + 1U, pool);
    buffer.set_size(i + 1U);
    buffer.mutable_data()[i] = i;
  }
  for (std::uint8_t i = 0; i < 200; ++i) EXPECT_EQ(buffer.data()[i], i);
}

TEST(Buffer, WrapsBytesOfSomebodyElseAndLetsGoOfThem) {
  alignas(64) static constexpr std::uint8_t kBytes[3] = {1, 2, 3};
  auto keeper = std::make_shared<int>(7);
  Buffer wrapped = Buffer::wrap(kBytes, keeper);
  EXPECT_EQ(wrapped.data(), kBytes);
  EXPECT_EQ(wrapped.size(), 3U);
  EXPECT_FALSE(wrapped.unique());
  Buffer copy = wrapped;
  wrapped = Buffer();
  EXPECT_EQ(keeper.use_count(), 2);
  EXPECT_EQ(copy.data()[2], 3);
  copy = Buffer();
  EXPECT_EQ(keeper.use_count(), 1);
}

TEST(Buffer, CopiesWrappedBytesWhenItGrows) {
  alignas(64) static constexpr std::uint8_t kBytes[3] = {1, 2, 3};
  Buffer buffer = Buffer::wrap(kBytes, nullptr);
  buffer.reserve(10, BufferPool::shared());
  EXPECT_NE(buffer.data(), kBytes);
  EXPECT_EQ(buffer.data()[2], 3);
  EXPECT_TRUE(buffer.unique());
}

TEST(MemoryBudget, CountsWhatThePoolGaveOut) {
  const MemoryBudget budget(1000);
  BufferPool pool(budget);
  {
    const Buffer small = pool.allocate(500);
    EXPECT_EQ(budget.used(), 512U);
    EXPECT_FALSE(budget.exceeded());
    const Buffer large = pool.allocate(513);
    EXPECT_EQ(budget.used(), 512U + 1024U);
    EXPECT_TRUE(budget.exceeded());
  }
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_EQ(budget.peak(), 1536U);
}

TEST(BufferPool, GivesAFreedBlockOutAgain) {
  BufferPool pool;
  const void* address = pool.allocate(100).data();
  EXPECT_EQ(pool.allocate(100).data(), address);
}

TEST(BufferPool, MayEndBeforeItsBuffers) {
  Buffer buffer;
  {
    BufferPool pool;
    buffer = pool.allocate(10);
  }
  buffer.set_size(10);
  buffer.mutable_data()[9] = 7;
  EXPECT_EQ(buffer.data()[9], 7);
}

}  // namespace
}  // namespace penstock
