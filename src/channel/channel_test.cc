// SPDX-License-Identifier: MIT
#include "channel/channel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace penstock {
namespace {

Batch numbered(std::uint64_t sequence) {
  auto records = std::make_unique<TypedRecords<std::uint64_t>>();
  records->records.push_back(sequence);
  Batch batch(std::move(records));
  batch.sequence = sequence;
  return batch;
}

TEST(Channel, KeepsTheOrderThroughAnyDepth) {
  for (const std::size_t depth : {1U, 2U, 5U, 64U}) {
    constexpr std::uint64_t kBatches = 20'000;
    Channel channel(depth, MemoryBudget());
    std::thread producer([&] {
      for (std::uint64_t i = 0; i < kBatches; ++i) ASSERT_TRUE(channel.push(numbered(i)));
      channel.close();
    });
    Batch batch;
    std::uint64_t next = 0;
    while (channel.pop(batch)) ASSERT_EQ(batch.sequence, next++);
    EXPECT_EQ(next, kBatches);
    producer.join();
  }
}

TEST(Channel, NeverHoldsMoreThanItsDepth) {
  Channel channel(3, MemoryBudget());
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < 5000; ++i) channel.push(numbered(i));
    channel.close();
  });
  Batch batch;
  while (channel.pop(batch)) EXPECT_LE(channel.size(), 3U);
  producer.join();
}

TEST(Channel, GivesOutWhatWasPushedBeforeItWasClosed) {
  Channel channel(4, MemoryBudget());
  channel.push(numbered(1));
  channel.push(numbered(2));
  channel.close();
  Batch batch;
  EXPECT_TRUE(channel.pop(batch));
  EXPECT_TRUE(channel.pop(batch));
  EXPECT_FALSE(channel.pop(batch));
}

TEST(Channel, WakesAWaitingProducerWhenItIsCancelled) {
  Channel channel(1, MemoryBudget());
  ASSERT_TRUE(channel.push(numbered(0)));
  std::thread producer([&] { EXPECT_FALSE(channel.push(numbered(1))); });
  channel.cancel();
  producer.join();
}

TEST(Channel, WakesAWaitingConsumerWhenItIsCancelled) {
  Channel channel(1, MemoryBudget());
  std::thread consumer([&] {
    Batch batch;
    EXPECT_FALSE(channel.pop(batch));
  });
  channel.cancel();
  consumer.join();
}

TEST(Channel, RefusesBatchesWhenTheConsumerStopped) {
  Channel channel(1, MemoryBudget());
  ASSERT_TRUE(channel.push(numbered(0)));
  std::thread producer([&] { EXPECT_FALSE(channel.push(numbered(1))); });
  channel.stop_consuming();
  producer.join();
  EXPECT_FALSE(channel.wants_more());
}

TEST(Channel, TakesNothingMoreWhenItWasCancelled) {
  Channel channel(4, MemoryBudget());
  ASSERT_TRUE(channel.push(numbered(0)));
  channel.cancel();
  Batch batch;
  EXPECT_FALSE(channel.push(numbered(1)));
  EXPECT_FALSE(channel.pop(batch));
  EXPECT_FALSE(channel.wants_more());
}

TEST(Channel, HasRoomForOneBatchAtLeast) {
  Channel channel(0, MemoryBudget());
  EXPECT_EQ(channel.depth(), 1U);
  EXPECT_TRUE(channel.push(numbered(0)));
}

// Whoever waits must wake up, at whatever moment the other side ends.
TEST(Channel, LosesNoWakeUpHoweverItEnds) {
  enum class End { kClose, kStopConsuming, kCancelByProducer, kCancelByConsumer, kCancelFromOutside };
  for (const End end :
       {End::kClose, End::kStopConsuming, End::kCancelByProducer, End::kCancelByConsumer, End::kCancelFromOutside}) {
    for (std::uint64_t round = 0; round < 300; ++round) {
      Channel channel(1 + round % 3, MemoryBudget());
      const std::uint64_t at = round % 17;
      std::uint64_t accepted = 0;
      std::thread producer([&] {
        for (std::uint64_t i = 0;; ++i) {
          if (end == End::kClose && i == at) break;
          if (end == End::kCancelByProducer && i == at) return channel.cancel();
          if (!channel.push(numbered(i))) return;
          ++accepted;
        }
        channel.close();
      });
      std::uint64_t seen = 0;
      std::thread consumer([&] {
        for (Batch batch; channel.pop(batch); ++seen) {
          ASSERT_EQ(batch.sequence, seen);
          if (end == End::kStopConsuming && seen == at) return channel.stop_consuming();
          if (end == End::kCancelByConsumer && seen == at) return channel.cancel();
        }
      });
      if (end == End::kCancelFromOutside) channel.cancel();
      producer.join();
      consumer.join();
      if (end == End::kClose) {
        ASSERT_EQ(seen, accepted);
      }
      ASSERT_LE(seen, accepted);
    }
  }
}

TEST(Channel, ChargesTypedRecordsToTheBudget) {
  const MemoryBudget budget(1000);
  Channel channel(2, budget);
  channel.push(numbered(0));
  EXPECT_EQ(budget.used(), sizeof(std::uint64_t));
  Batch batch;
  channel.pop(batch);
  EXPECT_EQ(budget.used(), 0U);
}

TEST(Channel, HoldsFewerFromNowOn) {
  Channel channel(4, MemoryBudget());
  EXPECT_TRUE(channel.push(Batch(RecordBatch())));
  EXPECT_TRUE(channel.push(Batch(RecordBatch())));
  channel.lower_depth(1);
  EXPECT_EQ(channel.depth(), 1U);
  EXPECT_EQ(channel.size(), 2U);
  std::atomic<int> pushed = 0;
  std::thread producer([&] {
    for (int i = 0; i < 50; ++i) pushed += channel.push(Batch(RecordBatch())) ? 1 : 0;
    channel.close();
  });
  Batch batch;
  int popped = 0;
  while (channel.pop(batch)) {
    ++popped;
    EXPECT_LE(channel.size(), popped < 2 ? 2U : 1U);
  }
  producer.join();
  EXPECT_EQ(pushed, 50);
  EXPECT_EQ(popped, 52);
  channel.lower_depth(9);
  EXPECT_EQ(channel.depth(), 1U) << "never more";
  channel.lower_depth(0);
  EXPECT_EQ(channel.depth(), 1U);
}

}  // namespace
}  // namespace penstock
