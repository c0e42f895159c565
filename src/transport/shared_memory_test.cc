// SPDX-License-Identifier: MIT
// What is particular to shared memory: names, owners, space, leftovers. What all transports promise is in
// tests/conformance/transport_test.cc.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "transport/arena.h"
#include "transport/batch_ring.h"
#include "transport/transport_kit.h"

namespace penstock {
namespace {

using penstock::testing::Bell;
using penstock::testing::block_seed;
using penstock::testing::ChildProcess;
using penstock::testing::is_whole;
using penstock::testing::publish_block;
using penstock::testing::send_block;
using ::testing::HasSubstr;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = kKiB * kKiB;

using Backend = std::unique_ptr<DictionaryBackend>;

class SharedMemory : public ::testing::Test {
 protected:
  SharedMemory() {
    std::string pattern = "/dev/shm/penstock_test_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    options_.address = "prices";
    options_.more = {{"folder", folder_}};
  }
  ~SharedMemory() override {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(folder_);
  }

  Result<Backend> open(TransportRole role) const {
    TransportOptions options = options_;
    options.role = role;
    return TransportRegistry::global().open("shm", options);
  }
  Backend writer() const { return open(TransportRole::kWriter).value(); }
  Backend reader() const { return open(TransportRole::kReader).value(); }
  Error error_of(TransportRole role) const {
    auto opened = open(role);
    return opened ? Error(ErrorCode::kInternal, "it opened") : std::move(opened).error();
  }
  std::string file() const { return arena_path(folder_, options_.address); }
  void patch(std::size_t offset, std::uint32_t value) const {
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.write(reinterpret_cast<const char*>(&value), sizeof value);
  }
  /// Leaves the arena of a writer that was killed.
  void leave_behind() const {
    const Bell published;
    ChildProcess child([&] {
      const Backend writing = writer();
      (void)publish_block(*writing, kKiB, 1);
      published.say();
      ::pause();
      return 0;
    });
    published.hear();
    child.kill();
  }
  bool mount_small(const char* size) {
    mounted_ = ::geteuid() == 0 && ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, size) == 0;
    return mounted_;
  }

