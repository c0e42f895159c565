// SPDX-License-Identifier: MIT
#include "workflow/run_settings.h"

#include <fmt/format.h>
#include <penstock/pipeline.h>

#include <charconv>

#include "base/nearest_name.h"
#include "stream/presets.h"

namespace penstock {
namespace {

Status set_strategy(RunOptions& options, const OptionValue& value) {
  if (value.as_text() == nullptr) return wrong_setting("strategy", value, "the name of a strategy");
  std::vector<std::string> known;
  for (const StrategyInfo& info : all_strategies()) known.push_back(info.name);
  for (const std::string& name : known) {
    if (name != *value.as_text()) continue;
    options.strategy.name = name;
    return {};
  }
  const std::string near = nearest_name(*value.as_text(), known);
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("unknown strategy: {}; known: {}", value.to_text(), fmt::join(known, ", ")))
      .at(value.place.to_text())
      .hint(near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near));
}

template <class T>
Status set_integer(T& target, std::string_view name, const OptionValue& value, std::int64_t least, std::int64_t most) {
  const std::int64_t* const integer = value.as_integer();
  if (integer == nullptr || *integer < least || *integer > most) {
    return wrong_setting(name, value, fmt::format("an integer from {} to {}", least, most));
  }
  target = static_cast<T>(*integer);
  return {};
}

Status set_bytes(std::uint64_t& target, std::string_view name, const OptionValue& value) {
  constexpr std::string_view kExpected = "a number of bytes like \"512MiB\"";
  if (value.as_integer() != nullptr && *value.as_integer() >= 0) {
    target = static_cast<std::uint64_t>(*value.as_integer());
    return {};
  }
  if (value.as_text() == nullptr) return wrong_setting(name, value, kExpected);
  const Result<std::int64_t> bytes = parse_bytes(*value.as_text());
  if (!bytes) return wrong_setting(name, value, kExpected);
  target = static_cast<std::uint64_t>(*bytes);
  return {};
}

constexpr std::int64_t kMost = std::int64_t{1} << 40;

Status set_monitor_interval(MonitorOptions& monitor, std::string_view name, const OptionValue& value) {
  PENSTOCK_ASSIGN(const std::chrono::milliseconds interval, duration_setting(name, value));
  constexpr std::chrono::milliseconds kLeast{10};
  if (interval < kLeast) return wrong_setting(name, value, "at least 10ms");
  monitor.interval = interval;
  return {};
}

}  // namespace

Error wrong_setting(std::string_view name, const OptionValue& value, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} must be {}, but is {}", name, expected, value.to_text()))
      .at(value.place.to_text());
}

Status set_flag(bool& target, std::string_view name, const OptionValue& value) {
  if (value.as_bool() == nullptr) return wrong_setting(name, value, "true or false");
  target = *value.as_bool();
  return {};
}

Status set_preset(RunOptions& options, const OptionValue& value, std::span<const std::string> explicit_names) {
  if (value.as_text() == nullptr) return wrong_setting("preset", value, "the name of a preset");
  Status set = apply_preset(options, *value.as_text(), explicit_names);
  return set ? set : std::move(set).error().at(value.place.to_text());
}

Result<std::chrono::milliseconds> duration_setting(std::string_view name, const OptionValue& value) {
  constexpr std::string_view kExpected = "a duration like \"250ms\", \"1.5s\", \"5m\" or a number of seconds";
  constexpr double kMostSeconds = 1e9;
  if (const std::string* const text = value.as_text()) {
    const Result<std::int64_t> micros = parse_duration(*text);
    if (!micros || static_cast<double>(*micros) > kMostSeconds * 1e6) return wrong_setting(name, value, kExpected);
    // Never rounded down to 0, which would mean none.
    return std::chrono::milliseconds((*micros + 999) / 1000);
  }
  if (value.as_integer() == nullptr && value.as_number() == nullptr) return wrong_setting(name, value, kExpected);
  const double seconds = value.as_number() != nullptr ? *value.as_number() : static_cast<double>(*value.as_integer());
  if (!(seconds >= 0 && seconds <= kMostSeconds)) return wrong_setting(name, value, kExpected);
  const auto millis = static_cast<std::int64_t>(seconds * 1000);
  return std::chrono::milliseconds(millis == 0 && seconds > 0 ? 1 : millis);
}

