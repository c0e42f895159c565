// SPDX-License-Identifier: MIT
#include "executor/executor.h"

#include <fmt/format.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace penstock {
namespace {

// What the executor and its threads share; a thread that was left behind keeps it alive.
struct Threads {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t running = 0;
  Clock::time_point deadline = Clock::time_point::max();
};

void run_task(const std::shared_ptr<Task>& task, const std::shared_ptr<Threads>& threads) {
  pthread_setname_np(pthread_self(), task->name().substr(0, 15).c_str());
  task->work();
  const std::lock_guard lock(threads->mutex);
  --threads->running;
  threads->changed.notify_all();
}

class ThreadExecutor final : public Executor {
 public:
  ~ThreadExecutor() override {
    for (std::thread& thread : started_) thread.detach();  // those left behind; all others were joined
  }

  Status start(std::vector<std::shared_ptr<Task>> tasks) override {
    const std::lock_guard lock(threads_->mutex);  // those that begin wait for it only at their end
    for (std::shared_ptr<Task>& task : tasks) {
      try {
        started_.emplace_back([task = std::move(task), threads = threads_] { run_task(task, threads); });
        ++threads_->running;
      } catch (const std::system_error& error) {
        return Error(ErrorCode::kUnavailable, fmt::format("cannot start a thread: {}", error.what()))
            .hint("allow more threads (ulimit -u), or use fewer workers");
      }
    }
    return {};
  }

  bool wait() override {
    {
      std::unique_lock lock(threads_->mutex);
      while (threads_->running > 0) {
        if (threads_->deadline == Threads::Clock::time_point::max()) {
          threads_->changed.wait(lock);
        } else if (threads_->changed.wait_until(lock, threads_->deadline) == std::cv_status::timeout &&
                   threads_->running > 0) {
          return false;
        }
      }
    }
    for (std::thread& thread : started_) thread.join();
    started_.clear();
    return true;
  }

  void give_up_in(std::int64_t milliseconds) override {
    const std::lock_guard lock(threads_->mutex);
    threads_->deadline = Threads::Clock::now() + std::chrono::milliseconds(milliseconds);
    threads_->changed.notify_all();
  }

 private:
  std::shared_ptr<Threads> threads_ = std::make_shared<Threads>();
  std::vector<std::thread> started_;
};

class InlineExecutor final : public Executor {
 public:
  Status start(std::vector<std::shared_ptr<Task>> tasks) override {
    if (task_ != nullptr) return threads_.start(std::move(tasks));
    if (tasks.size() != 1) contract_broken("the inline executor takes exactly one task");
    task_ = std::move(tasks.front());
    return {};
  }
  bool wait() override {
    task_->work();
    return threads_.wait();
  }
  // The caller cannot be left behind by itself.
  void give_up_in(std::int64_t milliseconds) override { threads_.give_up_in(milliseconds); }

 private:
  std::shared_ptr<Task> task_;
  ThreadExecutor threads_;
};

}  // namespace

std::unique_ptr<Executor> make_inline_executor() { return std::make_unique<InlineExecutor>(); }
std::unique_ptr<Executor> make_thread_executor() { return std::make_unique<ThreadExecutor>(); }

}  // namespace penstock
