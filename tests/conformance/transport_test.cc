// SPDX-License-Identifier: MIT
// What every transport of the registry must keep to. A backend that this build lacks is skipped.
#include <gmock/gmock.h>
#include <penstock/transport.h>

#include <array>
#include <atomic>
#include <ostream>
#include <thread>
#include <vector>

#include "transport/transport_kit.h"

namespace penstock {

namespace {

using penstock::testing::Bell;
using penstock::testing::block_seed;
using penstock::testing::ChildProcess;
using penstock::testing::fill_block;
using penstock::testing::is_whole;
using penstock::testing::publish_block;
using penstock::testing::send_block;
using ::testing::HasSubstr;

// The other process of a test is forked, and may be killed. Ends in several ranks: mpi_ranks_test.cc.
#define PENSTOCK_NEEDS_ANOTHER_PROCESS() \
  if (info().is_one_job) GTEST_SKIP() << "the ranks of a job can be neither forked nor killed alone"

constexpr std::size_t kKiB = 1024;

const TransportRegistry& registry() { return TransportRegistry::global(); }

/// A backend, and one of the kinds of addresses that it knows.
struct Case {
  const TransportInfo* info;
  std::size_t kind;

  std::string name() const { return kind == 0 ? info->name : info->name + "_" + std::to_string(kind + 1); }
  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name(); }
};

/// Backends that this build lacks, and those that can do `what`.
template <class F>
std::vector<Case> cases(F TransportInfo::* what) {
  std::vector<Case> found;
  for (const TransportInfo* info : registry().all()) {
    if (info->missing.empty() && info->*what == nullptr) continue;
    const std::size_t kinds = info->example_addresses != nullptr ? info->example_addresses("kinds").size() : 1;
    for (std::size_t kind = 0; kind < kinds; ++kind) found.push_back({info, kind});
  }
  return found;
}

class Transport : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!info().missing.empty()) GTEST_SKIP() << info().missing;
    const Status usable = info().can_use_here == nullptr ? Status() : info().can_use_here();
    if (!usable) GTEST_SKIP() << usable.error().to_text();
    const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string unique = test->name();
    for (char& c : unique) c = c == '/' ? '-' : c;
    options_.address = info().example_addresses(unique).at(GetParam().kind);
  }

  static const TransportInfo& info() { return *GetParam().info; }
  TransportOptions as(TransportRole role) const {
    TransportOptions options = options_;
    options.role = role;
    return options;
  }
  std::unique_ptr<DictionaryBackend> open(TransportRole role) const {
    auto opened = registry().open(info().name, as(role));
    if (!opened) ADD_FAILURE() << opened.error().to_text();
    return opened ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<DictionaryBackend> writer() const { return open(TransportRole::kWriter); }
  std::unique_ptr<DictionaryBackend> reader() const { return open(TransportRole::kReader); }

  TransportOptions options_;
};

class Dictionary : public Transport {};

class Stream : public Transport {
 protected:
  std::unique_ptr<StreamWriter> stream_writer() const {
    auto opened = registry().open_writer(info().name, options_);
    if (!opened) ADD_FAILURE() << opened.error().to_text();
    return opened ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<StreamReader> stream_reader() const {
    auto opened = registry().open_reader(info().name, options_);
    if (!opened) ADD_FAILURE() << opened.error().to_text();
    return opened ? std::move(*opened) : nullptr;
  }
};

TEST_P(Dictionary, KnowsItsName) { EXPECT_EQ(writer()->name(), info().name); }

TEST_P(Dictionary, ShowsWhatWasPublished) {
  const auto writing = writer();
  const auto reading = reader();
  Version expected = 0;
  for (const std::size_t size : {0UL, 1UL, 7UL, 8UL, 63UL, 64UL, 65UL, 4095UL, 4096UL, 4097UL, 1000 * kKiB}) {
    std::vector<std::byte> bytes(size);
    fill_block(bytes, size);
    const auto version = writing->publish(bytes);
    ASSERT_TRUE(version) << version.error().to_text();
    EXPECT_EQ(*version, ++expected);
    ASSERT_TRUE(reading->wait(expected - 1, {}));
    const auto view = reading->view();
    ASSERT_TRUE(view) << view.error().to_text();
    EXPECT_EQ(view->version(), expected);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), view->bytes().begin(), view->bytes().end())) << size;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view->bytes().data()) % 64, 0U);
  }
}

