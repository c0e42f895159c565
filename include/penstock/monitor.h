// SPDX-License-Identifier: MIT
// Monitoring of a run: samples of what it uses, and rules that say when somebody is to be told. See
// docs/guide/monitoring.md.
#pragma once

#include <penstock/result.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

/// What an alert may look at, one number of every sample.
struct AlertMetric {
  std::string_view name;  ///< "cpu_usage".
  std::string_view doc;   ///< What it is, with its unit.
};
/// All of them, in the order of the documentation.
const std::vector<AlertMetric>& alert_metrics();

/// When somebody is to be told that a run is not as it should be, and how. Every alert is in the report and goes to the
/// run's ProgressListener; a command and a webhook come on top.
struct AlertRule {
  std::string name = {};
  /// A condition over `alert_metrics`, in the language of `filter`: "cpu_usage > 90", "queue >= 100 and errors > 0".
  std::string when = {};
  std::chrono::milliseconds hold{0};  ///< It fires when `when` has held for so long.
  std::string clear = {};             ///< The condition under which it is over; empty: that `when` does not hold.
  std::chrono::milliseconds clear_hold{-1};  ///< It is over when that has held for so long; negative: as `hold`.
  /// A program and its arguments, run when the alert fires and when it is over. It gets the environment of this
  /// process, and PENSTOCK_ALERT (the name), PENSTOCK_ALERT_EVENT ("fired" or "cleared") and PENSTOCK_ALERT_JSON (what
  /// a webhook would get); standard input is empty, standard output and error go nowhere. Empty: none.
  std::vector<std::string> command = {};
  std::string webhook = {};  ///< "http://…" or "https://…": gets the event as JSON by POST. Empty: none.
  std::chrono::milliseconds timeout{10'000};  ///< Most time for the command, and for the webhook.
};

/// Returns an error when the rule cannot be watched: kInvalidArgument for a name that is empty, a condition that is
/// wrong or no condition, a bad URL or time; kNotFound or kPermissionDenied for a program that cannot be run;
/// kUnsupported for a webhook in a build without HTTP. Its place is the field: "when", "clear", "webhook" ….
Status check_alert(const AlertRule& rule);

/// What is watched while a pipeline runs. A sample costs some ten microseconds of a thread of its own, and nothing that
/// works waits for it.
struct MonitorOptions {
  bool on = false;
  std::chrono::milliseconds interval{500};  ///< Between two samples; at least 10 ms.
  /// With names of their own; `check_alert` holds for each. Where there are some the run is monitored, too.
  std::vector<AlertRule> alerts = {};

  bool wanted() const noexcept { return on || !alerts.empty(); }
};

/// What was counted and measured at one moment. Times and records since the start of the run; levels are the highest
/// since the sample before.
struct MonitorSample {
  struct Step {
    std::uint64_t records_out = 0;
    double busy_seconds = 0;     ///< All its workers together, here and below.
    double wait_seconds = 0;     ///< Waiting for input.
    double blocked_seconds = 0;  ///< Waiting for the next operator to take the output.
    std::uint32_t queue = 0;     ///< Batches in the channel in front of it; 0 where it has none.
  };
  double seconds = 0;                 ///< Since the start.
  double cpu_seconds = 0;             ///< Of the program and its worker processes.
  std::uint64_t memory_bytes = 0;     ///< Resident, of the program and its worker processes; shared pages count once.
  std::uint64_t in_flight_bytes = 0;  ///< In buffers.
  std::uint64_t records_in = 0;       ///< Read by the sources.
  std::uint64_t errors = 0;           ///< Records that were rejected.
  std::vector<Step> steps = {};       ///< As the steps of the report.
};

/// What a command or a webhook of an alert came to.
struct AlertAction {
  std::string kind;     ///< "command" or "webhook".
  std::string failure;  ///< Empty: it went well.
};

/// An alert that fired, or that is over.
struct AlertEvent {
  std::string alert;  ///< The rule's name.
  bool fired = true;  ///< False: it is over.
  double seconds = 0; /**< Since the start of the run. */
  /// Of the sample: what the condition looks at.
  std::vector<std::pair<std::string, double>> values = {};
  std::vector<AlertAction> actions = {};

  /// "alert "hot" fired after 3.1 s: cpu_usage = 97.2"; of one that is over "… is over after …".
  std::string to_text() const;
};

/// What monitoring a run has seen. Bounded: beyond 1,000 samples every other one is dropped and twice as much time lies
/// between two from then on; of events the first 1,000 are kept.
struct MonitorLog {
  std::uint32_t cores = 1;          ///< That the program may use.
  std::uint64_t memory_limit = 0;   ///< Bytes of memory that the program may use: what `memory` is a part of.
  double interval_seconds = 0;      ///< Between two samples of the list.
  std::uint64_t samples_taken = 0;  ///< Also those that are not kept.
  std::vector<MonitorSample> samples = {};
  std::vector<AlertEvent> events = {};
  std::uint64_t events_lost = 0;  ///< Beyond those that are kept.
};

}  // namespace penstock
