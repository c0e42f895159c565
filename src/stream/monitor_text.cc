// SPDX-License-Identifier: MIT
#include "stream/monitor_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "stream/sampler.h"
#include "stream/table.h"

namespace penstock {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostEventsShown = 20;

// More digits than were measured would only make the file longer.
double rounded(double value, double to) { return std::round(value * to) / to; }

template <class Number>
Json list_of(const std::vector<MonitorSample>& samples, Number number) {
  Json list = Json::array();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    static const MonitorSample zero;
    list.push_back(number(i == 0 ? zero : samples[i - 1], samples[i]));
  }
  return list;
}

std::size_t queue_depth_of(const Plan& plan, std::size_t step) {
  for (const PlanSegment& segment : plan.segments) {
    if (!segment.steps.empty() && segment.steps.front() == step) return segment.queue_depth;
  }
  return 0;
}

Json step_to_json(const Report& report, std::size_t index) {
  const std::vector<MonitorSample>& samples = report.monitor->samples;
  const auto part_of_time = [&](double MonitorSample::Step::* seconds) {
    return list_of(samples, [&](const MonitorSample& before, const MonitorSample& now) {
      const double since = now.seconds - before.seconds;
      const double spent = now.steps[index].*seconds - (before.steps.empty() ? 0 : before.steps[index].*seconds);
      return since > 0 ? rounded(spent / since, 1e4) : 0;
    });
  };
  Json step = {
      {"name", report.steps[index].name},
      {"records_out",
       list_of(samples, [&](const MonitorSample&, const MonitorSample& now) { return now.steps[index].records_out; })},
      {"busy", part_of_time(&MonitorSample::Step::busy_seconds)},
      {"waiting", part_of_time(&MonitorSample::Step::wait_seconds)},
      {"blocked", part_of_time(&MonitorSample::Step::blocked_seconds)}};
  const std::size_t depth = queue_depth_of(report.plan, index);
  if (depth == 0) return step;
  step["queue_depth"] = depth;
  step["queue"] =
      list_of(samples, [&](const MonitorSample&, const MonitorSample& now) { return now.steps[index].queue; });
  return step;
}

Json event_to_json(const AlertEvent& event) {
  Json values = Json::object();
  for (const auto& [metric, value] : event.values) values[metric] = value;
  Json actions = Json::array();
  for (const AlertAction& action : event.actions)
    actions.push_back({{"kind", action.kind}, {"failure", action.failure}});
  return {{"alert", event.alert},
          {"event", event.fired ? "fired" : "cleared"},
          {"seconds", rounded(event.seconds, 1e6)},
          {"values", std::move(values)},
          {"actions", std::move(actions)}};
}

}  // namespace

Json monitor_to_json(const Report& report) {
  const MonitorLog& log = *report.monitor;
  MonitorScale scale{log.cores, log.memory_limit, std::vector<std::uint32_t>(report.steps.size(), 0)};
  const auto metric = [&](double MetricValues::* value, double to) {
    return list_of(log.samples, [&](const MonitorSample& before, const MonitorSample& now) {
      return rounded(metrics_between(before, now, scale).*value, to);
    });
  };
  const auto count = [&](std::uint64_t MonitorSample::* value) {
    return list_of(log.samples, [&](const MonitorSample&, const MonitorSample& now) { return now.*value; });
  };
  Json json = {{"interval_seconds", log.interval_seconds},
               {"samples_taken", log.samples_taken},
               {"cores", log.cores},
               {"memory_limit_bytes", log.memory_limit},
               {"seconds", metric(&MetricValues::seconds, 1e3)},
               {"cpu_usage", metric(&MetricValues::cpu_usage, 10)},
               {"throughput", metric(&MetricValues::throughput, 1)},
               {"memory_bytes", count(&MonitorSample::memory_bytes)},
               {"in_flight_bytes", count(&MonitorSample::in_flight_bytes)},
               {"records_in", count(&MonitorSample::records_in)},
               {"errors", count(&MonitorSample::errors)}};
  json["steps"] = Json::array();
  for (std::size_t i = 0; i < report.steps.size(); ++i) json["steps"].push_back(step_to_json(report, i));
  json["alerts"] = Json::array();
  for (const AlertEvent& event : log.events) json["alerts"].push_back(event_to_json(event));
  json["alerts_lost"] = log.events_lost;
  return json;
}

std::string monitor_to_text(const MonitorLog& log) {
  std::uint64_t memory = 0;
  for (const MonitorSample& sample : log.samples) memory = std::max(memory, sample.memory_bytes);
  const double seconds = log.samples.empty() ? 0 : log.samples.back().seconds;
  const double cpu = log.samples.empty() ? 0 : log.samples.back().cpu_seconds;
  std::string text = fmt::format(
      "monitor: {}: {:.0f} % of {} used on average, {} of memory at most\n", counted(log.samples_taken, "sample"),
      seconds > 0 ? cpu / seconds / log.cores * 100 : 0, counted(log.cores, "core"), bytes_text(memory));
  for (std::size_t i = 0; i < std::min(log.events.size(), kMostEventsShown); ++i) {
    const AlertEvent& event = log.events[i];
    text += printable(event.to_text()) + "\n";
    for (const AlertAction& action : event.actions) {
      if (!action.failure.empty()) text += fmt::format("  its {} failed: {}\n", action.kind, printable(action.failure));
    }
  }
  const std::uint64_t more = log.events_lost + log.events.size() - std::min(log.events.size(), kMostEventsShown);
  if (more > 0) text += fmt::format("... and {}\n", counted(more, "more alert"));
  return text;
}

}  // namespace penstock
