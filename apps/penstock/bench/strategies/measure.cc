// SPDX-License-Identifier: MIT
#include "apps/penstock/bench/strategies/measure.h"

#include <fmt/format.h>

#include <chrono>

#include "apps/penstock/bench/strategies/deep.h"
#include "apps/penstock/bench/strategies/rounds.h"
#include "apps/penstock/bench/strategies/scratch_folder.h"

namespace penstock::app::bench {
namespace {

Contender contender_for(const Job& job, const std::string& name) {
  return {.name = name, .workers = name == kNaive ? 0 : job.workers, .batch_size = job.batch_size};
}

// Every strategy and the naive program, on every job and size.
std::vector<Cell> contender_cells(const Settings& settings, const std::string& folder) {
  std::vector<Cell> cells;
  for (const Job& job : settings.jobs) {
    for (const std::uint64_t size : settings.sizes_of(job)) {
      const JobInput input = {.size = size, .folder = folder, .batch_size = job.batch_size};
      cells.push_back({Series::kContenders, job, input, contender_for(job, kNaive), {}});
      for (const std::string& name : settings.strategies)
        cells.push_back({Series::kContenders, job, input, contender_for(job, name), {}});
    }
  }
  return cells;
}

Status prepare_files(const std::vector<Cell>& cells, const Interrupts& interrupts, ProgressLine& progress) {
  for (const Cell& cell : cells) {
    if (cell.job.prepare == nullptr || !cell.contender.is_naive()) continue;  // once per size
    PENSTOCK_TRY(interrupts.check());
    progress.show(fmt::format("making the files of {}", cell.job.name));
    PENSTOCK_TRY(cell.job.prepare(cell.input));
  }
  return {};
}

}  // namespace

Result<Results> measure_strategies(const Settings& settings) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  Interrupts interrupts;
  ProgressLine progress;
  PENSTOCK_ASSIGN(const ScratchFolder scratch, ScratchFolder::make());
  Results results;
  results.settings = settings;
  results.cells = contender_cells(settings, scratch.path());
  PENSTOCK_TRY(prepare_files(results.cells, interrupts, progress));
  if (settings.is_deep()) {
    PENSTOCK_ASSIGN(std::vector<Cell> more, deep_cells(results.cells));
    std::move(more.begin(), more.end(), std::back_inserter(results.cells));
  }
  PENSTOCK_ASSIGN(results.rounds,
                  run_rounds(results.cells, settings.rounds, settings.seconds - seconds(), interrupts, progress));
  if (settings.is_deep()) analyse(results);
  results.seconds = seconds();
  return results;
}

}  // namespace penstock::app::bench
