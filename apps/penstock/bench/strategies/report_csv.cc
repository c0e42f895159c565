// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "apps/penstock/bench/strategies/report.h"

namespace penstock::app::bench {
namespace {

constexpr const char* kColumns =
    "series,job,size,unit,contender,workers,batch_size,queue_depth,runs,seconds_median,seconds_min,seconds_max,"
    "cpu_seconds_median,first_result_seconds_median,memory_bytes,speed_up_over_serial,time_saved_percent,"
    "memory_saved_percent,digest\n";

std::string optional_cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", *value) : std::string();
}

// No cell needs quotes: names of jobs, units and strategies are words. A strategy from outside might not be one.
std::string quoted_where_needed(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_row(const Results& results, const Cell& cell) {
  const Spread seconds = cell.spread(&Sample::seconds);
  const double first = cell.spread(&Sample::first_seconds).median;
  const Comparison comparison = cell.series == Series::kContenders ? results.compare(cell) : Comparison();
  return fmt::format(
      "{},{},{},{},{},{},{},{},{},{:.6f},{:.6f},{:.6f},{:.6f},{},{},{},{},{},{}\n", to_string(cell.series),
      cell.job.name, cell.input.size, cell.job.unit, quoted_where_needed(cell.contender.name), cell.contender.workers,
      cell.contender.batch_size, cell.contender.queue_depth, cell.samples.size(), seconds.median, seconds.min,
      seconds.max, cell.spread(&Sample::cpu_seconds).median, first < 0 ? "" : fmt::format("{:.6f}", first),
      cell.memory_bytes(), optional_cell(comparison.speed_up), optional_cell(comparison.time_saved_percent),
      optional_cell(comparison.memory_saved_percent), cell.digest());
}

}  // namespace

std::string results_to_csv(const Results& results) {
  std::string text = kColumns;
  for (const Cell& cell : results.cells) {
    if (!cell.samples.empty()) text += csv_row(results, cell);
  }
  return text;
}

}  // namespace penstock::app::bench