TEST_P(Dictionary, HasNothingBeforeTheFirstVersion) {
  const auto writing = writer();
  const auto view = reader()->view();
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code(), ErrorCode::kNotFound);
}

TEST_P(Dictionary, IsNotThereBeforeAWriter) {
  const auto opened = registry().open(info().name, as(TransportRole::kReader));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kNotFound);
  const auto waited = registry().wait_until_open(info().name, options_, {.timeout_micros = 5'000});
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code(), ErrorCode::kTimeout);
}

TEST_P(Dictionary, GrowsBeyondItsCapacity) {
  options_.capacity_bytes = kKiB;
  const auto writing = writer();
  const auto reading = reader();
  for (std::size_t size = kKiB; size <= 16 * kKiB * kKiB; size *= 4) {
    const auto version = publish_block(*writing, size, size);
    ASSERT_TRUE(version) << version.error().to_text();
    ASSERT_TRUE(reading->wait(*version - 1, {}));
    const auto view = reading->view();
    ASSERT_TRUE(view);
    EXPECT_EQ(view->bytes().size(), size);
    EXPECT_TRUE(is_whole(view->bytes()));
  }
}

TEST_P(Dictionary, KeepsAViewWhileNewerVersionsCome) {
  const auto writing = writer();
  const auto reading = reader();
  ASSERT_TRUE(publish_block(*writing, 10 * kKiB, 1));
  ASSERT_TRUE(reading->wait(0, {}));
  auto held = reading->view();
  ASSERT_TRUE(held);
  for (std::uint64_t seed = 2; seed < 500; ++seed) ASSERT_TRUE(publish_block(*writing, 10 * kKiB, seed));
  EXPECT_EQ(held->version(), 1U);
  EXPECT_EQ(block_seed(held->bytes()), 1U);
  EXPECT_TRUE(is_whole(held->bytes()));
  ASSERT_TRUE(reading->wait(498, {}));
  EXPECT_EQ(reading->view()->version(), 499U);
}

TEST_P(Dictionary, KeepsAViewBeyondItsReader) {
  const auto writing = writer();
  auto reading = reader();
  ASSERT_TRUE(publish_block(*writing, 10 * kKiB, 1));
  ASSERT_TRUE(reading->wait(0, {}));
  auto held = reading->view();
  ASSERT_TRUE(held);
  reading.reset();
  for (std::uint64_t seed = 2; seed < 100; ++seed) ASSERT_TRUE(publish_block(*writing, 10 * kKiB, seed));
  EXPECT_EQ(block_seed(held->bytes()), 1U);
  EXPECT_TRUE(is_whole(held->bytes()));
}

TEST_P(Dictionary, PublishesNothingWhenBuildingFails) {
  const auto writing = writer();
  ASSERT_TRUE(publish_block(*writing, kKiB, 1));
  const auto failed = writing->publish(kKiB, [](std::span<std::byte> room) -> Result<std::size_t> {
    fill_block(room, 2);
    return Error(ErrorCode::kUserCode, "no more");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kUserCode);
  const auto reading = reader();
  ASSERT_TRUE(reading->wait(0, {}));
  EXPECT_EQ(block_seed(reading->view()->bytes()), 1U);
  EXPECT_EQ(publish_block(*writing, kKiB, 3).value(), 2U);
}

TEST_P(Dictionary, PublishesFewerBytesThanTheRoom) {
  const auto writing = writer();
  ASSERT_TRUE(writing->publish(100 * kKiB, [](std::span<std::byte> room) {
    fill_block(room.first(24), 5);
    return std::size_t{24};
  }));
  const auto reading = reader();
  ASSERT_TRUE(reading->wait(0, {}));
  EXPECT_EQ(reading->view()->bytes().size(), 24U);
}

TEST_P(Dictionary, RefusesASecondWriterByNameAndProcess) {
  const auto first = writer();
  const auto second = registry().open(info().name, as(TransportRole::kWriter));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(second.error().to_text(), HasSubstr(options_.address));
  EXPECT_THAT(second.error().to_text(), HasSubstr(std::to_string(::getpid())));
}

TEST_P(Dictionary, WaitsUntilAnotherProcessPublishes) {
  PENSTOCK_NEEDS_ANOTHER_PROCESS();
  const Bell ready;
  const Bell go;
  ChildProcess child([&] {
    const auto writing = writer();
    ready.say();
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      go.hear();
      if (!publish_block(*writing, kKiB, seed)) return 1;
    }
    go.hear();
    return 0;
  });
  ready.hear();
  const auto reading = reader();
  for (Version seen = 0; seen < 20; ++seen) {
    go.say();
    const auto version = reading->wait(seen, {});
    ASSERT_TRUE(version) << version.error().to_text();
    ASSERT_EQ(*version, seen + 1);
    EXPECT_EQ(block_seed(reading->view()->bytes()), seen + 1);
  }
  go.say();
  EXPECT_EQ(child.wait(), 0);
}

