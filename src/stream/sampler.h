// SPDX-License-Identifier: MIT
// Takes the samples of a monitored run, keeps some of them, and watches its alerts.
#pragma once

#include <penstock/run.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "stream/alert_actions.h"
#include "stream/alert_watch.h"

namespace penstock {

struct Run;

/// Keeps samples, never more than `kMost`: when there would be more, two become one, and from then on as many make one
/// as it takes to have the same time between all. Used by one thread.
class SampleLog {
 public:
  static constexpr std::size_t kMost = 1000;

  void add(MonitorSample sample);
  /// The last one of the run. With `join` it counts as one with the last that was added.
  void add_last(MonitorSample sample, bool join);
  /// How many that were added are one of those that are kept.
  std::uint64_t per_kept() const noexcept { return per_kept_; }
  std::uint64_t added() const noexcept { return added_; }
  std::vector<MonitorSample> take() { return std::move(kept_); }

 private:
  void thin_out();

  std::vector<MonitorSample> kept_;
  MonitorSample open_;  // of `in_open_` samples so far
  std::uint64_t in_open_ = 0;
  std::uint64_t per_kept_ = 1;
  std::uint64_t added_ = 0;
};

/// What levels are compared with.
struct MonitorScale {
  std::uint32_t cores = 1;
  std::uint64_t memory_limit = 0;           ///< Bytes that may be used; 0: unknown.
  std::vector<std::uint32_t> queue_depths;  ///< Of the channel in front of each step; 0: it has none.
};

/// The values of alert metrics for the time between two samples.
MetricValues metrics_between(const MonitorSample& before, const MonitorSample& now, const MonitorScale& scale);

/// Used by one thread at a time: the monitor's while the run works, then the run's.
class Sampler {
 public:
  /// The run must outlive it, and its alerts must have been checked (`check_monitor`).
  explicit Sampler(const Run& run);
  ~Sampler();

  std::int64_t next_ns() const noexcept { return next_ns_; }
  /// Takes a sample and looks at the alerts.
  void take(std::int64_t now_ns);
  /// Adds what the last sample says.
  void fill(Progress& progress) const;
  /// Takes the last sample, waits for what alerts have begun, and returns what was seen.
  MonitorLog finish(std::int64_t now_ns);

 private:
  MonitorSample sample(std::int64_t now_ns) const;
  void look(const MonitorSample& before, const MonitorSample& now, std::int64_t now_ns);
  void report(const AlertRule& rule, AlertEvent event);

  const Run& run_;
  const MonitorOptions& options_;
  MonitorScale scale_;
  std::vector<AlertWatch> watches_;  // as options_.alerts
  AlertActions actions_;
  SampleLog log_;
  MonitorSample last_;         // zeros before the first
  MonitorSample before_last_;  // the one before
  MetricValues values_;        // of the last one
  std::int64_t last_ns_;
  std::int64_t next_ns_;
  std::vector<AlertEvent> events_;
  std::uint64_t events_lost_ = 0;
};

/// An error when monitoring cannot be as `options` say: `check_alert`, names that come twice, an interval below 10 ms.
Status check_monitor(const MonitorOptions& options);

}  // namespace penstock
