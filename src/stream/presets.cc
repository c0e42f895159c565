// SPDX-License-Identifier: MIT
#include "stream/presets.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/nearest_name.h"

namespace penstock {
namespace {

// What a preset sets. The reasons are measurements: docs/guide/strategies.md.
struct PresetValues {
  std::string_view name;
  std::optional<std::string_view> strategy = {};
  std::optional<std::size_t> batch_size = {};
  std::optional<std::size_t> queue_depth = {};
  std::optional<std::uint64_t> memory_limit = {};
  std::optional<bool> trace = {};
};

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

constexpr PresetValues kPresets[] = {
    {.name = "memory_optimized", .strategy = "serial", .queue_depth = 2, .memory_limit = 64 * kMiB},
    {.name = "cache_aware", .strategy = "parallel", .batch_size = 2048},
    {.name = "low_latency", .batch_size = 256, .queue_depth = 2},
    {.name = "high_throughput", .strategy = "parallel"},
    {.name = "streaming", .strategy = "threads", .batch_size = 1024, .queue_depth = 2, .trace = false},
};

const PresetValues* find_preset(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kPresets), std::end(kPresets), [&](const auto& each) { return each.name == name; });
  return found == std::end(kPresets) ? nullptr : found;
}

Error unknown_preset(std::string_view name) {
  std::vector<std::string> known;
  for (const PresetValues& each : kPresets) known.emplace_back(each.name);
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown preset: \"{}\"", name))
      .hint(suggest_name(name, known));
}

// Calls `visit(setting, its value, what the preset sets)` for each setting that presets may set.
template <class Options, class Visit>
void for_each_setting(Options& options, const PresetValues& values, Visit visit) {
  visit("strategy", options.strategy.name, values.strategy);
  visit("batch_size", options.batch_size, values.batch_size);
  visit("queue_depth", options.queue_depth, values.queue_depth);
  visit("memory_limit", options.memory_limit, values.memory_limit);
  visit("trace", options.trace, values.trace);
}

// The values that `preset` took the place of. A run that has a preset that sets `trace` had it on before.
PresetValues usual_values(const PresetValues& preset) {
  const RunOptions defaults;
  PresetValues usual;
  if (preset.strategy) usual.strategy = "serial";
  if (preset.batch_size) usual.batch_size = defaults.batch_size;
  if (preset.queue_depth) usual.queue_depth = defaults.queue_depth;
  if (preset.memory_limit) usual.memory_limit = defaults.memory_limit;
  if (preset.trace) usual.trace = !*preset.trace;
  return usual;
}

void set_values(RunOptions& options, const PresetValues& values, std::span<const std::string> explicit_names) {
  for_each_setting(options, values, [&](std::string_view setting, auto& value, const auto& wanted) {
    const bool stays = std::find(explicit_names.begin(), explicit_names.end(), setting) != explicit_names.end();
    if (wanted && !stays) value = *wanted;
  });
}

}  // namespace

const std::vector<PresetInfo>& presets() {
  static const std::vector<PresetInfo> infos = {
      {"memory_optimized", "least memory: one thread, and operators that may put rows into files do so early"},
      {"cache_aware", "arithmetic: a batch stays in one core's cache on its way through all operators"},
      {"low_latency", "the first results early, and each record soon: small batches, short queues; costs throughput"},
      {"high_throughput", "most records per second: several workers wherever batches are independent; costs memory"},
      {"streaming", "inputs of any length beside a steady reader: threads, short queues, nothing that grows"}};
  return infos;
}

Result<RunOptions> preset(std::string_view name) {
  RunOptions options;
  PENSTOCK_TRY(apply_preset(options, name, {}));
  return options;
}

Status apply_preset(RunOptions& options, std::string_view name, std::span<const std::string> explicit_names) {
  const PresetValues* const values = find_preset(name);
  if (values == nullptr) return unknown_preset(name);
  if (const PresetValues* const before = find_preset(options.preset))
    set_values(options, usual_values(*before), explicit_names);
  set_values(options, *values, explicit_names);
  options.preset = name;
  return {};
}

std::string preset_text(const RunOptions& options) {
  const PresetValues* const values = find_preset(options.preset);
  if (values == nullptr) return {};
  std::string set;
  std::string own;
  for_each_setting(options, *values, [&](std::string_view setting, const auto& value, const auto& wanted) {
    if (!wanted) return;
    if (value == *wanted) {
      set += fmt::format("{}{} = {}", set.empty() ? " sets " : ", ", setting, value);
    } else {
      own += fmt::format("{}{}", own.empty() ? "" : ", ", setting);
    }
  });
  return fmt::format("{}{}{}{}", options.preset, set.empty() ? " sets nothing" : set,
                     own.empty() ? "" : "; of your own: ", own);
}

}  // namespace penstock
