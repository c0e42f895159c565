// SPDX-License-Identifier: MIT
// For tests of transports: blocks that show by themselves whether they are whole, and processes that are killed.
#pragma once

#include <gtest/gtest.h>
#include <penstock/transport.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "base/thorough.h"

namespace penstock::testing {

/// The word at `index` of the block made from `seed`.
inline std::uint64_t block_word(std::uint64_t seed, std::size_t index) {
  return (seed + index) * 0x9E3779B97F4A7C15U ^ (seed >> 7);
}

/// Fills the room from `seed`: the seed, then words that follow from it; a rest below 8 bytes is zero.
inline void fill_block(std::span<std::byte> room, std::uint64_t seed) {
  const std::size_t words = room.size() / 8;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = i == 0 ? seed : block_word(seed, i);
    std::memcpy(room.data() + 8 * i, &word, 8);
  }
  if (room.size() % 8 != 0) std::memset(room.data() + 8 * words, 0, room.size() % 8);
}

inline std::uint64_t block_seed(std::span<const std::byte> block) {
  std::uint64_t seed = 0;
  if (block.size() >= 8) std::memcpy(&seed, block.data(), 8);
  return seed;
}

/// Says whether every byte of the block is as `fill_block` made it.
inline bool is_whole(std::span<const std::byte> block) {
  const std::uint64_t seed = block_seed(block);
  for (std::size_t i = 1; i < block.size() / 8; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, block.data() + 8 * i, 8);
    if (word != block_word(seed, i)) return false;
  }
  return true;
}

inline Result<Version> publish_block(DictionaryBackend& writer, std::size_t size, std::uint64_t seed) {
  return writer.publish(size, [&](std::span<std::byte> room) {
    fill_block(room.first(size), seed);
    return size;
  });
}

inline Status send_block(StreamWriter& writer, std::size_t size, std::uint64_t seed, const WaitLimit& limit = {}) {
  PENSTOCK_ASSIGN(const std::span<std::byte> room, writer.begin(size, limit));
  fill_block(room.first(size), seed);
  PENSTOCK_TRY(writer.commit(size));
  return {};
}

/// A child process that runs `work` and exits with what it returns; killed, if it still runs, with the object.
/// Make it before the first end of the test and have its work wait for a bell: ends may have threads, a fork copies
/// the locks that those hold at that instant, and the sanitizers' allocator has some.
class ChildProcess {
 public:
  template <class F>
  explicit ChildProcess(F work) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(120);  // a test that hangs must not leave children behind
      ::_exit(work());
    }
  }
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~ChildProcess() { kill(); }

  pid_t pid() const { return pid_; }
  /// Ends it like a crash, at once.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    (void)wait();
  }
  /// Waits for its end; returns the exit code, or minus the signal.
  int wait() {
    int status = 0;
    const pid_t pid = std::exchange(pid_, -1);
    if (pid <= 0 || ::waitpid(pid, &status, 0) != pid) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

/// Lets two processes wait for each other: `say` in one ends `hear` in the other.
class Bell {
 public:
  Bell() { ok_ = ::pipe(ends_) == 0; }
  ~Bell() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  void say() const { ASSERT_EQ(::write(ends_[1], "x", 1), 1); }
  void hear() const {
    char byte = 0;
    ASSERT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  int ends_[2] = {-1, -1};
  bool ok_ = false;
};

/// How often to kill in tests that kill: few times in the daily run, often with PENSTOCK_LONG_TESTS=1.
inline int times_to_kill(int daily, int thorough) { return is_thorough() ? thorough : daily; }

/// Kills writers at any instant, `rounds` of them, and looks at what readers see: whole versions, none older than one
/// seen before. `open` makes an end for a role.
template <class Open>
void expect_whole_versions_after_kills(int rounds, Open open) {
  Version last = 0;
  for (int round = 0; round < rounds; ++round) {
    const Bell publishing;
    ChildProcess child([&] {
      const auto writing = open(TransportRole::kWriter).value();
      publishing.say();
      for (std::uint64_t seed = 1;; ++seed) {
        if (!publish_block(*writing, 8 + seed * 7919 % 100'000, seed)) return 1;
      }
    });
    publishing.hear();
    const auto reading = open(TransportRole::kReader).value();
    const auto version = reading->wait(last + static_cast<Version>(round % 7), {});
    ASSERT_TRUE(version) << version.error().to_text();
    child.kill();
    const auto view = reading->view();
    ASSERT_TRUE(view) << view.error().to_text();
    EXPECT_TRUE(is_whole(view->bytes()));
    EXPECT_GE(view->version(), version.value());
    EXPECT_GT(view->version(), last);
    last = view->version();
  }
  EXPECT_TRUE(open(TransportRole::kWriter)) << "takes what the last one left, and removes it";
}

}  // namespace penstock::testing
