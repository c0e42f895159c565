// SPDX-License-Identifier: MIT
// Hand-written: the least that does it. As many coroutines as may wait at once, each in a loop over its share of the
// records; a heap of times; the thread sleeps until the earliest. No batches, no order, no errors, no sockets.
#include <sys/prctl.h>
#include <time.h>

#include <coroutine>
#include <exception>
#include <queue>
#include <vector>

#include "workload.h"

namespace penstock::benchmark::async {
namespace {

std::int64_t now() {
  timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct Entry {
  std::int64_t deadline;
  std::coroutine_handle<> waiting;
  bool operator<(const Entry& other) const { return deadline > other.deadline; }
};
std::priority_queue<Entry> heap;

struct Wait {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    heap.push({now() + std::chrono::nanoseconds(kWait).count(), waiting});
  }
  void await_resume() const {}
};

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

std::uint64_t next_record = 0;
std::uint64_t sum = 0;

Detached work_through(std::uint64_t records) {
  while (next_record < records) {
    const std::uint64_t record = next_record++;
    co_await Wait{};
    sum += value_of(record);
  }
}

Outcome run(std::uint64_t records, std::size_t at_once) {
  ::prctl(PR_SET_TIMERSLACK, 1);
  for (std::size_t i = 0; i < at_once; ++i) work_through(records);
  while (!heap.empty()) {
    const std::int64_t time = now();
    if (heap.top().deadline > time) {
      const std::int64_t until = heap.top().deadline;
      const timespec at{until / 1'000'000'000, until % 1'000'000'000};
      ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
      continue;
    }
    const std::coroutine_handle<> ready = heap.top().waiting;
    heap.pop();
    ready.resume();
  }
  return {.result = sum};
}

Outcome thousand(std::uint64_t records) { return run(records, 1'000); }
Outcome ten_thousand(std::uint64_t records) { return run(records, 10'000); }

const Register registered(
    {{kThousand, "hand-written: coroutines and a heap of times", thousand, true, kThousandRecords},
     {kTenThousand, "hand-written: coroutines and a heap of times", ten_thousand, true, kTenThousandRecords}});

}  // namespace
}  // namespace penstock::benchmark::async
