// SPDX-License-Identifier: MIT
// What all contenders do: fill blocks, send them to other processes, sum every word there.
#pragma once

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "timing.h"

namespace penstock::benchmark::transport {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * 1024;

// Groups; records are blocks.
inline constexpr const char* kRoundTripSmall = "round trip of 1 KiB";
inline constexpr const char* kRoundTripLarge = "round trip of 1 MiB";
inline constexpr const char* kStreamCopied = "stream of 1 MiB, copied in";
inline constexpr const char* kStreamInPlace = "stream of 1 MiB, filled in place";
inline constexpr const char* kStreamHuge = "stream of 64 MiB, copied in";
inline constexpr const char* kFanOut = "1 MiB to 3 readers, copied in";
inline constexpr const char* kWakeUp = "wake a sleeping process";
inline constexpr const char* kView = "look at the current version and let go";
inline constexpr const char* kPublish = "publish 64 MiB";

/// The sum of all words: nobody reads less than everything.
inline std::uint64_t sum(const void* bytes, std::size_t size) {
  const auto* const words = static_cast<const std::uint64_t*>(bytes);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < size / 8; ++i) total += words[i];
  return total;
}

/// What a producer that has its block elsewhere copies from.
inline const std::vector<std::uint64_t>& source(std::size_t size) {
  static std::vector<std::uint64_t> words;
  if (words.size() != size / 8) {
    words.resize(size / 8);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = i * 0x9E3779B97F4A7C15U;
  }
  return words;
}

/// A producer that makes its block where it is read.
inline void fill(void* room, std::size_t size, std::uint64_t seed) {
  auto* const words = static_cast<std::uint64_t*>(room);
  for (std::size_t i = 0; i < size / 8; ++i) words[i] = seed + i;
}

[[noreturn]] inline void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

/// Words that parent and children share.
struct Shared {
  std::atomic<std::uint64_t> result{0};
  std::atomic<std::uint32_t> ready{0};
  alignas(64) std::atomic<std::uint32_t> word{0};
  std::atomic<std::int64_t> sent_ns{0};
};
inline Shared& shared() {
  void* const page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) give_up("mmap");
  return *new (page) Shared;
}

/// Runs `work` in a child; the result of all children is added up.
template <class F>
pid_t start_reader(Shared& common, F work) {
  const pid_t pid = ::fork();
  if (pid < 0) give_up("fork");
  if (pid > 0) return pid;
  common.result += work();
  ::_exit(0);
}
inline void wait_for(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) give_up("a reader failed");
}

}  // namespace penstock::benchmark::transport
