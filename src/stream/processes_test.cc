// SPDX-License-Identifier: MIT
// Workers in processes of their own: the same results, and what is left when they crash, hang or are killed.
#include <dirent.h>
#include <gmock/gmock.h>
#include <penstock/stream.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <numeric>
#include <thread>

#include "base/thorough.h"
#include "platform/clock.h"
#include "stream/parcel_bytes.h"
#include "stream/stream_kit.h"

namespace penstock {
namespace {

using testing::calling;
using testing::calling_each;
using testing::Calls;
using testing::counting_source;
using ::testing::Each;
using testing::error_text;
using ::testing::HasSubstr;
using testing::keeping_sink;
using testing::looking;
using testing::TemporaryFolder;

RunOptions in_processes(std::uint32_t workers, std::size_t batch_size) {
  RunOptions options;
  options.strategy = processes(workers);
  options.batch_size = batch_size;
  return options;
}

std::vector<std::int64_t> first_numbers(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// A word that all processes of the test share.
template <class T>
class Shared {
 public:
  Shared() : word_(new(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T()) {}
  ~Shared() { ::munmap(word_, 4096); }
  T* operator->() const { return word_; }
  T& operator*() const { return *word_; }

 private:
  T* word_;
};

// source -> "step", in processes -> sink
Pipeline around(std::int64_t records, Calls step, std::vector<std::int64_t>& out, StepOptions options = {}) {
  return testing::around(records, calling(std::move(step)), out, std::move(options));
}

std::size_t open_descriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  std::size_t count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

TEST(Processes, WorkOutsideOfTheProgramAndGiveTheirResultsBackInOrder) {
  const Shared<std::atomic<pid_t>> worker;
  std::vector<std::int64_t> out;
  const Pipeline pipeline = around(1000, looking([&](std::int64_t) { worker->store(::getpid()); }), out);
  for (const std::uint32_t workers : {1U, 3U}) {
    for (const std::size_t batch_size : {1U, 64U, 5000U}) {
      out.clear();
      const Result<Report> report = pipeline.run(in_processes(workers, batch_size));
      ASSERT_TRUE(report) << error_text(report);
      EXPECT_EQ(out, first_numbers(1000));
      EXPECT_NE(worker->load(), ::getpid());
      EXPECT_EQ(report->steps[1].records_in, 1000U);
      EXPECT_EQ(report->steps[1].records_out, 1000U);
    }
  }
}

TEST(Processes, LeaveNoProcessAndNoDescriptorBehind) {
  std::vector<std::int64_t> out;
  const Pipeline pipeline = around(100, looking([](std::int64_t) {}), out);
  ASSERT_TRUE(pipeline.run(in_processes(3, 7)));
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pipeline.run(in_processes(3, 7)));
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Processes, TryTheBatchOfAWorkerThatDiesOnceMore) {
  const Shared<std::atomic<int>> deaths;
  std::vector<std::int64_t> out;
  const Calls dies_once = looking([&](std::int64_t n) {
    if (n == 437 && deaths->fetch_add(1) == 0) ::kill(::getpid(), SIGKILL);
  });
  const Result<Report> report = around(1000, dies_once, out).run(in_processes(2, 10));
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(deaths->load(), 2);  // the second time it went well
  EXPECT_EQ(report->steps[1].crashes, 1U);
  EXPECT_EQ(out, first_numbers(1000));
  EXPECT_EQ(report->records_rejected, 0U);
}

TEST(Processes, PutTheRecordThatKillsItsWorkerAside) {
  const TemporaryFolder folder;
  std::vector<std::int64_t> out;
  const Calls killer = looking([](std::int64_t n) {
    if (n == 37) ::raise(SIGKILL);
    if (n == 641) ::_exit(0);
  });
  const Pipeline pipeline = around(1000, killer, out, {.on_error = quarantine(folder.file("bad.jsonl"))});
  const Result<Report> report = pipeline.run(in_processes(2, 100));
  ASSERT_TRUE(report) << error_text(report);
  std::vector<std::int64_t> expected = first_numbers(1000);
  std::erase_if(expected, [](std::int64_t n) { return n == 37 || n == 641; });
  EXPECT_EQ(out, expected);
  EXPECT_EQ(report->records_rejected, 2U);
  EXPECT_EQ(
      testing::read_text(folder.file("bad.jsonl")),
      "{\"operator\":\"step\",\"record\":37,\"reason\":\"its worker process was killed by signal 9 (Killed; by the "
      "system when memory is short)\",\"raw\":\"{\\\"n\\\":37}\"}\n"
      "{\"operator\":\"step\",\"record\":641,\"reason\":\"its worker process ended by itself with exit code "
      "0\",\"raw\":\"{\\\"n\\\":641}\"}\n");
}

TEST(Processes, NameTheStepAtWhichAWorkerDies) {
  std::vector<std::int64_t> out;
  Pipeline pipeline("test");
  pipeline.add("source", calling(counting_source(100)), {}, Pipeline::kNone);
  pipeline.add("harmless", calling(looking([](std::int64_t) {})), {.stateless = true});
  pipeline.add("killer", calling(looking([](std::int64_t n) {
                 if (n == 55) ::raise(SIGKILL);
               })),
               {.on_error = skip(), .stateless = true});
  pipeline.add("sink", calling(keeping_sink(out)));
  const Result<Report> report = pipeline.run(in_processes(2, 20));
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(out.size(), 99U);
  EXPECT_EQ(report->steps[1].records_out, 100U);
  EXPECT_EQ(report->steps[2].records_in, 100U);
  EXPECT_EQ(report->steps[2].records_rejected, 1U);
  EXPECT_EQ(report->steps[2].first_rejection.substr(0, 10), "record 55:");
}

TEST(Processes, EndTheRunWhenThePolicyIsToFail) {
  std::vector<std::int64_t> out;
  const Calls killer = looking([](std::int64_t n) {
    if (n == 437) ::raise(SIGUSR1);
  });
  EXPECT_EQ(error_text(around(1000, killer, out).run(in_processes(2, 10))),
            "step: its worker process was killed by signal 10 (User defined signal 1), twice, while it worked on the "
            "same batch of 10 "
            "records\n  try: on_error = \"quarantine\" finds the record that does it, puts it aside, and goes on");
}

TEST(Processes, ReplaceAWorkerThatHangs) {
  const Shared<std::atomic<int>> visits;
  std::vector<std::int64_t> out;
  const Calls hangs = looking([&](std::int64_t n) {
    if (n == 12) visits->fetch_add(1);
    while (n == 12) ::pause();
  });
  StepOptions options{.on_error = skip()};
  options.timeout = std::chrono::milliseconds(100);
  const Result<Report> report = around(40, hangs, out, options).run(in_processes(2, 4));
  ASSERT_TRUE(report) << error_text(report);
  EXPECT_EQ(out.size(), 39U);
  EXPECT_THAT(report->steps[1].first_rejection,
              HasSubstr("its worker process was ended: worked longer than its timeout of 100.0 ms"));
  EXPECT_GE(visits->load(), 3);
}

TEST(Processes, ReportErrorsAndExceptionsAsThreadsDo) {
  std::vector<std::int64_t> out;
  const Calls throws = looking([](std::int64_t n) {
    if (n == 33) throw std::runtime_error("no 33");
  });
  RunOptions threaded = in_processes(2, 10);
  threaded.strategy = parallel(2);
  const std::string expected = error_text(around(100, throws, out).run(threaded));
  EXPECT_THAT(expected, HasSubstr("no 33"));
  EXPECT_EQ(error_text(around(100, throws, out).run(in_processes(2, 10))), expected);
  Calls closed;
  closed.open = [](OperatorContext&) { return Error(ErrorCode::kNotFound, "no model").hint("get one"); };
  EXPECT_EQ(error_text(around(100, closed, out).run(in_processes(2, 10))), "step: no model\n  try: get one");
}

TEST(Processes, SurviveKillsAtAnyMoment) {
  // What a worker is doing when it is killed is left to chance; every run has all records all the same.
  struct Workers {
    std::atomic<pid_t> last{0};
    std::atomic<std::int64_t> seen{0};
    std::atomic<std::int64_t> killed_ns{0};
    std::atomic<std::int64_t> back_ns{0};  // when a worker that began later had its first record
  };
  const int kills = testing::is_thorough() ? 1000 : 25;
  std::vector<double> restarts_ms;
  std::srand(7);
  for (int i = 0; i < kills; ++i) {
    const Shared<Workers> workers;
    std::vector<std::int64_t> out;
    const auto opened_ns = std::make_shared<std::int64_t>(0);
    Calls step = looking([&, opened_ns](std::int64_t) {
      workers->last.store(::getpid());
      workers->seen.fetch_add(1);
      const std::int64_t killed_ns = workers->killed_ns.load();
      std::int64_t nothing = 0;
      if (killed_ns > 0 && *opened_ns > killed_ns) workers->back_ns.compare_exchange_strong(nothing, now_ns());
    });
    step.open = [opened_ns](OperatorContext&) {
      *opened_ns = now_ns();
      return Status();
    };
    const std::int64_t moment = std::rand() % 2000;
    std::thread killer([&] {
      while (workers->seen.load() < moment) std::this_thread::yield();
      const pid_t pid = workers->last.load();
      workers->killed_ns.store(now_ns());
      if (pid > 0) ::kill(pid, SIGKILL);
    });
    const Result<Report> report = around(2000, step, out).run(in_processes(2, 50));
    workers->seen.store(2000);
    killer.join();
    ASSERT_TRUE(report) << error_text(report);
    ASSERT_EQ(out, first_numbers(2000)) << "kill " << i;
    ASSERT_EQ(report->steps[1].records_in, 2000U);
    if (const std::int64_t back_ns = workers->back_ns.load(); back_ns > 0)
      restarts_ms.push_back(static_cast<double>(back_ns - workers->killed_ns.load()) / 1e6);
  }
  std::sort(restarts_ms.begin(), restarts_ms.end());
  if (restarts_ms.empty()) return;
  std::cout << fmt::format("{} kills; from kill to the first record of the next worker: {:.1f} ms, at most {:.1f} ms\n",
                           kills, restarts_ms[restarts_ms.size() / 2], restarts_ms.back());
}

TEST(Processes, EndWithTheProgramAlsoWhenItIsKilled) {
  // The workers hold the writing end of a pipe; it is at its end when the last of them is gone.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Shared<std::atomic<bool>> working;
  const pid_t program = ::fork();
  if (program == 0) {
    ::close(ends[0]);
    std::vector<std::int64_t> out;
    const Calls endless = looking([&](std::int64_t) {
      working->store(true);
      for (;;) ::pause();
    });
    (void)around(100, endless, out).run(in_processes(2, 10)).has_value();
    ::_exit(0);
  }
  ::close(ends[1]);
  while (!working->load()) std::this_thread::yield();
  ::kill(program, SIGKILL);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
  ::waitpid(program, nullptr, 0);
}

TEST(Processes, EndWhenTheRunIsCancelled) {
  const Shared<std::atomic<bool>> working;
  StopSignal stop;
  std::vector<std::int64_t> out;
  const Calls endless = looking([&](std::int64_t) {
    working->store(true);
    for (;;) ::pause();
  });
  RunOptions options = in_processes(2, 10);
  options.stop = &stop;
  std::thread user([&] {
    while (!working->load()) std::this_thread::yield();
    stop.request(StopSignal::State::kCancel);
  });
  const RunOutcome outcome = around(100, endless, out).run_to_outcome(options);
  user.join();
  EXPECT_EQ(outcome.report.outcome, Report::Outcome::kCancelled);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(Processes, TakeNumbersAndStructsThatArePlainBytes) {
  std::vector<std::uint64_t> out;
  const auto pipeline = range(0, 1000)
                            .map([](std::uint64_t n) { return n * n; })
                            .filter([](std::uint64_t n) { return n % 2 == 0; })
                            .collect(out);
  ASSERT_EQ(pipeline.plan(in_processes(2, 10))->segments[1].worker, "process");
  ASSERT_TRUE(pipeline.run(in_processes(2, 10)));
  std::vector<std::uint64_t> expected;
  for (std::uint64_t n = 0; n < 1000; n += 2) expected.push_back(n * n);
  EXPECT_EQ(out, expected);
}

TEST(Processes, LeaveRecordsThatHoldPointersInTheProgram) {
  std::vector<std::string> out;
  const auto pipeline = range(0, 10)
                            .map([](std::uint64_t n) { return std::to_string(n); })
                            .map([](std::string text) { return text + "!"; })
                            .collect(out);
  const Result<Plan> plan = pipeline.plan(in_processes(2, 3));
  ASSERT_TRUE(plan);
  for (const PlanSegment& segment : plan->segments) EXPECT_EQ(segment.worker, "thread");
  EXPECT_THAT(plan->reason, HasSubstr("no operator is worth a process and able to work in one"));
  ASSERT_TRUE(pipeline.run(in_processes(2, 3)));
  EXPECT_EQ(out.back(), "9!");
}

TEST(Processes, NeverTrustAnAnswer) {
  Parcel parcel;
  parcel.accounts.resize(2);
  parcel.accounts[1].rejected.push_back({.record = 3, .reason = "why", .raw = "raw", .column = "c"});
  parcel.error =
      Error(ErrorCode::kNotFound, "gone").hint("look").at("step").caused_by(Error(ErrorCode::kTimeout, "slow"));
  parcel.batches.emplace_back(testing::numbers(0, 50));
  const EncodedParcel encoded(parcel, nullptr, nullptr);
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines(encoded.size_bytes() / 64 + 1);
  const std::span<std::byte> room(lines.front().bytes, encoded.size_bytes());
  encoded.write(room);
  const StreamType type = StreamType::of_schema(testing::one_column());
  LentSource source;
  source.lent = [](const BlockPlace&) { return nullptr; };
  source.pool = &BufferPool::shared();
  const Result<Parcel> same = decode_parcel(room, type, 2, source);
  ASSERT_TRUE(same) << error_text(same);
  EXPECT_EQ(same->error->to_text(), parcel.error->to_text());
  EXPECT_EQ(same->accounts[1].rejected[0].reason, "why");
  EXPECT_EQ(same->batches[0].record_batch().row_to_json(49), "{\"n\":49}");
  std::srand(3);
  const std::vector<std::byte> whole(room.begin(), room.end());
  for (int i = 0; i < 20'000; ++i) {
    std::copy(whole.begin(), whole.end(), room.begin());
    for (int change = 0; change <= i % 4; ++change) {
      room[static_cast<std::size_t>(std::rand()) % room.size()] = static_cast<std::byte>(std::rand());
    }
    // Whatever it says, it stays inside of the bytes: the sanitizers look.
    const Result<Parcel> changed =
        decode_parcel(room.first(room.size() - static_cast<std::size_t>(i % 7) * 8), type, 2, source);
    if (changed && !changed->batches.empty()) (void)changed->batches[0].record_batch().column(0).int64s().size();
  }
}

}  // namespace
}  // namespace penstock
