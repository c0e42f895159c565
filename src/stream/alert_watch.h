// SPDX-License-Identifier: MIT
// Says when an alert fires and when it is over; knows neither threads nor clocks.
#pragma once

#include <penstock/monitor.h>
#include <penstock/result.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "expression/expression.h"

namespace penstock {

/// The values of `alert_metrics`, in their order.
struct MetricValues {
  double cpu_usage = 0;
  double memory = 0;
  double memory_bytes = 0;
  double in_flight_bytes = 0;
  double throughput = 0;
  double records = 0;
  double errors = 0;
  double queue = 0;
  double blocked = 0;
  double seconds = 0;

  static constexpr std::size_t kCount = 10;
  std::array<double, kCount> list() const noexcept {
    return {cpu_usage, memory, memory_bytes, in_flight_bytes, throughput, records, errors, queue, blocked, seconds};
  }
};

/// One row with these values, as the conditions of alerts see it.
RecordBatch metric_row(const MetricValues& values);

/// Watches one rule. It waits until `when` has held for `hold`, without a sample in which it does not; then it fires,
/// once, and waits in the same way until it is over. A condition that is null, or fails (a division by 0), does not
/// hold. Used by one thread.
class AlertWatch {
 public:
  /// Errors as those of `check_alert` for the conditions.
  static Result<AlertWatch> make(const AlertRule& rule);

  /// Looks at the sample of `now_ns`, which never goes back. Returns an event when it fires or is over.
  std::optional<AlertEvent> look(const MetricValues& values, const RecordBatch& row, std::int64_t now_ns);

  bool has_fired() const noexcept { return fired_; }
  const std::string& name() const noexcept { return name_; }

 private:
  AlertWatch(const AlertRule& rule, Expression when, std::optional<Expression> clear);
  bool holds(const Expression& condition, const RecordBatch& row);

  std::string name_;
  Expression when_;
  std::optional<Expression> clear_;
  std::int64_t hold_ns_;
  std::int64_t clear_hold_ns_;
  bool fired_ = false;
  std::optional<std::int64_t> since_ns_;  // since when the condition that it waits for holds
  std::vector<std::uint32_t> rows_;
};

}  // namespace penstock
