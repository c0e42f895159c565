// SPDX-License-Identifier: MIT
// Worker processes killed at any moment of a run: nothing is lost, nothing is doubled, nothing is left. A thousand
// kills with PENSTOCK_LONG_TESTS=1.
#include <dirent.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/thorough.h"
#include "data/random.h"
#include "platform/clock.h"
#include "sample_run.h"

namespace penstock::conformance {
namespace {

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const open = ::opendir(folder.c_str());
  if (open == nullptr) return names;
  while (const dirent* const entry = ::readdir(open)) names.emplace_back(entry->d_name);
  ::closedir(open);
  return names;
}

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> children;
  const std::string tasks = fmt::format("/proc/{}/task", process);
  for (const std::string& thread : names_in(tasks)) {
    std::ifstream list(tasks + "/" + thread + "/children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

bool is_worker(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/comm", process));
  std::string name;
  return std::getline(file, name) && name.rfind("worker/", 0) == 0;
}

/// Kills one of the worker processes of this process, whichever chance wants. Returns whether there was one.
bool kill_a_worker(Random& random) {
  std::vector<pid_t> workers;
  for (const pid_t nursery : children_of(::getpid())) {
    for (const pid_t child : children_of(nursery)) workers.push_back(child);
  }
  if (workers.empty()) return false;
  const pid_t one = workers[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(workers.size()) - 1))];
  // While it is there it is ours: its number goes to nobody else before its parent has looked at its end.
  return is_worker(one) && ::kill(one, SIGKILL) == 0;
}

/// Kills one worker at a moment between 0 and `longest_ns` after it was made.
class Killer {
 public:
  Killer(Random& random, std::int64_t longest_ns)
      : moment_ns_(now_ns() + random.integer(0, longest_ns)), thread_([this, &random] { work(random); }) {}
  /// Returns whether a worker was killed.
  bool stop() {
    over_ = true;
    thread_.join();
    return killed_;
  }

 private:
  void work(Random& random) {
    while (now_ns() < moment_ns_ && !over_) std::this_thread::yield();
    while (!over_ && !(killed_ = kill_a_worker(random))) std::this_thread::yield();
  }

  const std::int64_t moment_ns_;
  std::atomic<bool> over_{false};
  std::atomic<bool> killed_{false};
  std::thread thread_;
};

bool uses_processes(const SamplePipeline& sample, const Folders& at, const RunOptions& options) {
  const Result<std::vector<Pipeline>> pipelines = sample.make(at);
  for (const Pipeline& pipeline : pipelines.value()) {
    const Plan plan = pipeline.plan(options).value();
    for (const PlanSegment& segment : plan.segments) {
      if (segment.worker == "process") return true;
    }
  }
  return false;
}

struct Undisturbed {
  SamplePipeline sample;
  Outcome outcome;
  std::int64_t took_ns = 0;
};

TEST(KilledWorkers, LoseNothingAndDoubleNothing) {
  if (::access(fmt::format("/proc/self/task/{}/children", ::getpid()).c_str(), R_OK) != 0) {
    GTEST_SKIP() << "SKIPPED: this kernel does not list children of processes (CONFIG_PROC_CHILDREN)";
  }
  const SampleFolders folders;
  RunOptions options;
  options.strategy = processes(2);
  options.batch_size = 100;
  std::vector<Undisturbed> samples;
  for (const SamplePipeline& sample : sample_pipelines()) {
    if (sample.ends_early || !uses_processes(sample, folders.at(), options)) continue;
    Undisturbed& one = samples.emplace_back();
    one.sample = sample;
    const std::int64_t begun = now_ns();
    folders.run(sample, options, one.outcome);
    one.took_ns = now_ns() - begun;
    if (HasFatalFailure()) return;
  }
  ASSERT_GE(samples.size(), 3U);
  const auto descriptors = names_in("/proc/self/fd").size();
  const int goal = testing::is_thorough() ? 1000 : 30;
  int kills = 0;
  int runs = 0;
  for (; kills < goal; ++runs) {
    const Undisturbed& one = samples[static_cast<std::size_t>(runs) % samples.size()];
    Random random(11, 41, static_cast<std::uint64_t>(runs));
    SCOPED_TRACE(fmt::format("run {}: {}", runs, one.sample.name));
    Killer killer(random, one.took_ns);
    Outcome outcome;
    folders.run(one.sample, options, outcome);
    kills += killer.stop() ? 1 : 0;
    if (HasFatalFailure()) return;
    expect_same_files(outcome.files, one.outcome.files);
    if (HasFatalFailure()) return;
    ASSERT_EQ(outcome.totals, one.outcome.totals);
  }
  EXPECT_EQ(names_in("/proc/self/fd").size(), descriptors);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process was left behind";
  std::cout << fmt::format("{} workers killed in {} runs of {} pipelines\n", kills, runs, samples.size());
}

}  // namespace
}  // namespace penstock::conformance
