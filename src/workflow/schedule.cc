// SPDX-License-Identifier: MIT
#include "workflow/schedule.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "executor/executor.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

class Schedule {
 public:
  Schedule(const StageGraph& graph, const ScheduleLimits& limits, StageWork& work)
      : graph_(graph), limits_(limits), work_(work), free_(limits.amounts), open_(graph.needs.size()) {
    for (std::size_t stage = 0; stage < open_.size(); ++stage) {
      open_[stage] = graph.needs[stage].size();
      if (graph_.is_called(stage)) ++(is_last(stage) ? last_left_ : left_);
    }
    for (std::size_t stage = 0; stage < open_.size(); ++stage) {
      if (open_[stage] == 0 && graph_.is_called(stage)) become_ready(stage);
    }
    if (left_ == 0) release_last();
  }

  std::size_t stages() const { return left_ + last_left_; }

  // What one thread does until all stages have ended.
  void work_until_all_ended() {
    std::unique_lock lock(mutex_);
    while (left_ + last_left_ > 0) {
      wake_delayed();
      const auto next = std::find_if(ready_.begin(), ready_.end(), [&](std::size_t stage) { return fits(stage); });
      if (next == ready_.end()) {
        wait(lock);
        continue;
      }
      const std::size_t stage = *next;
      ready_.erase(next);
      take(stage, -1);
      lock.unlock();
      const WorkEnd ended = work_.work(stage);
      lock.lock();
      take(stage, +1);
      if (ended.items > 0) {
        divide(stage, ended.items);
      } else if (ended.again) {
        delayed_.emplace(*ended.again, stage);
      } else {
        end(stage);
      }
      // This thread goes on with one that is ready; others are needed only for more.
      if (waiting_ > 0 && (left_ + last_left_ == 0 || ready_.size() > 1 || !delayed_.empty() || !limits_.wants.empty()))
        changed_.notify_all();
    }
  }

 private:
  bool is_last(std::size_t stage) const { return !limits_.last.empty() && limits_.last[stage]; }

  void become_ready(std::size_t stage) {
    if (is_last(stage) && left_ > 0) {
      held_.push_back(stage);
    } else {
      ready_.insert(stage);
    }
  }

  void release_last() {
    ready_.insert(held_.begin(), held_.end());
    held_.clear();
  }

  // The stages come first in the order, then the first items of all, then the second ones ...
  std::size_t stage_of(std::size_t number) const { return number % open_.size(); }

  void divide(std::size_t stage, std::size_t items) {
    items_left_[stage] = items;
    for (std::size_t item = 0; item < items; ++item) ready_.insert(stage + (item + 1) * open_.size());
  }

  void end(std::size_t number) {
    const std::size_t stage = stage_of(number);
    if (number != stage) {
      if (--items_left_[stage] == 0) ready_.insert(stage);
      return;
    }
    if (is_last(stage)) {
      --last_left_;
    } else if (--left_ == 0) {
      release_last();
    }
    for (const std::size_t dependent : graph_.dependents[stage]) {
      if (--open_[dependent] == 0 && graph_.is_called(dependent)) become_ready(dependent);
    }
  }

  bool fits(std::size_t number) const {
    if (limits_.wants.empty()) return true;
    const std::size_t stage = stage_of(number);
    for (std::size_t i = 0; i < limits_.wants[stage].size(); ++i) {
      if (limits_.wants[stage][i] > free_[i]) return false;
    }
    return true;
  }

  void take(std::size_t number, int sign) {
    if (limits_.wants.empty()) return;
    const std::size_t stage = stage_of(number);
    for (std::size_t i = 0; i < limits_.wants[stage].size(); ++i) free_[i] += sign * limits_.wants[stage][i];
  }

  void wake_delayed() {
    while (!delayed_.empty() && delayed_.begin()->first <= Clock::now()) {
      ready_.insert(delayed_.begin()->second);
      delayed_.erase(delayed_.begin());
    }
  }

  void wait(std::unique_lock<std::mutex>& lock) {
    ++waiting_;
    if (delayed_.empty()) {
      changed_.wait(lock);
    } else {
      // A copy: while it waits, others take the entry away.
      const Clock::time_point next = delayed_.begin()->first;
      changed_.wait_until(lock, next);
    }
    --waiting_;
  }

  const StageGraph& graph_;
  const ScheduleLimits& limits_;
  StageWork& work_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<std::int64_t> free_;
  std::vector<std::size_t> open_;                  // needs that have not ended
  std::set<std::size_t> ready_;                    // numbers of stages and items
  std::map<std::size_t, std::size_t> items_left_;  // by divided stage
  std::size_t waiting_ = 0;                        // threads
  std::vector<std::size_t> held_;                  // those that wait for all others
  std::multimap<Clock::time_point, std::size_t> delayed_;
  std::size_t left_ = 0;
  std::size_t last_left_ = 0;
};

class ScheduleTask final : public Task {
 public:
  ScheduleTask(Schedule& schedule, std::size_t number) : schedule_(schedule), number_(number) {}
  void work() noexcept override { schedule_.work_until_all_ended(); }
  std::string name() const override { return "stages/" + std::to_string(number_); }

 private:
  Schedule& schedule_;
  const std::size_t number_;
};

}  // namespace

Status run_schedule(const StageGraph& graph, const ScheduleLimits& limits, StageWork& work) {
  Schedule schedule(graph, limits, work);
  const std::size_t workers = std::min<std::size_t>(std::max<std::uint32_t>(limits.max_parallel, 1), schedule.stages());
  std::vector<std::shared_ptr<Task>> tasks;
  for (std::size_t i = 1; i < workers; ++i) tasks.push_back(std::make_shared<ScheduleTask>(schedule, i));
  const std::unique_ptr<Executor> executor = make_thread_executor();
  Status started;
  if (!tasks.empty()) started = executor->start(std::move(tasks));
  // Those that did start are enough, if it must be.
  schedule.work_until_all_ended();
  if (workers > 1) executor->wait();
  return started;
}

}  // namespace penstock
