// SPDX-License-Identifier: MIT
#include "workflow/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace penstock {
namespace {

using ::testing::ElementsAre;
using Clock = std::chrono::steady_clock;

// needs[i]: the stages that stage i needs.
StageGraph graph_of(const std::vector<std::vector<std::size_t>>& needs) {
  StageGraph graph;
  graph.needs.resize(needs.size());
  graph.dependents.resize(needs.size());
  graph.fallback.assign(needs.size(), StageGraph::kNone);
  graph.fallback_of.assign(needs.size(), StageGraph::kNone);
  graph.runs_with.assign(needs.size(), StageGraph::kNone);
  for (std::size_t i = 0; i < needs.size(); ++i) {
    for (const std::size_t need : needs[i]) {
      graph.needs[i].push_back({need, true, false});
      graph.dependents[need].push_back(i);
    }
  }
  return graph;
}

// Notes the order in which stages begin, and checks that what they need has ended.
class Noted : public StageWork {
 public:
  explicit Noted(const StageGraph& graph) : graph_(graph), ended_(graph.needs.size()) {}

  WorkEnd work(std::size_t stage) override {
    {
      const std::lock_guard lock(mutex_);
      order.push_back(stage);
      for (const StageGraph::Edge& edge : graph_.needs[stage]) EXPECT_TRUE(ended_[edge.stage]);
    }
    const std::optional<Clock::time_point> again = what ? what(stage) : std::nullopt;
    const std::lock_guard lock(mutex_);
    if (!again) ended_[stage] = true;
    return {again};
  }

  std::function<std::optional<Clock::time_point>(std::size_t)> what;
  std::vector<std::size_t> order;

 private:
  const StageGraph& graph_;
  std::mutex mutex_;
  std::vector<bool> ended_;
};

TEST(Schedule, WithOneWorkerStagesBeginByNeedThenByIndex) {
  const StageGraph graph = graph_of({{2}, {}, {3}, {}, {}});
  Noted work(graph);
  EXPECT_TRUE(run_schedule(graph, {}, work));
  EXPECT_THAT(work.order, ElementsAre(1, 3, 2, 0, 4));
}

TEST(Schedule, ManyWorkersRunEveryStageOnce) {
  std::vector<std::vector<std::size_t>> needs(500);
  for (std::size_t i = 10; i < needs.size(); ++i) needs[i] = {i - 10, i - 7};
  const StageGraph graph = graph_of(needs);
  Noted work(graph);
  EXPECT_TRUE(run_schedule(graph, {.max_parallel = 8}, work));
  std::sort(work.order.begin(), work.order.end());
  ASSERT_EQ(work.order.size(), 500U);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(work.order[i], i);
}

TEST(Schedule, AsManyAtOnceAsAllowed) {
  const StageGraph graph = graph_of(std::vector<std::vector<std::size_t>>(30));
  Noted work(graph);
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  std::mutex mutex;
  std::condition_variable met;
  work.what = [&](std::size_t stage) -> std::optional<Clock::time_point> {
    std::unique_lock lock(mutex);
    most = std::max<int>(most, ++now);
    met.notify_all();
    if (stage < 3) met.wait(lock, [&] { return most == 3; });  // the first three wait for each other
    --now;
    return {};
  };
  EXPECT_TRUE(run_schedule(graph, {.max_parallel = 3}, work));
  EXPECT_EQ(most, 3);
}

TEST(Schedule, ResourcesAreSharedAndAStageThatFitsMayGoFirst) {
  const StageGraph graph = graph_of(std::vector<std::vector<std::size_t>>(3));
  ScheduleLimits limits{.max_parallel = 2, .amounts = {2}, .wants = {{2}, {1}, {1}}};
  Noted work(graph);
  std::atomic<int> used{0};
  work.what = [&](std::size_t stage) -> std::optional<Clock::time_point> {
    const int mine = stage == 0 ? 2 : 1;
    EXPECT_LE(used += mine, 2);
    used -= mine;
    return {};
  };
  EXPECT_TRUE(run_schedule(graph, limits, work));
  EXPECT_EQ(work.order.size(), 3U);
}

TEST(Schedule, AStageThatWaitsHoldsNobodyUp) {
  const StageGraph graph = graph_of(std::vector<std::vector<std::size_t>>(3));
  Noted work(graph);
  int tries = 0;
  work.what = [&](std::size_t stage) -> std::optional<Clock::time_point> {
    if (stage == 0 && ++tries < 3) return Clock::now() + std::chrono::milliseconds(1);
    return {};
  };
  EXPECT_TRUE(run_schedule(graph, {}, work));
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(work.order.front(), 0U);
  EXPECT_EQ(work.order[1], 1U);
}

TEST(Schedule, LastStagesBeginBehindAllOthers) {
  const StageGraph graph = graph_of({{}, {}, {0}, {}});
  Noted work(graph);
  EXPECT_TRUE(run_schedule(graph, {.last = {true, false, true, false}}, work));
  EXPECT_THAT(work.order, ElementsAre(1, 3, 0, 2));
}

TEST(Schedule, NothingToDoIsDone) {
  const StageGraph graph = graph_of({});
  Noted work(graph);
  EXPECT_TRUE(run_schedule(graph, {.max_parallel = 4}, work));
}

}  // namespace
}  // namespace penstock
