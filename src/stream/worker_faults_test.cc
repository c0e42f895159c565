// SPDX-License-Identifier: MIT
// What code in a worker process may do wrong besides crashing and hanging, and what a run makes of it.
#include <gmock/gmock.h>
#include <penstock/stream.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <thread>

#include "base/thorough.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::Calls;
using testing::counting_source;
using testing::error_text;
using ::testing::HasSubstr;
using testing::looking;

RunOptions in_processes(std::uint32_t workers, std::size_t batch_size) {
  RunOptions options;
  options.strategy = processes(workers);
  options.batch_size = batch_size;
  return options;
}

std::vector<std::int64_t> numbers_but(std::int64_t count, std::int64_t without) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t n = 0; n < count; ++n) {
    if (n != without) numbers.push_back(n);
  }
  return numbers;
}

TEST(WorkerFaults, AllocatingWithoutEndMeetsTheWorkersLimit) {
  if (testing::kSanitized) GTEST_SKIP() << "SKIPPED: sanitizers end a program that gets no memory";
  std::vector<std::uint64_t> out;
  const auto hoard = [](std::uint64_t n) {
    std::vector<std::unique_ptr<char[]>> all;
    while (n == 37) {
      all.push_back(std::make_unique<char[]>(std::size_t{16} << 20));
    }
    return n;
  };
  RunOptions options = in_processes(2, 10);
  options.worker_memory = std::uint64_t{256} << 20;
  const Result<Report> skipping =
      range(0, 100).map(hoard, {.name = "hoard", .on_error = skip()}).collect(out).run(options);
  ASSERT_TRUE(skipping) << error_text(skipping);
  EXPECT_EQ(out.size(), 99U);
  EXPECT_THAT(skipping->steps[1].first_rejection, HasSubstr("record 37: there is no memory left for it"));
  EXPECT_THAT(error_text(range(0, 100).map(hoard, {.name = "hoard"}).collect(out).run(options)),
              HasSubstr("hoard: there is no memory left for it (record 37)"));
}

// ---- What is written where only the engine writes ------------------------------------------------------------------

/// Sends `bytes` to every socket of whole messages that this process has: one leads to the program.
void send_everywhere(const std::string& bytes) {
  for (int descriptor = 3; descriptor < 256; ++descriptor) {
    int type = 0;
    socklen_t size = sizeof type;
    const bool is_socket = ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    if (is_socket && type == SOCK_SEQPACKET) ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
}

std::string bytes_of(std::initializer_list<std::uint64_t> words) {
  return {reinterpret_cast<const char*>(words.begin()), words.size() * sizeof(std::uint64_t)};
}

TEST(WorkerFaults, WhatAWorkerWritesIntoItsChannelIsNeverTrusted) {
  constexpr std::uint64_t kTebi = std::uint64_t{1} << 40;
  const std::string garbage[] = {"x",
                                 std::string(300, '\xFF'),
                                 bytes_of({0, 0}),
                                 bytes_of({4096, 64}),
                                 bytes_of({4096, std::uint64_t{50} << 30}),  // far more than the worker has
                                 bytes_of({4096, kTebi}),
                                 bytes_of({~std::uint64_t{0} - 4095, 8192})};
  for (const std::string& message : garbage) {
    SCOPED_TRACE(::testing::PrintToString(message.substr(0, 16)));
    std::vector<std::int64_t> out;
    const Calls babbling = looking([&](std::int64_t n) {
      if (n == 37) send_everywhere(message);
    });
    const Result<Report> report =
        testing::around(100, calling(babbling), out, {.on_error = skip()}).run(in_processes(2, 20));
    ASSERT_TRUE(report) << error_text(report);
    EXPECT_EQ(out, numbers_but(100, 37));
    EXPECT_THAT(report->steps[1].first_rejection, HasSubstr("record 37: its worker process was ended: its answer"));
  }
}

/// Where this process has memory that it shares with the program, as far as it is in use.
std::vector<std::span<std::byte>> shared_memory() {
  std::vector<std::span<std::byte>> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("memfd:penstock-answers") == std::string::npos) continue;
    found.emplace_back(reinterpret_cast<std::byte*>(std::stoull(line, nullptr, 16)), std::size_t{1} << 18);
  }
  return found;
}

