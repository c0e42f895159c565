// SPDX-License-Identifier: MIT
// What is ZeroMQ's own: addresses, strangers at either end, memory of writers with slow readers, forks.
#include <gmock/gmock.h>
#include <penstock/transport.h>

#ifdef PENSTOCK_ZEROMQ
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "transport/transport_kit.h"
#include "transport/zeromq/library.h"

namespace penstock {
namespace {

using penstock::testing::Bell;
using penstock::testing::block_seed;
using penstock::testing::ChildProcess;
using penstock::testing::expect_whole_versions_after_kills;
using penstock::testing::is_whole;
using penstock::testing::publish_block;
using penstock::testing::send_block;
using penstock::testing::times_to_kill;
using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

const TransportRegistry& registry() { return TransportRegistry::global(); }

/// A socket of somebody who knows nothing of ZeroMQ.
class Stranger {
 public:
  explicit Stranger(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
  }
  ~Stranger() { ::close(fd_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

 private:
  int fd_;
};

class ZeroMq : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* const info = registry().find("zeromq").value();
    const std::string unique = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    options_.address = info->example_addresses(unique).at(0);
    tcp_ = info->example_addresses(unique).at(1);
    path_ = options_.address.substr(std::string("ipc://").size());
  }

  /// In a child: attaches a reader when told to, says so, and stays until it is killed.
  int hold_a_reader(const Bell& start, const Bell& attached) const {
    start.hear();
    const auto reading = open(TransportRole::kReader);
    attached.say();
    ::pause();
    return 0;
  }
  Result<std::unique_ptr<DictionaryBackend>> open(TransportRole role) const {
    TransportOptions options = options_;
    options.role = role;
    return registry().open("zeromq", options);
  }
  ErrorCode code_at(const std::string& address, TransportRole role) {
    options_.address = address;
    const auto opened = open(role);
    return opened ? ErrorCode::kInternal : opened.error().code();
  }