TEST_P(Dictionary, StopsWaitingInTimeOrOnRequest) {
  const auto writing = writer();
  const auto reading = reader();
  const auto late = reading->wait(0, {.timeout_micros = 2'000});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kTimeout);
  EXPECT_EQ(reading->wait(0, {.timeout_micros = 0}).error().code(), ErrorCode::kTimeout);
  StopSignal stop;
  stop.request(StopSignal::State::kCancel);
  EXPECT_EQ(reading->wait(0, {.stop = &stop}).error().code(), ErrorCode::kCancelled);
}

TEST_P(Dictionary, TellsWaitersThatTheWriterClosed) {
  auto writing = writer();
  const auto reading = reader();
  ASSERT_TRUE(publish_block(*writing, kKiB, 1));
  ASSERT_TRUE(reading->wait(0, {}));
  auto held = reading->view();
  ASSERT_TRUE(held);
  std::thread closing([&] { writing->cleanup().value(); });
  const auto version = reading->wait(1, {});
  closing.join();
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(is_whole(held->bytes()));
}

TEST_P(Dictionary, ShowsOnlyWholeVersionsInOrderToManyReaders) {
  constexpr int kReaders = 3;
  constexpr std::uint64_t kVersions = 3000;
  const auto writing = writer();
  ASSERT_TRUE(publish_block(*writing, 8, 1));
  std::atomic<int> bad = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      const auto reading = reader();
      for (Version seen = 0; seen < kVersions;) {
        const auto newer = reading->wait(seen, {});
        const auto view = reading->view();
        const bool good = newer && view && view->version() >= *newer && *newer > seen && is_whole(view->bytes()) &&
                          block_seed(view->bytes()) == view->version();
        bad += good ? 0 : 1;
        if (!good) return;
        seen = view->version();
      }
    });
  }
  for (std::uint64_t seed = 2; seed <= kVersions; ++seed) {
    ASSERT_TRUE(publish_block(*writing, 8 + seed * 7 % 4096, seed));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
}

TEST_P(Dictionary, GoesOnWhenAReaderIsKilled) {
  PENSTOCK_NEEDS_ANOTHER_PROCESS();
  const std::array<Bell, 20> starts;
  const Bell holding;
  std::vector<ChildProcess> children;
  for (const Bell& start : starts) {
    children.emplace_back([&] {
      start.hear();
      const auto reading = reader();
      if (!reading->wait(0, {})) return 1;
      const auto view = reading->view();
      holding.say();
      ::pause();
      return 0;
    });
  }
  const auto writing = writer();
  ASSERT_TRUE(publish_block(*writing, kKiB, 1));
  for (std::size_t round = 0; round < starts.size(); ++round) {
    starts[round].say();
    holding.hear();
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(publish_block(*writing, kKiB, i));
    children[round].kill();
  }
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(publish_block(*writing, kKiB, i));
  const auto reading = reader();
  ASSERT_TRUE(reading->wait(0, {}));
  EXPECT_TRUE(is_whole(reading->view()->bytes()));
}