/// Writes random bytes over all of it, for ever.
void scribble() {
  std::uint32_t random = 12345;
  for (;;) {
    for (const std::span<std::byte> memory : shared_memory()) {
      for (std::byte& byte : memory) byte = static_cast<std::byte>((random = random * 1664525 + 1013904223) >> 24);
    }
  }
}

// Rows with a text, so that there are offsets to spoil.
Calls texts_of_numbers() {
  Calls calls;
  const auto schema = std::make_shared<const Schema>(std::vector<Field>{{"text", Type::kUtf8}});
  calls.bind = [schema](const StreamType&) { return StreamType::of_schema(schema); };
  calls.traits.rows = RowEffect::kKeeps;
  calls.process = [schema](Batch batch, Emitter& out) {
    static const bool scribbling = (std::thread(scribble).detach(), true);
    static_cast<void>(scribbling);
    RecordBatchBuilder builder(schema, BufferPool::shared());
    for (const std::int64_t n : batch.record_batch().column(0).int64s())
      builder.column(0).append_text(std::to_string(n));
    out.emit(builder.finish());
    return Status();
  };
  return calls;
}

// What it makes of a batch may be spoiled unseen, or found out; the program reads nothing that is not there.
TEST(WorkerFaults, ScribblingOverSharedMemoryHarmsNobodyElse) {
  std::size_t bytes = 0;
  Calls sink;
  sink.traits.effects = true;
  sink.process = [&](Batch batch, Emitter&) {
    const Column& column = batch.record_batch().column(0);
    for (std::size_t row = 0; row < column.size(); ++row) bytes += std::string(column.text(row)).size();
    return Status();
  };
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(200)), {}, Pipeline::kNone);
  pipeline.add("texts", calling(texts_of_numbers()), {.on_error = skip(), .stateless = true});
  pipeline.add("sink", calling(sink));
  const RunOutcome outcome = pipeline.run_to_outcome(in_processes(1, 20));
  if (!outcome.status) {
    EXPECT_THAT(error_text(outcome.status), HasSubstr("texts: "));
  }
}

// ---- A machine that gives no shared memory -------------------------------------------------------------------------

/// Runs numbers through a process in a child of this process, which `change` makes poor first. Returns the run's error,
/// empty when it had all numbers.
template <class Change>
std::string run_after(Change change) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    change();
    std::vector<std::int64_t> out;
    const Result<Report> report =
        testing::around(100, calling(looking([](std::int64_t) {})), out).run(in_processes(1, 10));
    std::string said = error_text(report);
    if (report && out != numbers_but(100, -1)) said = "numbers are missing";
    const auto written = ::write(ends[1], said.data(), said.size());
    ::_exit(written < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? said : "ended with status " + std::to_string(status) + ": " + said;
}

TEST(WorkerFaults, AFullDevShmDoesNotMatter) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: a file system can be mounted by the superuser only";
  const std::string said = run_after([] {
    const bool full = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=4k") == 0;
    if (!full) ::_exit(77);
    std::ofstream("/dev/shm/filler") << std::string(4096, 'x');
  });
  if (said.rfind("ended with status 19712", 0) == 0) GTEST_SKIP() << "SKIPPED: nothing can be mounted here";
  EXPECT_EQ(said, "");
}

TEST(WorkerFaults, MemoryThatCannotBeSharedIsAnErrorThatSaysSo) {
  if (testing::kSanitized) GTEST_SKIP() << "SKIPPED: sanitizers write reports into files";
  EXPECT_THAT(run_after([] {
                ::signal(SIGXFSZ, SIG_IGN);
                const rlimit small{1 << 20, 1 << 20};
                ::setrlimit(RLIMIT_FSIZE, &small);
              }),
              AllOf(HasSubstr("penstock-"), HasSubstr("see ulimit -f")));
}

}  // namespace
}  // namespace penstock