  std::string folder_;
  TransportOptions options_;
  bool mounted_ = false;
};

TEST_F(SharedMemory, AcceptsNamesThatAreSafeFileNames) {
  for (const char* const good : {"a", "Prices.v2_final-1", "..."}) EXPECT_TRUE(check_arena_name(good)) << good;
  for (const char* const bad : {"", "a/b", "../x", "a b", "ä"}) EXPECT_FALSE(check_arena_name(bad)) << bad;
  EXPECT_TRUE(check_arena_name(std::string(100, 'x')));
  EXPECT_FALSE(check_arena_name(std::string(101, 'x')));
}

TEST_F(SharedMemory, IsPrivateUnlessAskedOtherwise) {
  const Backend writing = writer();
  struct stat info;
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(SharedMemory, LeavesAnotherProgramsFileAlone) {
  std::ofstream(file()) << std::string(8192, 'x');
  EXPECT_EQ(error_of(TransportRole::kWriter).code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(error_of(TransportRole::kReader).code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(error_of(TransportRole::kWriter).to_text(), HasSubstr("not made by Penstock"));
  std::ofstream(file()) << "short";
  EXPECT_EQ(error_of(TransportRole::kWriter).code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(std::filesystem::file_size(file()), 5U);
}

TEST_F(SharedMemory, DoesNotFollowLinksAndRefusesFolders) {
  std::filesystem::create_symlink("/etc/passwd", file());
  EXPECT_FALSE(open(TransportRole::kReader));
  std::filesystem::remove(file());
  std::filesystem::create_directory(file());
  EXPECT_FALSE(open(TransportRole::kWriter));
}

TEST_F(SharedMemory, TrustsItsOwnUserAndRootUnlessToldOtherwise) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give the file to another user";
  leave_behind();
  ASSERT_EQ(::chown(file().c_str(), 1234, 1234), 0);
  const Error error = error_of(TransportRole::kReader);
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(error.to_text(), HasSubstr("belongs to user 1234"));
  options_.more.set("owner", 1234);
  EXPECT_TRUE(open(TransportRole::kReader));
}

TEST_F(SharedMemory, IsDeniedToOtherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const Backend writing = writer();
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ChildProcess child([&] {
    if (::setuid(65534) != 0) return 2;
    return error_of(TransportRole::kReader).code() == ErrorCode::kPermissionDenied ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(SharedMemory, SaysWhenItWasMadeByAnotherVersionOrIsDamaged) {
  leave_behind();
  patch(8, 99);
  EXPECT_EQ(error_of(TransportRole::kReader).code(), ErrorCode::kUnsupported);
  patch(8, ArenaHeader::kLayout);
  EXPECT_TRUE(open(TransportRole::kReader));
  patch(16, 4096);  // total_bytes
  EXPECT_EQ(error_of(TransportRole::kReader).code(), ErrorCode::kDataLoss);
}

TEST_F(SharedMemory, TellsDictionariesFromStreams) {
  const Backend writing = writer();
  const auto stream = TransportRegistry::global().open_reader("shm", options_);
  ASSERT_FALSE(stream);
  EXPECT_THAT(stream.error().to_text(), HasSubstr("holds a dictionary, not a stream"));
}

TEST_F(SharedMemory, EndsWithAnErrorWhenMemoryIsFull) {
  if (!mount_small("size=2m")) GTEST_SKIP() << "needs root, to mount a small file system";
  options_.capacity_bytes = 64 * kKiB;
  const Backend writing = writer();
  ASSERT_TRUE(publish_block(*writing, 64 * kKiB, 1));
  const Backend reading = reader();
  const auto large = publish_block(*writing, 8 * kMiB, 2);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(large.error().to_text(), HasSubstr("penstock shm list"));
  EXPECT_TRUE(is_whole(reading->view()->bytes()));
  EXPECT_EQ(publish_block(*writing, 64 * kKiB, 3).value(), 2U);
  EXPECT_EQ(block_seed(reading->view()->bytes()), 3U);
}

TEST_F(SharedMemory, LeavesNothingWhenThereIsNoMemoryToBegin) {
  if (!mount_small("size=256k")) GTEST_SKIP() << "needs root, to mount a small file system";
  options_.capacity_bytes = kMiB;
  EXPECT_EQ(error_of(TransportRole::kWriter).code(), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SharedMemory, RefusesBlocksBeyondTheLargest) {
  options_.more.set("max_bytes", "1MiB");
  const Backend writing = writer();
  EXPECT_TRUE(publish_block(*writing, kMiB, 1));
  const auto large = publish_block(*writing, kMiB + 1, 1);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().to_text(), HasSubstr("max_bytes"));
}

TEST_F(SharedMemory, TakesBoundedMemoryWhileAReaderHoldsAnOldVersion) {
  const Backend writing = writer();
  const Backend reading = reader();
  ASSERT_TRUE(publish_block(*writing, 64 * kKiB, 1));
  const auto held = reading->view();
  for (std::uint64_t seed = 2; seed < 20'000; ++seed)
    ASSERT_TRUE(writing->publish(64 * kKiB, [&](std::span<std::byte> room) {
      std::memcpy(room.data(), &seed, sizeof seed);
      return 64 * kKiB;
    }));
  EXPECT_LE(writing->stats().reserved_bytes, 3 * 64 * kKiB + 64 * kKiB);
  EXPECT_TRUE(is_whole(held->bytes()));
}

TEST_F(SharedMemory, NamesTheReadersThatHoldAllSlots) {
  const Backend writing = writer();
  const Backend reading = reader();
  std::vector<View> held;
  Result<Version> published = publish_block(*writing, kKiB, 1);
  for (std::uint64_t seed = 2; published; ++seed) {
    held.push_back(*reading->view());
    ASSERT_LT(held.size(), 100U);
    published = publish_block(*writing, kKiB, seed);
  }
  EXPECT_EQ(published.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(published.error().to_text(), HasSubstr(std::to_string(::getpid())));
  held.erase(held.begin());
  EXPECT_TRUE(publish_block(*writing, kKiB, 99));
  for (const View& view : held) EXPECT_TRUE(is_whole(view.bytes()));
}

TEST_F(SharedMemory, GivesTheMemoryOfOneLargeVersionBack) {
  const Backend writing = writer();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(publish_block(*writing, 32 * kMiB, 1));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(publish_block(*writing, kKiB, 2));
  EXPECT_LE(writing->stats().reserved_bytes, kMiB);
}

TEST_F(SharedMemory, RefusesMoreReadersThanAgreedUntilOneLeavesOrDies) {
  options_.max_readers = 2;
  const Backend writing = writer();
  Backend first = reader();
  const Bell open_now;
  ChildProcess child([&] {
    const Backend second = reader();
    open_now.say();
    ::pause();
    return 0;
  });
  open_now.hear();
  EXPECT_EQ(error_of(TransportRole::kReader).code(), ErrorCode::kResourceExhausted);
  child.kill();
  Backend third = reader();
  EXPECT_FALSE(open(TransportRole::kReader));
  first.reset();
  EXPECT_TRUE(open(TransportRole::kReader));
}

TEST_F(SharedMemory, SurvivesAForkThatInheritsItsEnds) {
  Backend writing = writer();
  Backend reading = reader();
  ASSERT_TRUE(publish_block(*writing, kKiB, 1));
  auto held = reading->view();
  ChildProcess child([&] {
    held = View();
    reading.reset();
    writing.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  for (std::uint64_t seed = 2; seed < 100; ++seed) ASSERT_TRUE(publish_block(*writing, kKiB, seed));
  EXPECT_EQ(block_seed(held->bytes()), 1U);
  EXPECT_TRUE(is_whole(held->bytes()));
  EXPECT_TRUE(open(TransportRole::kReader));
}

TEST_F(SharedMemory, FindsAndRemovesWhatNobodyNeeds) {
  leave_behind();
  std::vector<ArenaListing> found = list_arenas(folder_).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "prices");
  EXPECT_STREQ(found[0].kind, "dictionary");
  EXPECT_FALSE(found[0].writer_alive);
  EXPECT_TRUE(found[0].abandoned);
  EXPECT_GE(found[0].allocated_bytes, kKiB);
  {
    const Backend reading = reader();
    EXPECT_FALSE(list_arenas(folder_).value()[0].abandoned);
    EXPECT_EQ(remove_arena(found[0]).error().code(), ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(remove_arena(found[0]));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SharedMemory, LeavesWhatIsInUseOrNotItsOwn) {
  const Backend writing = writer();
  std::ofstream(folder_ + "/penstock-foreign.shm") << std::string(5000, 'x');
  std::ofstream(folder_ + "/other") << "x";
  std::ofstream(folder_ + "/penstock-half.shm.999999999-0") << "x";
  const std::vector<ArenaListing> found = list_arenas(folder_).value();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_FALSE(found[0].abandoned) << "foreign";
  EXPECT_NE(found[0].note, "");
  EXPECT_TRUE(found[1].abandoned) << "half";
  EXPECT_TRUE(found[2].writer_alive);
  EXPECT_EQ(found[2].writer_pid, ::getpid());
  EXPECT_FALSE(remove_arena(found[2]));
  EXPECT_TRUE(remove_arena(found[1]));
}

TEST_F(SharedMemory, SuggestsNamesOfTransports) {
  const auto opened = TransportRegistry::global().open("smh", options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().to_text(), HasSubstr("did you mean \"shm\"?"));
  options_.more.set("foldr", "/tmp");
  EXPECT_THAT(error_of(TransportRole::kWriter).to_text(), HasSubstr("did you mean \"folder\"?"));
}

TEST(AnonymousStream, CarriesBatchesBetweenParentAndChild) {
  TransportOptions options;
  options.wait_for_readers = 1;
  const AnonymousStream to_child = AnonymousStream::create(options).value();
  const AnonymousStream to_parent = AnonymousStream::create(options).value();
  ChildProcess child([&] {
    const auto receiving = to_child.open_reader().value();
    const auto sending = to_parent.open_writer().value();
    for (auto view = receiving->receive({}); view && *view; view = receiving->receive({})) {
      if (!is_whole(view->bytes()) || !sending->send(view->bytes())) return 1;
    }
    return sending->close() ? 0 : 1;
  });
  const auto sending = to_child.open_writer().value();
  const auto receiving = to_parent.open_reader().value();
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    ASSERT_TRUE(send_block(*sending, seed * 100, seed));
    const auto view = receiving->receive({});
    ASSERT_TRUE(view) << view.error().to_text();
    EXPECT_EQ(block_seed(view->bytes()), seed);
    EXPECT_TRUE(is_whole(view->bytes()));
  }
  ASSERT_TRUE(sending->close());
  EXPECT_FALSE(receiving->receive({}).value());
  EXPECT_EQ(child.wait(), 0);
}

TEST(AnonymousStream, TellsTheReaderAtOnceOfADeathThatTheParentSaw) {
  const AnonymousStream stream = AnonymousStream::create({}).value();
  const Bell sent;
  ChildProcess child([&] {
    const auto sending = stream.open_writer().value();
    sent.say();
    ::pause();
    return 0;
  });
  sent.hear();
  const auto receiving = stream.open_reader().value();
  const pid_t pid = child.pid();
  child.kill();
  stream.peer_died(pid);
  EXPECT_EQ(receiving->receive({}).error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace penstock