TEST_P(Dictionary, IsTakenOverFromAKilledWriter) {
  PENSTOCK_NEEDS_ANOTHER_PROCESS();
  const Bell published;
  ChildProcess child([&] {
    const auto writing = writer();
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      if (!publish_block(*writing, kKiB, seed)) return 1;
    }
    (void)writing->begin(kKiB);  // dies in the middle of the next one
    published.say();
    ::pause();
    return 0;
  });
  published.hear();
  const auto reading = reader();
  ASSERT_TRUE(reading->wait(4, {}));
  child.kill();
  EXPECT_EQ(block_seed(reading->view()->bytes()), 5U);
  EXPECT_EQ(reading->wait(5, {}).error().code(), ErrorCode::kUnavailable);
  const auto next = writer();
  ASSERT_EQ(publish_block(*next, kKiB, 6).value(), 6U);
  ASSERT_EQ(reading->wait(5, {}).value(), 6U);
  EXPECT_EQ(block_seed(reading->view()->bytes()), 6U);
}

TEST_P(Dictionary, CanBeOpenedAgainAfterCleanup) {
  for (int round = 0; round < 3; ++round) {
    const auto writing = writer();
    ASSERT_TRUE(publish_block(*writing, kKiB, 9));
    const auto reading = reader();
    ASSERT_TRUE(reading->wait(0, {}));
    EXPECT_EQ(block_seed(reading->view()->bytes()), 9U);
    EXPECT_TRUE(reading->cleanup());
    EXPECT_TRUE(writing->cleanup());
    EXPECT_TRUE(writing->cleanup());
  }
}

// ---- Streams -------------------------------------------------------------------------------------------------------

TEST_P(Stream, CarriesBatchesInOrder) {
  options_.wait_for_readers = 1;
  const auto sending = stream_writer();
  const auto receiving = stream_reader();
  std::thread sender([&] {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) EXPECT_TRUE(send_block(*sending, seed * 13 % 9000, seed));
    EXPECT_TRUE(sending->close());
  });
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const auto view = receiving->receive({});
    ASSERT_TRUE(view) << view.error().to_text();
    ASSERT_TRUE(*view);
    EXPECT_EQ(view->version(), seed);
    EXPECT_EQ(view->bytes().size(), seed * 13 % 9000);
    EXPECT_TRUE(view->bytes().size() < 8 || block_seed(view->bytes()) == seed);
    EXPECT_TRUE(is_whole(view->bytes()));
  }
  const auto end = receiving->receive({});
  sender.join();
  ASSERT_TRUE(end) << end.error().to_text();
  EXPECT_FALSE(*end);
  EXPECT_FALSE(*receiving->receive({}));
}

TEST_P(Stream, GivesEveryBatchToEveryReader) {
  constexpr int kReaders = 3;
  constexpr std::uint64_t kBatches = 500;
  options_.wait_for_readers = kReaders;
  const auto sending = stream_writer();
  std::atomic<std::uint64_t> whole = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      const auto receiving = stream_reader();
      for (std::uint64_t expected = 1;; ++expected) {
        const auto view = receiving->receive({});
        if (!view || !*view) return;
        whole += is_whole(view->bytes()) && block_seed(view->bytes()) == expected ? 1 : 0;
      }
    });
  }
  for (std::uint64_t seed = 1; seed <= kBatches; ++seed) ASSERT_TRUE(send_block(*sending, 3000, seed));
  ASSERT_TRUE(sending->close());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(whole, kReaders * kBatches);
}

TEST_P(Stream, MakesAFastWriterWait) {
  options_.wait_for_readers = 1;
  options_.depth = 4;
  const auto sending = stream_writer();
  const auto receiving = stream_reader();
  std::uint64_t sent = 0;
  Status status;
  while (sent < 10'000 && (status = send_block(*sending, kKiB, sent + 1, {.timeout_micros = 1'000}))) ++sent;
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kTimeout);
  ASSERT_TRUE(sending->close());
  std::uint64_t received = 0;
  for (auto view = receiving->receive({}); view && *view; view = receiving->receive({})) {
    EXPECT_EQ(block_seed(view->bytes()), ++received);
    view->release();
  }
  EXPECT_EQ(received, sent);
}

