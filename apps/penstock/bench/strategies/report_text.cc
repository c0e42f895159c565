// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "apps/penstock/bench/strategies/report.h"
#include "platform/machine.h"
#include "stream/table.h"

namespace penstock::app::bench {
namespace {

// "470.8 ms (465.0..494.7)": all in the unit of the median.
std::string spread_text(const Spread& spread) {
  struct Unit {
    double seconds;
    const char* name;
    int digits;
  };
  constexpr Unit kUnits[] = {{1, "s", 2}, {1e-3, "ms", 1}, {1e-6, "us", 0}};
  const Unit* unit = std::begin(kUnits);
  while (unit + 1 != std::end(kUnits) && spread.median < unit->seconds) ++unit;
  const auto number = [unit](double seconds) { return fmt::format("{:.{}f}", seconds / unit->seconds, unit->digits); };
  return fmt::format("{} {} ({}..{})", number(spread.median), unit->name, number(spread.min), number(spread.max));
}

std::string first_text(const Cell& cell) {
  const double seconds = cell.spread(&Sample::first_seconds).median;
  return seconds < 0 ? std::string("none") : duration_text(seconds);
}

std::string contenders_table(const Results& results) {
  Table table({"job", ">size", "contender", ">median (min..max)", ">vs serial", ">time saved", ">memory",
               ">memory saved", ">first result"});
  const Cell* before = nullptr;
  for (const Cell* cell : results.of_series(Series::kContenders)) {
    const bool same = before != nullptr && before->job.name == cell->job.name && before->input.size == cell->input.size;
    const Comparison comparison = results.compare(*cell);
    const bool naive = cell->contender.is_naive();
    table.add({same ? "" : cell->job.name, same ? "" : with_commas(cell->input.size) + " " + cell->job.unit,
               cell->contender.name, spread_text(cell->spread(&Sample::seconds)), factor_text(comparison.speed_up),
               naive ? "" : percent_text(comparison.time_saved_percent), bytes_text(cell->memory_bytes()),
               naive ? "" : percent_text(comparison.memory_saved_percent), first_text(*cell)});
    before = cell;
  }
  return table.to_text();
}

std::string start_up_table(const Results& results) {
  Table table({"strategy", ">workers", ">time to run nothing", ">cpu"});
  for (const Cell* cell : results.of_series(Series::kStartUp)) {
    table.add({cell->contender.name, workers_text(cell->contender), spread_text(cell->spread(&Sample::seconds)),
               duration_text(cell->spread(&Sample::cpu_seconds).median)});
  }
  return "\nStart-up\n" + table.to_text();
}

std::string steps_table(const Results& results) {
  Table table({"job", "strategy", "step", ">busy", ">waiting", ">blocked", ">of busy"});
  for (const Cell* cell : results.of_series(Series::kContenders)) {
    const std::vector<StepTimes>& steps = cell->typical().steps;
    double busy = 0;
    for (const StepTimes& step : steps) busy += step.busy_seconds;
    for (const StepTimes& step : steps) {
      const bool first = &step == &steps.front();
      table.add({first ? cell->job.name : "", first ? cell->contender.name : "", step.name,
                 step.fused ? "(fused)" : duration_text(step.busy_seconds), duration_text(step.wait_seconds),
                 duration_text(step.blocked_seconds),
                 busy > 0 ? fmt::format("{:.0f} %", step.busy_seconds / busy * 100) : ""});
    }
  }
  return "\nWhere the time of each step went, over all its workers (median run)\n" + table.to_text();
}

std::uint64_t setting_of(Series series, const Contender& contender) {
  if (series == Series::kWorkers) return contender.workers;
  return series == Series::kBatchSize ? contender.batch_size : contender.queue_depth;
}

// "2: 1.20 s  4: 0.80 s", a row per job and strategy.
std::string sweep_table(const Results& results, Series series, const char* title) {
  const std::vector<const Cell*> cells = results.of_series(series);
  if (cells.empty()) return {};
  Table table({"job", "strategy", "median time at each"});
  for (std::size_t i = 0; i < cells.size();) {
    const Cell& first = *cells[i];
    std::string line;
    for (; i < cells.size() && cells[i]->job.name == first.job.name && cells[i]->contender.name == first.contender.name;
         ++i) {
      line += fmt::format("{}{}: {}", line.empty() ? "" : "   ", setting_of(series, cells[i]->contender),
                          duration_text(cells[i]->spread(&Sample::seconds).median));
    }
    table.add({first.job.name, first.contender.name, line});
  }
  return fmt::format("\n{}\n{}", title, table.to_text());
}

std::string crossings_table(const Results& results) {
  if (results.crossings.empty()) return {};
  Table table({"job", ">batches", ">time per batch", ">cpu per batch"});
  for (const CrossingCost& cost : results.crossings) {
    table.add({cost.job, with_commas(cost.batches), fmt::format("{:+.1f} us", cost.wall_seconds * 1e6),
               fmt::format("{:+.1f} us", cost.cpu_seconds * 1e6)});
  }
  return "\nWhat processes take more than parallel, each less its start-up: serialisation and copies, per batch\n" +
         table.to_text();
}

std::string counter_text(const std::map<std::string, double>& counters, const char* name) {
  const auto found = counters.find(name);
  return found == counters.end() ? std::string("-") : with_commas(static_cast<std::uint64_t>(found->second));
}

// Part of the references to the last cache that missed it, and lines of 64 bytes that missed it, over the time: a lower
// bound of the bandwidth, as prefetched lines are no misses.
std::vector<std::string> cache_texts(const Sample& run) {
  constexpr double kLine = 64;
  const auto misses = run.counters.find("cache_misses");
  const auto references = run.counters.find("cache_references");
  if (misses == run.counters.end() || run.seconds <= 0) return {"-", "-"};
  const bool has_share = references != run.counters.end() && references->second > 0;
  return {has_share ? fmt::format("{:.1f} %", misses->second / references->second * 100) : "-",
          bytes_text(static_cast<std::uint64_t>(misses->second * kLine / run.seconds)) + "/s"};
}

bool has_processor_counters(const Results& results) {
  const std::vector<const Cell*> cells = results.of_series(Series::kContenders);
  return std::any_of(cells.begin(), cells.end(),
                     [](const Cell* cell) { return cell->typical().counters_missing.empty(); });
}

std::string counters_table(const Results& results) {
  const bool all = has_processor_counters(results);
  std::vector<std::string> header = {"job", "contender", ">page faults", ">context switches"};
  if (all)
    header.insert(header.end(), {">cycles", ">instructions", ">cache misses", ">missed", ">bandwidth of misses"});
  Table table(header);
  std::string missing;
  for (const Cell* cell : results.of_series(Series::kContenders)) {
    const Sample& run = cell->typical();
    std::vector<std::string> row = {cell->job.name, cell->contender.name, counter_text(run.counters, "page_faults"),
                                    counter_text(run.counters, "context_switches")};
    for (const char* name : {"cycles", "instructions", "cache_misses"}) {
      if (all) row.push_back(counter_text(run.counters, name));
    }
    const std::vector<std::string> cache = cache_texts(run);
    if (all) row.insert(row.end(), cache.begin(), cache.end());
    table.add(std::move(row));
    missing = run.counters_missing;
  }
  return "\nCounters (median run)\n" + table.to_text() +
         (missing.empty() ? "" : "Cycles, cache misses and bandwidth are not available: " + missing + ".\n");
}

std::string deep_text(const Results& results) {
  std::string text = start_up_table(results) + steps_table(results);
  text += sweep_table(results, Series::kWorkers, "Workers");
  text += sweep_table(results, Series::kBatchSize, "Batch size");
  text += sweep_table(results, Series::kQueueDepth, "Queue depth");
  text += crossings_table(results) + counters_table(results) + "\nAdvice\n";
  for (const Advice& advice : results.advice) text += fmt::format("  {}: {}\n", advice.job, advice.text);
  return text;
}

}  // namespace

std::string workers_text(const Contender& contender) {
  return contender.workers == 0 ? std::string("default") : fmt::format("{}", contender.workers);
}

std::string settings_text(const Contender& contender) {
  std::string text = contender.workers == 0 ? std::string() : counted(contender.workers, "worker") + ", ";
  return text + fmt::format("batches of {}, queues of {}", contender.batch_size, contender.queue_depth);
}

std::string percent_text(const std::optional<double>& percent) {
  return percent ? fmt::format("{:+.0f} %", *percent) : std::string();
}

std::string factor_text(const std::optional<double>& factor) {
  return factor ? fmt::format("{:.2f}x", *factor) : std::string();
}

std::string results_to_text(const Results& results) {
  const Machine machine = this_machine();
  std::string text =
      fmt::format("penstock bench {}: {}, {}; {} in {}\n\n", results.settings.level,
                  machine.processor.empty() ? machine.system : machine.processor, counted(machine.cores, "core"),
                  counted(results.rounds, "alternating round"), duration_text(results.seconds));
  text += contenders_table(results);
  text += "\nSaved: against the naive program; negative: it takes more. ";
  text += kHowMemory;
  text += "\n";
  if (results.settings.is_deep()) text += deep_text(results);
  return text;
}

}  // namespace penstock::app::bench