const std::vector<RunSetting>& run_settings() {
  static const std::vector<RunSetting> settings = {
      {"preset", "NAME",
       "Defaults for a purpose, behind all that is said here or in FILE: memory_optimized, cache_aware, low_latency, "
       "high_throughput or streaming"},
      {"strategy", "S",
       "serial: all operators in one thread; threads: the pipeline is cut into segments, a thread for each; parallel: "
       "as threads, with several workers where batches are independent; processes: as parallel, with each of these "
       "workers in a process that may crash or hang; hybrid: each operator where its run_on says; async: as threads, "
       "for "
       "operators that keep many records waiting at once (default: serial)"},
      {"workers", "N", "Most workers (threads or processes); 0: as many as the strategy finds right (default: 0)"},
      {"batch_size", "N", "Most records that go from operator to operator at once (default: 4096)"},
      {"queue_depth", "N", "Most batches that wait between two segments (default: 8)"},
      {"memory_limit", "BYTES",
       "Most bytes of records in flight, for instance 512MiB; 0: as batches and queues allow (default: 0)"},
      {"worker_memory", "BYTES", "Most memory that one worker process may allocate; 0: no limit (default: 0)"},
      {"timeout", "TIME", "Most time for the whole run: 250ms, 1.5s, 5m, 2h; 0: none (default: 0)"},
      {"max_errors", "N", "The run fails when more records than this are rejected (default: no limit)"},
      {"metrics", "BOOL", "true or false: measure times per operator; records are always counted (default: true)"},
      {"trace", "BOOL", "true or false: keep a timeline of batches in trace.json (default: true)"},
      {"monitor", "",
       "Sample processor, memory, throughput, queues and waiting times into metrics.json, show them, and watch the "
       "alerts of FILE"},
      {"monitor_interval", "TIME", "Time between two samples, at least 10ms (default: 500ms)"},
  };
  return settings;
}

Status set_run_setting(RunOptions& options, std::string_view name, const OptionValue& value) {
  if (name == "preset") return set_preset(options, value, {});
  if (name == "strategy") return set_strategy(options, value);
  if (name == "workers") return set_integer(options.strategy.workers, name, value, 0, 4096);
  if (name == "batch_size") return set_integer(options.batch_size, name, value, 1, 10'000'000);
  if (name == "queue_depth") return set_integer(options.queue_depth, name, value, 1, 1'000'000);
  if (name == "memory_limit") return set_bytes(options.memory_limit, name, value);
  if (name == "worker_memory") return set_bytes(options.worker_memory, name, value);
  if (name == "max_errors") return set_integer(options.max_errors, name, value, 0, kMost);
  if (name == "metrics") return set_flag(options.metrics, name, value);
  if (name == "trace") return set_flag(options.trace, name, value);
  if (name == "monitor") return set_flag(options.monitor.on, name, value);
  if (name == "monitor_interval") return set_monitor_interval(options.monitor, name, value);
  if (name == "timeout") {
    PENSTOCK_ASSIGN(options.timeout, duration_setting(name, value));
    return {};
  }
  std::vector<std::string> known;
  for (const RunSetting& setting : run_settings()) known.emplace_back(setting.name);
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown setting of a run: \"{}\"", name))
      .at(value.place.to_text())
      .hint(suggest_name(name, known));
}

OptionValue value_of_text(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  std::int64_t integer = 0;
  if (const auto [last, error] = std::from_chars(begin, end, integer); error == std::errc() && last == end)
    return integer;
  double number = 0;
  if (const auto [last, error] = std::from_chars(begin, end, number); error == std::errc() && last == end)
    return number;
  return text;
}

Result<OptionValue> value_for_param(const OptionValue::Entry& param, const std::string& text) {
  OptionValue value = param.value.as_text() != nullptr ? OptionValue(text) : value_of_text(text);
  if (param.value.as_number() != nullptr && value.as_integer() != nullptr)
    value = static_cast<double>(*value.as_integer());
  if (std::string_view(value.kind_name()) == param.value.kind_name()) return value;
  return Error(ErrorCode::kInvalidArgument, fmt::format("parameter \"{}\" must be {}, like its default {}", param.name,
                                                        param.value.kind_name(), param.value.to_text()));
}

}  // namespace penstock
