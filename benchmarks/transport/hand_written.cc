// SPDX-License-Identifier: MIT
// Bare system calls: a unix socket, a futex, memcpy.
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>

#include "workload.h"

namespace penstock::benchmark::transport {
namespace {

std::array<int, 2> socket_pair() {
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) give_up("socketpair");
  const int room = 4 * kMiB;
  for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  return ends;
}

bool receive(int socket, void* to, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::read(socket, static_cast<char*>(to) + done, size - done);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

void send(int socket, const void* from, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::write(socket, static_cast<const char*>(from) + done, size - done);
    if (count <= 0) give_up("write");
    done += static_cast<std::size_t>(count);
  }
}

template <std::size_t size, int readers, bool answers>
Outcome unix_socket(std::uint64_t blocks) {
  Shared& common = shared();
  std::vector<int> sockets;
  std::vector<pid_t> pids;
  for (int i = 0; i < readers; ++i) {
    const std::array<int, 2> ends = socket_pair();
    pids.push_back(start_reader(common, [&] {
      ::close(ends[0]);
      for (const int other : sockets) ::close(other);
      std::vector<std::uint64_t> block(size / 8);
      std::uint64_t total = 0;
      while (receive(ends[1], block.data(), size)) {
        total += sum(block.data(), size);
        if (answers) send(ends[1], block.data(), 8);
      }
      return total;
    }));
    ::close(ends[1]);
    sockets.push_back(ends[0]);
  }
  const auto& from = source(size);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    for (const int socket : sockets) send(socket, from.data(), size);
    std::uint64_t answer = 0;
    if (answers && !receive(sockets[0], &answer, 8)) give_up("read");
  }
  for (const int socket : sockets) ::close(socket);
  for (const pid_t pid : pids) wait_for(pid);
  return {common.result};
}

Outcome copy(std::uint64_t blocks) {
  constexpr std::size_t kSize = 64 * kMiB;
  std::array<std::vector<std::uint64_t>, 2> to;
  for (auto& one : to) one.resize(kSize / 8);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    std::memcpy(to[i % 2].data(), source(kSize).data(), kSize);
    asm volatile("" : : "r"(to[i % 2].data()) : "memory");
  }
  return {blocks};
}

// The least that two processes can do: copy in, set a flag, sum, set another flag; both spin for ever.
Outcome spin_on_flags(std::uint64_t blocks) {
  constexpr std::size_t kSize = kKiB;
  Shared& there = shared();
  Shared& back = shared();
  void* const block = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t pid = start_reader(there, [&] {
    std::uint64_t total = 0;
    for (std::uint32_t i = 1; i <= blocks; ++i) {
      while (there.word.load() != i) __builtin_ia32_pause();
      total += sum(block, kSize);
      back.word = i;
    }
    return total;
  });
  for (std::uint32_t i = 1; i <= blocks; ++i) {
    std::memcpy(block, source(kSize).data(), kSize);
    there.word = i;
    while (back.word.load() != i) __builtin_ia32_pause();
  }
  wait_for(pid);
  return {there.result};
}

Outcome bare_futex(std::uint64_t times) {
  Shared& common = shared();
  Latencies& latencies =
      *new (::mmap(nullptr, sizeof(Latencies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Latencies;
  const pid_t pid = start_reader(common, [&] {
    common.ready = 1;
    for (std::uint32_t seen = 0; seen < times;) {
      while (common.word.load() == seen) ::syscall(SYS_futex, &common.word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
      seen = common.word.load();
      latencies.add(now_ns() - common.sent_ns.load(std::memory_order_relaxed));
    }
    return times;
  });
  while (common.ready == 0) ::usleep(1000);
  for (std::uint64_t i = 0; i < times; ++i) {
    ::usleep(2000);
    common.sent_ns.store(now_ns(), std::memory_order_relaxed);
    ++common.word;
    ::syscall(SYS_futex, &common.word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  wait_for(pid);
  Outcome outcome = {common.result};
  latencies.fill(outcome);
  return outcome;
}

const Register contenders({
    {kRoundTripSmall, "hand-written: flags that both sides spin on", spin_on_flags, false, 50'000},
    {kRoundTripSmall, "unix socket", unix_socket<kKiB, 1, true>, true, 50'000},
    {kRoundTripLarge, "unix socket", unix_socket<kMiB, 1, true>, true, 2'000},
    {kStreamCopied, "unix socket, 4 MiB buffer", unix_socket<kMiB, 1, false>, true, 5'000},
    {kStreamHuge, "unix socket, 4 MiB buffer", unix_socket<64 * kMiB, 1, false>, true, 60},
    {kFanOut, "unix sockets, 4 MiB buffers", unix_socket<kMiB, 3, false>, true, 2'000},
    {kPublish, "memcpy into touched memory", copy, true, 60},
    {kWakeUp, "futex", bare_futex, true, 500},
});

}  // namespace
}  // namespace penstock::benchmark::transport