TEST_P(Stream, DropsOnlyWhenAskedToAndSaysSo) {
  options_.wait_for_readers = 1;
  options_.depth = 4;
  options_.when_full = WhenFull::kDrop;
  const auto sending = stream_writer();
  const auto receiving = stream_reader();
  constexpr std::uint64_t kBatches = 5'000;
  std::uint64_t received = 0;
  Version last = 0;
  const auto take = [&](const Result<View>& view) {
    if (!view || !*view) return false;
    ++received;
    EXPECT_GT(view->version(), last);
    last = view->version();
    EXPECT_TRUE(is_whole(view->bytes()));
    return true;
  };
  for (std::uint64_t seed = 1; seed <= kBatches; ++seed) {
    ASSERT_TRUE(send_block(*sending, kKiB, seed));
    // Nothing may be on the way: who gives room back may not have been heard while we drop.
    if (seed % 1000 == 0) (void)take(receiving->receive({.timeout_micros = 1'000}));
  }
  ASSERT_TRUE(sending->close());
  while (take(receiving->receive({}))) {
  }
  EXPECT_LT(last, kBatches) << "nothing was dropped at the end";
  EXPECT_EQ(received + sending->stats().dropped, kBatches);
  EXPECT_EQ(receiving->stats().dropped, sending->stats().dropped);
}

TEST_P(Stream, EndsWhatAKilledWriterSentWithAnError) {
  PENSTOCK_NEEDS_ANOTHER_PROCESS();
  options_.wait_for_readers = 1;
  const Bell open;
  const Bell sent;
  ChildProcess child([&] {
    const auto sending = stream_writer();
    open.say();
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      if (!send_block(*sending, kKiB, seed)) return 1;
    }
    sent.say();
    ::pause();
    return 0;
  });
  open.hear();
  const auto receiving = stream_reader();
  sent.hear();
  const auto receive_all = [&] {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) EXPECT_EQ(block_seed(receiving->receive({})->bytes()), seed);
  };
  if (!info().keeps_what_was_sent) receive_all();
  child.kill();
  if (info().keeps_what_was_sent) receive_all();
  const auto end = receiving->receive({});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(stream_writer()->close());  // the dead one's address can be used again
}

TEST_P(Stream, GoesOnWhenAReaderIsKilled) {
  PENSTOCK_NEEDS_ANOTHER_PROCESS();
  options_.wait_for_readers = 2;
  options_.depth = 4;
  const Bell start;
  const Bell holding;
  ChildProcess child([&] {
    start.hear();
    const auto receiving = stream_reader();
    const auto view = receiving->receive({});
    holding.say();
    ::pause();
    return 0;
  });
  const auto sending = stream_writer();
  start.say();
  std::atomic<std::uint64_t> received = 0;
  std::thread reading([&] {
    const auto receiving = stream_reader();
    for (auto view = receiving->receive({}); view && *view; view = receiving->receive({})) {
      received += is_whole(view->bytes()) ? 1 : 0;
      view->release();
    }
  });
  ASSERT_TRUE(send_block(*sending, kKiB, 1));
  holding.hear();
  child.kill();
  for (std::uint64_t seed = 2; seed <= 100; ++seed) ASSERT_TRUE(send_block(*sending, kKiB, seed));
  ASSERT_TRUE(sending->close());
  reading.join();
  EXPECT_EQ(received, 100U);
  EXPECT_EQ(sending->stats().reclaimed, 1U);
}

TEST_P(Stream, KeepsViewsBeyondTheReaderAndOnOtherThreads) {
  options_.wait_for_readers = 1;
  const auto sending = stream_writer();
  auto receiving = stream_reader();
  std::vector<View> held;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    ASSERT_TRUE(send_block(*sending, kKiB, seed));
    held.push_back(*receiving->receive({}));
  }
  ASSERT_TRUE(send_block(*sending, kKiB, 4));
  receiving.reset();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    EXPECT_EQ(block_seed(held[seed - 1].bytes()), seed);
    EXPECT_TRUE(is_whole(held[seed - 1].bytes()));
  }
  std::thread([&] { held.clear(); }).join();
  const auto gone = send_block(*sending, kKiB, 5);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kUnavailable);
}

TEST_P(Stream, RefusesASecondWriter) {
  const auto first = stream_writer();
  const auto second = registry().open_writer(info().name, options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) { return info.param.name(); }

INSTANTIATE_TEST_SUITE_P(All, Dictionary, ::testing::ValuesIn(cases(&TransportInfo::make)), name_of);
INSTANTIATE_TEST_SUITE_P(All, Stream, ::testing::ValuesIn(cases(&TransportInfo::open_writer)), name_of);

}  // namespace
}  // namespace penstock
