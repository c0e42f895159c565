// SPDX-License-Identifier: MIT
// What alerts do beside being reported: programs that are run and webhooks that are called, in a thread of their own.
#pragma once

#include <penstock/monitor.h>
#include <penstock/operator.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock {

/// The file of the rule's program, which must have one; kNotFound says where was looked.
Result<std::string> program_of_alert(const AlertRule& rule);

/// What a webhook gets: docs/schemas/alert.schema.json.
std::string event_json(const AlertRule& rule, const AlertEvent& event, const std::string& pipeline);

/// Thread-safe.
class AlertActions {
 public:
  /// Events that wait; of one that comes when so many do it is said that it was dropped.
  static constexpr std::size_t kMostWaiting = 16;

  /// What an event came to; `event` is the number given to `take`.
  struct Done {
    std::size_t event = 0;
    AlertAction action;
  };

  explicit AlertActions(std::string pipeline) : pipeline_(std::move(pipeline)) {}
  /// Drops what waits, and ends what is under way.
  ~AlertActions();

  /// Has the command and the webhook of `rule` done, in the order of the calls. Returns at once.
  void take(const AlertRule& rule, const AlertEvent& event, std::size_t number);

  /// Waits until all is done: no longer than the longest timeout of those that are not, and a second, and no longer
  /// than until `stop`, which may be null, says that all is to be dropped. Returns what was done since the start, and
  /// what was not.
  std::vector<Done> finish(const StopSignal* stop);

 private:
  struct Work {
    AlertRule rule;
    std::size_t number = 0;
    std::string event;
    std::string json;
  };

  void work();
  void do_actions(const Work& work);
  void note(std::size_t number, std::string kind, const Status& status);

  const std::string pipeline_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;           // guarded by mutex_, as all below
  std::chrono::milliseconds left_{0};  // the longest timeout of what is not done
  bool busy_ = false;
  bool end_ = false;
  std::vector<Done> done_;
  std::thread thread_;
};

}  // namespace penstock