  TransportOptions options_;
  std::string tcp_;
  std::string path_;
};

TEST_F(ZeroMq, RefusesWhatIsNoAddress) {
  for (const char* address :
       {"", "/tmp/x", "ipc://", "ipc:///tmp/", "ipc://@name", "ipc://*", "inproc://x", "tcp://", "tcp://host",
        "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://:5000", "tcp://host:5x", "udp://host:5000"}) {
    for (const TransportRole role : {TransportRole::kReader, TransportRole::kWriter}) {
      EXPECT_EQ(code_at(address, role), ErrorCode::kInvalidArgument) << address;
    }
  }
  EXPECT_EQ(code_at("ipc:///tmp/" + std::string(200, 'x'), TransportRole::kWriter), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_at("tcp://*:5000", TransportRole::kReader), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_at("tcp://192.0.2.1:5000", TransportRole::kWriter), ErrorCode::kInvalidArgument) << "not ours";
  EXPECT_EQ(code_at("ipc:///no/such/folder/x", TransportRole::kWriter), ErrorCode::kNotFound);
}

TEST_F(ZeroMq, LeavesPathsOfOthersAlone) {
  std::ofstream(path_) << "a file";
  EXPECT_EQ(open(TransportRole::kWriter).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
  std::filesystem::remove(path_);
  {
    const Stranger stranger(path_);
    EXPECT_EQ(open(TransportRole::kWriter).error().code(), ErrorCode::kAlreadyExists);
    options_.more.set("connect_timeout", 0.05);
    EXPECT_EQ(open(TransportRole::kReader).error().code(), ErrorCode::kUnavailable);
  }
  ASSERT_TRUE(std::filesystem::is_socket(path_)) << "what a dead program left";
  EXPECT_EQ(open(TransportRole::kReader).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(open(TransportRole::kWriter));
}

TEST_F(ZeroMq, GivesTheSocketThePermissionsAskedFor) {
  options_.mode = 0640;
  const auto writing = open(TransportRole::kWriter).value();
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(path_).permissions()), 0640U);
  EXPECT_TRUE(writing->cleanup());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ZeroMq, NamesTheProcessThatHasThePort) {
  const std::string port = tcp_.substr(tcp_.rfind(':'));
  options_.address = "tcp://127.0.0.1" + port;
  const auto writing = open(TransportRole::kWriter).value();
  options_.address = "tcp://*" + port;
  const auto second = open(TransportRole::kWriter);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(second.error().to_text(), HasSubstr("process " + std::to_string(::getpid())));
}

TEST_F(ZeroMq, TellsStreamsFromDictionaries) {
  const auto writing = open(TransportRole::kWriter).value();
  const auto reading = registry().open_reader("zeromq", options_);
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().to_text(), HasSubstr("there is a dictionary, no stream"));
}

TEST_F(ZeroMq, ShowsAReaderWhatWasThereBeforeItCame) {
  const auto writing = open(TransportRole::kWriter).value();
  ASSERT_TRUE(publish_block(*writing, 4 * kMiB, 1));
  EXPECT_EQ(open(TransportRole::kReader).value()->view()->version(), 1U);
}

TEST_F(ZeroMq, AdmitsAsManyReadersAsWereAskedForAndFindsTheKilled) {
  options_.max_readers = 1;
  const Bell start;
  const Bell attached;
  ChildProcess child([&] { return hold_a_reader(start, attached); });
  const auto writing = open(TransportRole::kWriter).value();
  start.say();
  attached.hear();
  EXPECT_EQ(open(TransportRole::kReader).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(writing->stats().readers, 1U);
  child.kill();
  auto reading = open(TransportRole::kReader);
  while (!reading && reading.error().code() == ErrorCode::kResourceExhausted) reading = open(TransportRole::kReader);
  EXPECT_TRUE(reading);
  EXPECT_EQ(writing->stats().reclaimed, 1U);
}

TEST_F(ZeroMq, HoldsFewVersionsForReadersThatStandStill) {
  const Bell start;
  const Bell attached;
  ChildProcess child([&] { return hold_a_reader(start, attached); });
  const auto writing = open(TransportRole::kWriter).value();
  start.say();
  attached.hear();
  ASSERT_EQ(::kill(child.pid(), SIGSTOP), 0);
  for (std::uint64_t seed = 1; seed <= 500; ++seed) ASSERT_TRUE(publish_block(*writing, kMiB, seed));
  EXPECT_LE(writing->stats().reserved_bytes, 8 * kMiB);
  child.kill();
}

TEST_F(ZeroMq, OutlivesMessagesOfStrangers) {
  const auto writing = open(TransportRole::kWriter).value();
  void* const context = zeromq::zmq().ctx_new();
  void* const socket = zeromq::zmq().socket(context, ZMQ_DEALER);
  const int no_time = 0;
  zeromq::zmq().setsockopt(socket, ZMQ_LINGER, &no_time, sizeof no_time);
  ASSERT_EQ(zeromq::zmq().connect(socket, options_.address.c_str()), 0);
  for (int size = 0; size < 64; ++size) {
    const std::string junk(static_cast<std::size_t>(size), 'k');
    zeromq::zmq().send(socket, junk.data(), junk.size(), size % 3 == 0 ? ZMQ_SNDMORE : 0);
  }
  std::uint32_t words[8] = {0x6b747370, 1, 99};  // our mark; layout 1 and kind 0, then a number of no topic
  zeromq::zmq().send(socket, words, sizeof words, 0);
  words[1] = 2 | 1U << 16;  // a hello of a later layout
  zeromq::zmq().send(socket, words, sizeof words, 0);
  std::uint32_t answer[8] = {};
  EXPECT_EQ(zeromq::zmq().recv(socket, answer, sizeof answer, 0), static_cast<int>(sizeof answer));
  EXPECT_EQ(answer[1] >> 16, 3U) << "kRefused";
  const auto reading = open(TransportRole::kReader).value();
  ASSERT_TRUE(publish_block(*writing, 1000, 1));
  EXPECT_EQ(reading->wait(0, {}).value(), 1U);
  zeromq::zmq().close(socket);
  zeromq::zmq().ctx_term(context);
}

TEST_F(ZeroMq, LeavesInheritedEndsToTheParent) {
  const auto writing = open(TransportRole::kWriter).value();
  auto reading = open(TransportRole::kReader).value();
  ASSERT_TRUE(publish_block(*writing, 1000, 1));
  ASSERT_TRUE(reading->wait(0, {}));
  ChildProcess child([&] {
    reading.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  ASSERT_TRUE(publish_block(*writing, 1000, 2));
  EXPECT_EQ(reading->wait(1, {}).value(), 2U);
}

TEST_F(ZeroMq, ShowsWholeVersionsAfterWritersAreKilledAtAnyInstant) {
  expect_whole_versions_after_kills(times_to_kill(20, 1000), [&](TransportRole role) { return open(role); });
}

TEST_F(ZeroMq, GivesEachBatchToOneReaderWhenAskedTo) {
  options_.wait_for_readers = 2;
  options_.depth = 4;
  options_.more.set("deliver", "one");
  const auto sending = registry().open_writer("zeromq", options_).value();
  const auto first = registry().open_reader("zeromq", options_).value();
  const auto second = registry().open_reader("zeromq", options_).value();
  // Nobody gives room back: each gets as many as it may have on the way, in turns.
  for (std::uint64_t seed = 1; seed <= 8; ++seed) ASSERT_TRUE(send_block(*sending, 1000, seed));
  ASSERT_TRUE(sending->close());
  std::vector<std::uint64_t> seeds;
  for (const auto& reading : {first.get(), second.get()}) {
    std::size_t got = 0;
    for (auto view = reading->receive({}); view && *view; view = reading->receive({})) {
      seeds.push_back(block_seed(view->bytes()));
      ++got;
    }
    EXPECT_EQ(got, 4U);
    EXPECT_EQ(reading->stats().dropped, 0U) << "what others get is not lost";
  }
  EXPECT_THAT(seeds, ::testing::UnorderedElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST_F(ZeroMq, WaitsWhileNoReaderHasRoomForItsBatch) {
  options_.more.set("deliver", "one");
  const auto sending = registry().open_writer("zeromq", options_).value();
  EXPECT_EQ(sending->begin(1000, {.timeout_micros = 1'000}).error().code(), ErrorCode::kTimeout) << "there is none";
}

TEST_F(ZeroMq, FinishesAStreamWhoseWriterEndsAtOnce) {
  options_.wait_for_readers = 1;
  const Bell made;
  ChildProcess child([&] {
    const auto sending = registry().open_writer("zeromq", options_).value();
    made.say();
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      if (!send_block(*sending, kMiB, seed)) return 1;
    }
    return sending->close() ? 0 : 1;
  });
  made.hear();
  const auto receiving = registry().open_reader("zeromq", options_).value();
  EXPECT_EQ(child.wait(), 0);
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const auto view = receiving->receive({});
    ASSERT_TRUE(view) << view.error().to_text();
    EXPECT_EQ(block_seed(view->bytes()), seed);
    EXPECT_TRUE(is_whole(view->bytes()));
  }
  EXPECT_FALSE(receiving->receive({}).value());
}

}  // namespace
}  // namespace penstock
#else
TEST(ZeroMq, IsLeftOut) { GTEST_SKIP() << "this build lacks it: apt-get install libzmq3-dev"; }
#endif
