// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/penstock/bench/strategies/report.h"
#include "apps/penstock/bench/strategies/svg.h"
#include "apps/penstock/commands.h"
#include "base/xml_text.h"
#include "platform/machine.h"
#include "stream/table.h"

namespace penstock::app::bench {
namespace {

constexpr const char* kStyle =
    "body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1180px;padding:0 "
    "1em;color:#222;background:#fff}"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin:2em 0 .2em;border-top:1px solid #ddd;padding-top:.8em}"
    "table{border-collapse:collapse;margin:.6em 0;font-variant-numeric:tabular-nums}"
    "th,td{padding:.15em .7em;border-bottom:1px solid #e5e5e5;text-align:right}"
    "th:first-child,td:first-child{text-align:left}th{font-weight:600}"
    ".charts{display:flex;flex-wrap:wrap;gap:12px}.advice{background:#f3f6fa;padding:.5em .8em;border-left:3px solid "
    "#2f6db3}"
    "svg text{font:11px system-ui,sans-serif;fill:#222}svg .title{font-weight:600;font-size:12px}"
    "svg .grid{stroke:#e2e2e2}svg .whisker{stroke:#111;stroke-width:1.5}";

// The colour of a contender: the naive program's is 0.
int colour_for(const Results& results, const std::string& name) {
  const std::vector<std::string>& names = results.settings.strategies;
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? 0 : static_cast<int>(found - names.begin()) + 1;
}

std::string html_row(const std::vector<std::string>& cells, const char* tag) {
  std::string row = "<tr>";
  for (const std::string& cell : cells) row += fmt::format("<{}>{}</{}>", tag, xml_text(cell), tag);
  return row + "</tr>\n";
}

std::string html_table(const std::vector<std::vector<std::string>>& rows) {
  std::string table = "<table>\n";
  for (const auto& row : rows) table += html_row(row, &row == &rows.front() ? "th" : "td");
  return table + "</table>\n";
}

std::string time_table(const Results& results, const std::vector<const Cell*>& cells) {
  std::vector<std::vector<std::string>> rows = {{"contender", "with", "median", "min", "max", "cpu", "vs serial",
                                                 "time saved", "memory", "memory saved", "first result"}};
  for (const Cell* cell : cells) {
    const Spread seconds = cell->spread(&Sample::seconds);
    const double first = cell->spread(&Sample::first_seconds).median;
    const Comparison comparison = results.compare(*cell);
    const bool naive = cell->contender.is_naive();
    rows.push_back({cell->contender.name, naive ? "" : settings_text(cell->contender), duration_text(seconds.median),
                    duration_text(seconds.min), duration_text(seconds.max),
                    duration_text(cell->spread(&Sample::cpu_seconds).median), factor_text(comparison.speed_up),
                    naive ? "" : percent_text(comparison.time_saved_percent), bytes_text(cell->memory_bytes()),
                    naive ? "" : percent_text(comparison.memory_saved_percent),
                    first < 0 ? "none" : duration_text(first)});
  }
  return html_table(rows);
}

std::string contender_charts(const Results& results, const std::vector<const Cell*>& cells, const std::string& title) {
  std::vector<Bar> times;
  std::vector<Bar> memory;
  for (const Cell* cell : cells) {
    const Spread seconds = cell->spread(&Sample::seconds);
    const int colour = colour_for(results, cell->contender.name);
    const auto bytes = static_cast<double>(cell->memory_bytes());
    times.push_back(
        {cell->contender.name, seconds.median, seconds.min, seconds.max, duration_text(seconds.median), colour});
    memory.push_back({cell->contender.name, bytes, bytes, bytes, bytes_text(cell->memory_bytes()), colour});
  }
  return "<div class=\"charts\">" + bar_chart("Time: " + title, times) + bar_chart("Peak memory: " + title, memory) +
         "</div>\n";
}

std::string sweep_chart(const Results& results, Series series, const std::string& job, const std::string& x_title,
                        std::uint64_t (*setting)(const Contender&)) {
  const std::vector<const Cell*> cells = results.of_series(series, job);
  if (cells.empty()) return {};
  std::map<std::uint64_t, std::size_t> places;
  for (const Cell* cell : cells) places[setting(cell->contender)] = 0;
  std::vector<std::string> names;
  for (auto& [value, place] : places) {
    place = names.size();
    names.push_back(fmt::format("{}", value));
  }
  std::vector<Line> lines;
  for (const Cell* cell : cells) {
    if (lines.empty() || lines.back().name != cell->contender.name) {
      lines.push_back(
          {cell->contender.name, std::vector<double>(names.size(), -1), colour_for(results, cell->contender.name)});
    }
    lines.back().values[places[setting(cell->contender)]] = cell->spread(&Sample::seconds).median;
  }
  return line_chart(fmt::format("{} by {}", job, x_title), x_title, names, "seconds", lines);
}

std::string steps_html(const std::vector<const Cell*>& cells) {
  std::vector<std::vector<std::string>> rows = {{"strategy", "step", "batches", "busy", "waiting", "blocked"}};
  for (const Cell* cell : cells) {
    for (const StepTimes& step : cell->typical().steps) {
      rows.push_back({cell->contender.name, step.name, with_commas(step.batches),
                      step.fused ? "(fused)" : duration_text(step.busy_seconds), duration_text(step.wait_seconds),
                      duration_text(step.blocked_seconds)});
    }
  }
  return html_table(rows);
}

std::string deep_job(const Results& results, const Job& job, const std::vector<const Cell*>& cells) {
  std::string html;
  for (const Advice& advice : results.advice) {
    if (advice.job == job.name) html += fmt::format("<p class=\"advice\">{}</p>\n", xml_text(advice.text));
  }
  html += "<div class=\"charts\">";
  html += sweep_chart(results, Series::kWorkers, job.name, "workers",
                      [](const Contender& contender) { return std::uint64_t{contender.workers}; });
  html += sweep_chart(results, Series::kBatchSize, job.name, "batch size",
                      [](const Contender& contender) { return std::uint64_t{contender.batch_size}; });
  html += sweep_chart(results, Series::kQueueDepth, job.name, "queue depth",
                      [](const Contender& contender) { return std::uint64_t{contender.queue_depth}; });
  return html + "</div>\n" + steps_html(cells);
}

std::string job_section(const Results& results, const Job& job) {
  std::string html = fmt::format("<h2>{}</h2>\n<p>{}</p>\n", xml_text(job.name), xml_text(job.what));
  for (const std::uint64_t size : results.settings.sizes_of(job)) {
    std::vector<const Cell*> cells = results.of_series(Series::kContenders, job.name);
    std::erase_if(cells, [size](const Cell* cell) { return cell->input.size != size; });
    html += contender_charts(results, cells, fmt::format("{}, {} {}", job.name, with_commas(size), job.unit));
    html += time_table(results, cells);
    if (results.settings.is_deep()) html += deep_job(results, job, cells);
  }
  return html;
}

std::string start_up_section(const Results& results) {
  std::vector<Bar> bars;
  for (const Cell* cell : results.of_series(Series::kStartUp)) {
    const Spread seconds = cell->spread(&Sample::seconds);
    bars.push_back({cell->contender.name + (cell->contender.workers == 0 ? "" : ", " + workers_text(cell->contender)),
                    seconds.median, seconds.min, seconds.max, duration_text(seconds.median),
                    colour_for(results, cell->contender.name)});
  }
  std::string html =
      "<h2>Start-up</h2>\n" +
      bar_chart("Time to run a job without records, and the number of workers where it is not the default", bars);
  if (results.crossings.empty()) return html;
  std::vector<std::vector<std::string>> rows = {{"job", "batches", "time per batch", "cpu per batch"}};
  for (const CrossingCost& cost : results.crossings) {
    rows.push_back({cost.job, with_commas(cost.batches), fmt::format("{:+.1f} us", cost.wall_seconds * 1e6),
                    fmt::format("{:+.1f} us", cost.cpu_seconds * 1e6)});
  }
  return html +
         "<h2>Serialisation and copies</h2>\n<p>What processes take more than parallel, each less its "
         "start-up.</p>\n" +
         html_table(rows);
}

}  // namespace

std::string results_to_html(const Results& results) {
  const Machine machine = this_machine();
  const std::string title = "penstock bench " + results.settings.level;
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/><title>{}</title><style>{}</style></head>\n"
      "<body>\n<h1>{}</h1>\n",
      title, kStyle, title);
  html += fmt::format(
      "<p>Penstock {} on {}, {}, {}; {} in {}. Bars are medians, whiskers the fastest and the slowest "
      "run. Saved: against the naive program; negative: it takes more. {}</p>\n",
      program_version(), xml_text(machine.processor), counted(machine.cores, "core"), xml_text(machine.system),
      counted(results.rounds, "alternating round"), duration_text(results.seconds), kHowMemory);
  html += check_answers(results) ? "<p>All contenders gave the same answers.</p>\n"
                                 : "<p class=\"advice\">The answers DIFFER: see the JSON.</p>\n";
  for (const Job& job : results.settings.jobs) html += job_section(results, job);
  if (results.settings.is_deep()) html += start_up_section(results);
  return html + "</body>\n</html>\n";
}

}  // namespace penstock::app::bench
