// SPDX-License-Identifier: MIT
#include "executor/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace penstock {
namespace {

class CallTask final : public Task {
 public:
  explicit CallTask(std::function<void()> call) : call_(std::move(call)) {}
  void work() noexcept override { call_(); }
  std::string name() const override { return "a name longer than what the system keeps"; }

 private:
  std::function<void()> call_;
};

std::shared_ptr<Task> task(std::function<void()> call) { return std::make_shared<CallTask>(std::move(call)); }

TEST(InlineExecutor, WorksInTheCallerWhenItWaits) {
  const std::unique_ptr<Executor> executor = make_inline_executor();
  std::thread::id worker;
  ASSERT_TRUE(executor->start({task([&] { worker = std::this_thread::get_id(); })}));
  EXPECT_EQ(worker, std::thread::id());
  EXPECT_TRUE(executor->wait());
  EXPECT_EQ(worker, std::this_thread::get_id());
}

TEST(ThreadExecutor, RunsEveryTaskInAThreadOfItsOwn) {
  // Each waits for all others: they end only when all run at once.
  constexpr int kTasks = 5;
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  std::vector<std::shared_ptr<Task>> tasks;
  for (int i = 0; i < kTasks; ++i) {
    tasks.push_back(task([&] {
      std::unique_lock lock(mutex);
      ++arrived;
      changed.notify_all();
      changed.wait(lock, [&] { return arrived == kTasks; });
    }));
  }
  const std::unique_ptr<Executor> executor = make_thread_executor();
  ASSERT_TRUE(executor->start(std::move(tasks)));
  EXPECT_TRUE(executor->wait());
  EXPECT_EQ(arrived, kTasks);
}

TEST(ThreadExecutor, WaitsForNothingWithoutTasks) {
  const std::unique_ptr<Executor> executor = make_thread_executor();
  ASSERT_TRUE(executor->start({}));
  EXPECT_TRUE(executor->wait());
}

TEST(ThreadExecutor, LeavesAWorkerBehindThatDoesNotReturn) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool released = false;
    bool ended = false;
  };
  const auto shared = std::make_shared<Shared>();
  std::unique_ptr<Executor> executor = make_thread_executor();
  ASSERT_TRUE(executor->start({task([shared] {
    std::unique_lock lock(shared->mutex);
    shared->changed.wait(lock, [&] { return shared->released; });
    shared->ended = true;
    shared->changed.notify_all();
  })}));
  executor->give_up_in(1);
  EXPECT_FALSE(executor->wait());
  executor.reset();  // the worker lives on, with all that it needs
  std::unique_lock lock(shared->mutex);
  shared->released = true;
  shared->changed.notify_all();
  shared->changed.wait(lock, [&] { return shared->ended; });
}

TEST(ThreadExecutor, GivingUpDoesNotHurtWhoHasEnded) {
  const std::unique_ptr<Executor> executor = make_thread_executor();
  std::atomic<int> ran{0};
  ASSERT_TRUE(executor->start({task([&] { ++ran; }), task([&] { ++ran; })}));
  ASSERT_TRUE(executor->wait());
  executor->give_up_in(0);
  EXPECT_TRUE(executor->wait());
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace penstock
