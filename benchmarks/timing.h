// SPDX-License-Identifier: MIT
// Times contenders that solve the same problem, in turns A, B, A, B, …, each run in a process of its own, and prints a
// table and JSON. A contender whose result differs from its group's is an error: no time is printed for wrong answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::benchmark {

/// What one run gives beside its time.
struct Outcome {
  std::uint64_t result = 0;   ///< Must be equal for all contenders of a group.
  double latency_p50_us = 0;  ///< From leaving the source to being done by the sink; 0: not measured.
  double latency_p99_us = 0;
};

/// One way to solve the problem of its group.
struct Contender {
  std::string group;  ///< Rows that are compared with each other.
  std::string name;   ///< "who: how", for instance "oneTBB: parallel_pipeline, 64 tokens".
  Outcome (*run)(std::uint64_t records);
  bool baseline = false;      ///< Ratios of the group refer to this one; exactly one per group.
  std::uint64_t records = 0;  ///< 0: as the question says or the command line asks.
};

/// Adds contenders before `main` starts; one object with static storage duration per file.
struct Register {
  Register(std::vector<Contender> contenders);
};

/// What is asked, with the defaults of the command line.
struct Question {
  std::string title;
  std::string unit = "record";  ///< What times are divided by; `records` counts these.
  std::string units = "records";
  std::uint64_t records = 0;
  std::uint64_t warm_up = 0;  ///< Records of an untimed run before the timed one, in the same process.
  int runs = 5;
};

/// Runs what was registered and returns the exit code: 0; 1 when results differ or a run fails; 2 for wrong usage.
/// Options: --runs N, --records N, --only TEXT (in group or name), --json FILE, --list.
/// Each run is a forked child, so start no thread before. Wall time by the steady clock; CPU time of all threads, and
/// of processes that have ended; peak memory of the child as the kernel saw it (it includes the program itself,
/// about 1.5 MiB).
int answer(const Question& question, int argc, char** argv);

/// Nanoseconds of the steady clock.
std::int64_t now_ns();

/// Collects latencies in a fixed histogram (at most 1/32 of the value off) and gives percentiles. Used by one worker.
class Latencies {
 public:
  void add(std::int64_t ns) noexcept;
  double percentile_us(double p) const noexcept;
  void fill(Outcome& outcome) const noexcept;

 private:
  static constexpr int kSteps = 32;
  std::uint64_t counts_[64 * kSteps] = {};
  std::uint64_t total_ = 0;
};

}  // namespace penstock::benchmark
